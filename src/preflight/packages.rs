//! Packages by the names that the host's own package manager knows.

use std::collections::BTreeSet;

use crate::facts::HostFacts;

/// Package managers, with the words that install: where a host has several, the first is its own.
const MANAGERS: [(&str, &str); 5] = [
    ("apt-get", "apt-get install"),
    ("dnf", "dnf install"),
    ("yum", "yum install"),
    ("zypper", "zypper install"),
    ("pacman", "pacman -S"),
];

/// Programs with the package that brings them: for apt, for dnf and yum, for all others.
const PACKAGES: [(&str, [&str; 3]); 11] = [
    ("bash", ["bash", "bash", "bash"]),
    ("conntrack", ["conntrack", "conntrack-tools", "conntrack-tools"]),
    ("ip", ["iproute2", "iproute", "iproute2"]),
    ("ipset", ["ipset", "ipset", "ipset"]),
    ("iptables", ["iptables", "iptables", "iptables"]),
    ("modprobe", ["kmod", "kmod", "kmod"]),
    ("mount", ["mount", "util-linux", "util-linux"]),
    ("nft", ["nftables", "nftables", "nftables"]),
    ("sha256sum", ["coreutils", "coreutils", "coreutils"]),
    ("ss", ["iproute2", "iproute", "iproute2"]),
    ("tar", ["tar", "tar", "tar"]),
];

/// The command that brings these programs to the host, for people.
pub(super) fn install(facts: &HostFacts, programs: &BTreeSet<&str>) -> String {
    let Some((manager, words)) = MANAGERS.iter().find(|(manager, _)| facts.programs.contains(*manager)) else {
        return format!("install what brings {}", programs.iter().copied().collect::<Vec<_>>().join(", "));
    };
    let column = match *manager {
        "apt-get" => 0,
        "dnf" | "yum" => 1,
        _ => 2,
    };
    let name = |program: &str| PACKAGES.iter().find(|(own, _)| *own == program).map(|(_, names)| names[column]);
    let packages: BTreeSet<&str> = programs.iter().map(|program| name(program).unwrap_or(program)).collect();
    format!("`{words} {}`", packages.into_iter().collect::<Vec<_>>().join(" "))
}

/// The command that brings packages to the host, or newer ones of them, for people.
pub(super) fn install_packages(facts: &HostFacts, packages: &[&str]) -> String {
    let names = packages.join(" ");
    match MANAGERS.iter().find(|(manager, _)| facts.programs.contains(*manager)) {
        Some((_, words)) => format!("`{words} {names}`"),
        None => format!("install {names}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::PACKAGE_MANAGERS;

    fn command(managers: &[&str]) -> String {
        let mut facts = HostFacts::default_host();
        facts.programs.retain(|program| !PACKAGE_MANAGERS.contains(&program.as_str()));
        facts.programs.extend(managers.iter().map(|manager| (*manager).to_owned()));
        install(&facts, &["ip", "ss", "conntrack", "mount"].into())
    }

    #[test]
    fn packages_have_the_names_that_the_hosts_package_manager_knows() {
        assert_eq!(command(&["apt-get"]), "`apt-get install conntrack iproute2 mount`");
        assert_eq!(command(&["dnf", "yum"]), "`dnf install conntrack-tools iproute util-linux`");
        assert_eq!(command(&["yum"]), "`yum install conntrack-tools iproute util-linux`");
        assert_eq!(command(&["zypper"]), "`zypper install conntrack-tools iproute2 util-linux`");
        assert_eq!(command(&["pacman"]), "`pacman -S conntrack-tools iproute2 util-linux`");
        assert_eq!(command(&[]), "install what brings conntrack, ip, mount, ss");
    }

    #[test]
    fn every_manager_is_asked_about() {
        assert!(MANAGERS.iter().map(|(manager, _)| *manager).eq(PACKAGE_MANAGERS));
    }
}
