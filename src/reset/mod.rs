//! Takes away from hosts what is ours: all of it, or what some components have; and says what stays.

mod component;
mod targets;

use std::io::empty;

pub use component::{switched_off, with};
pub use targets::Targets;

use crate::cluster::Layout;
use crate::error::{Error, Result};
use crate::remote::{ONLY_ROOT, Transport, host_lock};
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

/// Takes it away and returns what was done, a line each.
pub fn reset(transport: &mut dyn Transport, targets: &Targets, layout: &Layout) -> Result<Vec<String>> {
    let output = transport.run(&script(targets, layout), &mut empty())?;
    host_lock::check(transport.host(), &output)?;
    let lines: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    if output.status == 0 {
        return Ok(lines);
    }
    let left: Vec<&str> = lines.iter().filter_map(|l| l.strip_prefix("left: ")).collect();
    Err(Error::remote(format!("{}: not everything could be removed: {}", transport.host(), left.join(", ")))
        .detail(String::from_utf8_lossy(&output.stderr).trim().to_owned())
        .hint("a reboot of the host frees what is still in use; then run the same command again"))
}

/// The script that does it: its variables, and the text that works on them (`reset.sh`).
pub fn script(targets: &Targets, layout: &Layout) -> String {
    let set = |name: &str, values: &[String]| format!("{name}={}\n", sh_quote(&values.join(" ")));
    let keys = [layout.pki.clone(), layout.etcd_pki.clone(), format!("{}/pki", layout.kubelet)];
    let whole = |text: String| if targets.whole { text } else { String::new() };
    [
        whole(host_lock::wait()),
        host_lock::hold(),
        set("SERVICES", &targets.services),
        set("RUNTIMES", &targets.runtimes),
        set("SLICES", &targets.slices),
        set("MOUNTS", &targets.mounts),
        set("NAMESPACES", &targets.namespaces),
        set("LINKS", &targets.links),
        set("TABLES", &targets.tables),
        format!("CHAINS={}\n", sh_quote(&targets.chains.join("|"))),
        format!("OUR_CHAINS={}\n", sh_quote(include_str!("chains.awk"))),
        set("FILES", &targets.files),
        set("KEYS", if targets.whole { &keys } else { &[] }),
        set("DIRS", &targets.dirs),
        set("EMPTY_DIRS", &targets.empty_dirs),
        set("RECORDS", &targets.records),
        format!("STAGED={}\n", whole(sh_quote(&format!("{}/staged", layout.records)))),
        set("PACKAGES", &targets.packages),
        format!("INSTALLED={}\n", packages_record(targets, layout)),
        format!("UNITS={}\n", sh_quote(&layout.units)),
        ONLY_ROOT.to_owned(),
        include_str!("mounted.sh").to_owned(),
        include_str!("packages.sh").to_owned(),
        include_str!("reset.sh").to_owned(),
        whole(host_lock::forget()),
        "exit $failed\n".to_owned(),
    ]
    .concat()
}

/// The record of what we installed, where anything of it goes.
fn packages_record(targets: &Targets, layout: &Layout) -> String {
    let goes = targets.whole || !targets.packages.is_empty();
    if goes { sh_quote(&layout.packages_record()) } else { "''".into() }
}
