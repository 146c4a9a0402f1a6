//! Installing packages of a host's distribution.

use std::io::empty;

use crate::cluster::Layout;
use crate::error::{Error, Result};
use crate::plan::HostPlan;
use crate::remote::{ONLY_ROOT, Transport, host_lock};
use crate::state::HostState;
use crate::text::sh_quote;

/// How often another dpkg or apt is waited for, two seconds each time.
const LOCK_TRIES: u32 = 60;
/// The script's status when it did not end.
const LOCKED: i32 = 75;

/// Masks units of the packages, installs what was pushed, and writes down what of that is ours.
pub(super) fn install(
    transport: &mut dyn Transport,
    plan: &HostPlan,
    state: &HostState,
    layout: &Layout,
) -> Result<String> {
    let output = transport.run(&script(plan, state, layout), &mut empty())?;
    if output.status == 0 {
        let installed = plan.packages.iter().filter(|package| package.install);
        return Ok(installed.map(|package| package.name.as_str()).collect::<Vec<_>>().join(", "));
    }
    let host = transport.host();
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(match output.status {
        LOCKED => {
            Error::remote(format!("{host}: packages cannot be installed: dpkg is at work for another")).detail(said).hint(
                "wait until it has ended (apt-daily and unattended-upgrades take minutes), and run `kbootstrap up` again",
            )
        }
        _ => Error::remote(format!("{host}: packages could not be installed"))
            .detail(said)
            .hint(format!("look at it on {host}: dpkg --audit; then run `kbootstrap up` again: it goes on from here")),
    })
}

fn script(plan: &HostPlan, state: &HostState, layout: &Layout) -> String {
    let set = |name: &str, value: &str| format!("{name}={}\n", sh_quote(value));
    let mut s = format!("set -u\n{}", host_lock::hold());
    s.push_str(&set("R", &layout.records));
    s.push_str(&set("UNITS", &layout.units));
    s.push_str(&set("PACKAGES", &layout.packages()));
    s.push_str(&set("RECORD", &layout.packages_record()));
    s.push_str(ONLY_ROOT);
    s.push_str("mkdir -p -m 700 \"$PACKAGES\"\nkb_only_root \"$PACKAGES\" || exit 77\n");
    s.push_str(&set("TRIES", &LOCK_TRIES.to_string()));
    s.push_str(&set("BUSY", &LOCKED.to_string()));
    s.push_str(include_str!("packages.sh"));
    let quoted = |names: &mut dyn Iterator<Item = &String>| sh_quote(&names.cloned().collect::<Vec<_>>().join(","));
    for package in &plan.packages {
        let wanted_by = quoted(&mut package.wanted_by.iter());
        for unit in &package.mask {
            s.push_str(&format!("masks {} {wanted_by} {}\n", sh_quote(unit), sh_quote(&package.name)));
        }
    }
    let install = || plan.packages.iter().filter(|package| package.install);
    for package in install() {
        let (name, version) = (sh_quote(&package.name), sh_quote(&package.version));
        s.push_str(&format!("ours {name} {} {version}\n", quoted(&mut package.wanted_by.iter())));
    }
    let mut groups: Vec<Vec<String>> = vec![Vec::new()];
    for package in install() {
        let waits = state.install.iter().any(|file| file.package == package.name && file.after_configured);
        match groups.last_mut() {
            Some(group) if !waits || group.is_empty() => group.push(sh_quote(&package.name)),
            _ => groups.push(vec![sh_quote(&package.name)]),
        }
    }
    for group in groups.iter().filter(|group| !group.is_empty()) {
        s.push_str(&format!("group {}\n", group.join(" ")));
    }
    for package in state.packages.iter().filter(|package| install().any(|change| change.name == package.name)) {
        s.push_str(&format!("there {} {}\n", sh_quote(&package.name), sh_quote(&package.program)));
    }
    s.push_str("rm -f -- \"$PACKAGES\"/*.deb \"$PACKAGES/said\"\n");
    s
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::plan::PackageChange;
    use crate::state::{Package, PackageFile};

    #[test]
    fn units_are_masked_and_all_is_written_down_before_anything_is_unpacked() {
        let of = |name: &str| BTreeSet::from([name.to_owned()]);
        let change = |name: &str, mask: &[&str]| PackageChange {
            name: name.into(),
            version: "1".into(),
            size: 1,
            install: true,
            wanted_by: of("haproxy"),
            mask: mask.iter().map(|unit| (*unit).to_owned()).collect(),
        };
        let packages = vec![change("adduser", &[]), change("liblua", &[]), change("haproxy", &["haproxy.service"])];
        let plan = HostPlan { host: "m1".into(), packages, ..HostPlan::default() };
        let file = |name: &str, after_configured| PackageFile { after_configured, ..PackageFile::unknown(name) };
        let package = Package {
            name: "haproxy".into(),
            program: "/usr/sbin/haproxy".into(),
            units: of("haproxy.service"),
            least: (2, 4),
            components: BTreeSet::new(),
        };
        let install = vec![file("adduser", false), file("liblua", false), file("haproxy", true)];
        let state = HostState { packages: vec![package], install, ..HostState::default() };
        let script = script(&plan, &state, &Layout::standard());
        let calls = script.split("\nthere() {").nth(1).unwrap().split("}\n").nth(1).unwrap();
        insta::assert_snapshot!(calls, @r#"
        masks 'haproxy.service' 'haproxy' 'haproxy'
        ours 'adduser' 'haproxy' '1'
        ours 'liblua' 'haproxy' '1'
        ours 'haproxy' 'haproxy' '1'
        group 'adduser' 'liblua'
        group 'haproxy'
        there 'haproxy' '/usr/sbin/haproxy'
        rm -f -- "$PACKAGES"/*.deb "$PACKAGES/said"
        "#);
    }
}
