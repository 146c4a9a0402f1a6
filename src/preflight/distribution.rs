//! Packages of the distribution that components need.

use super::finding::HostCheck;
use super::packages;
use crate::facts::{Found, PackageManager};
use crate::state::Package;

const CHECK: &str = "packages";

/// Packages with what they need take tens of megabytes; dpkg that runs out of room half-way is work for a person.
const ROOM: u64 = 300 << 20;

pub(super) fn check(check: &mut HostCheck) {
    let wanted = check.catalogue.packages(check.cluster, check.host);
    let mut missing = Vec::new();
    for package in &wanted {
        let found = check.facts.package(&package.name, &package.program, package.least);
        if found == Found::Missing {
            missing.push(package.name.as_str());
        } else {
            judge(check, package, found);
        }
    }
    if missing.is_empty() {
        return;
    }
    if check.facts.packages.manager != Some(PackageManager::Dpkg) {
        let are = if missing.len() == 1 { "package is" } else { "packages are" };
        let finding = format!(
            "the {are} not there: {}; only on Debian, Ubuntu and their kin are they brought",
            missing.join(", ")
        );
        check.fail(CHECK, finding, packages::install_packages(check.facts, &missing));
        return;
    }
    let layout = &check.cluster.layout;
    for folder in [&layout.sbin, &layout.records] {
        let Some(disk) = check.facts.disks.get(folder).filter(|disk| disk.free < ROOM) else { continue };
        let finding = format!(
            "{} MB are free at {folder}, and {} MB are needed to install {}",
            disk.free / 1_000_000,
            ROOM / 1_000_000,
            missing.join(", ")
        );
        check.fail(CHECK, finding, "delete what nobody needs: `apt-get clean`, `journalctl --vacuum-size=50M`");
        return;
    }
}

fn judge(check: &mut HostCheck, package: &Package, found: Found) {
    let Package { name, program, least: (major, minor), .. } = package;
    let install = packages::install_packages(check.facts, &[name]);
    match found {
        Found::Good(_) | Found::Missing => {}
        Found::TooOld(version) => {
            let finding = format!("package {name} is {version}, and {major}.{minor} or newer is needed");
            let remedy =
                format!("{install} brings what the distribution has; else a newer release of the distribution");
            check.fail(CHECK, finding, remedy);
        }
        Found::NoProgram(version) => {
            let finding = format!("package {name} {version} is installed, and {program} is not there");
            check.fail(
                CHECK,
                finding,
                format!("install it again: {}", install.replacen("apt-get install", "apt-get install --reinstall", 1)),
            );
        }
        Found::Elsewhere => {
            let finding =
                format!("{program} is there, and no package {name} that it is of: installing that would replace it");
            check.fail(CHECK, finding, format!("move it away, or have the package bring it: {install}"));
        }
        Found::Unfinished => {
            let finding = format!("package {name} is unpacked and not configured: dpkg was interrupted, or failed");
            check.fail(CHECK, finding, "`dpkg --configure -a`, then `apt-get -f install`");
        }
    }
}
