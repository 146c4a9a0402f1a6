//! Takes a host back: services, pods, mounts, interfaces, rules and files of ours, and says what stays.

use std::io::empty;

use crate::cluster::Layout;
use crate::components::{Catalogue, ComponentSpec};
use crate::error::{Error, Result};
use crate::remote::{Transport, host_lock};
use crate::text::sh_quote;

/// What a reset never touches; it is reported to the operator.
pub fn left(layout: &Layout) -> [String; 4] {
    [
        "the `etcd` system user and loaded kernel modules".into(),
        "kernel settings as they are until the next boot".into(),
        format!("audit logs in {}", layout.logs),
        "the cluster's folder on this machine: certificates, CA keys, logs".into(),
    ]
}

/// Takes the host back and returns what was done, a line each.
pub fn reset(transport: &mut dyn Transport, catalogue: &Catalogue, layout: &Layout) -> Result<Vec<String>> {
    let output = transport.run(&script(catalogue, layout), &mut empty())?;
    let lines: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    if output.status == 0 {
        return Ok(lines);
    }
    let left: Vec<&str> = lines.iter().filter_map(|l| l.strip_prefix("left: ")).collect();
    Err(Error::remote(format!("{}: not everything could be removed: {}", transport.host(), left.join(", ")))
        .detail(String::from_utf8_lossy(&output.stderr).trim().to_owned())
        .hint("a reboot of the host frees what is still in use; then run `kbootstrap reset` again"))
}

/// The script that takes a host back: a query over the catalogue, and the text that does it (`reset.sh`).
pub fn script(catalogue: &Catalogue, layout: &Layout) -> String {
    // What started last stops first.
    let (runtimes, services): (Vec<_>, Vec<_>) =
        catalogue.components.iter().rev().filter(|spec| spec.unit.is_some()).partition(|s| catalogue.is_runtime(s.id));
    let names = |specs: &[&ComponentSpec]| specs.iter().filter_map(|spec| Some(spec.unit?.name())).collect::<Vec<_>>();
    let (runtimes, services) = (names(&runtimes), names(&services));
    let programs = catalogue.components.iter().flat_map(|spec| spec.programs).map(|program| program.path(layout));
    let units = runtimes.iter().chain(&services).map(|unit| format!("{}/{unit}", layout.units));
    let mut files: Vec<String> = units.chain(programs).collect();
    files.extend([layout.sysctls.clone(), layout.modules.clone()]);
    files.extend(catalogue.footprint(|of| (of.files)(layout)));
    let mut dirs = catalogue.removed_dirs(layout);
    dirs.push(layout.records.clone());
    let mut empty = catalogue.footprint(|of| (of.empty_dirs)(layout));
    empty.reverse();
    let set = |name: &str, values: &[String]| format!("{name}={}\n", sh_quote(&values.join(" ")));
    [
        host_lock::wait(),
        host_lock::hold(),
        set("SERVICES", &services),
        set("RUNTIMES", &runtimes),
        set("SLICES", &catalogue.footprint(|of| owned(of.slices))),
        set("MOUNTS", &catalogue.footprint(|of| (of.mounts)(layout))),
        set("NAMESPACES", &catalogue.footprint(|of| owned(of.namespaces))),
        set("LINKS", &catalogue.footprint(|of| owned(of.links))),
        set("TABLES", &catalogue.footprint(|of| owned(of.tables))),
        format!("CHAINS={}\n", sh_quote(&catalogue.footprint(|of| owned(of.chains)).join("|"))),
        set("FILES", &files),
        set("DIRS", &dirs),
        set("EMPTY_DIRS", &empty),
        set("STAGED", &[format!("{}/staged", layout.records)]),
        include_str!("reset.sh").to_owned(),
        host_lock::forget(),
        "exit $failed\n".to_owned(),
    ]
    .concat()
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
