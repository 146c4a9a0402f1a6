//! What the next boot will read: kernel settings, modules that are not to be loaded, swap, rules that flush others.

use std::collections::BTreeSet;

use super::answer::Sections;
use super::script::Variables;
use super::{Group, Questions};
use crate::cluster::Layout;
use crate::facts::{BootLine, HostFacts};

/// Files that are read at boot.
pub(super) const GROUP: Group = Group { shell: include_str!("boot.sh"), ask, read };

/// The name of nftables' configuration, in one folder or another.
const NFTABLES: &str = "/nftables.conf";
/// Mounts, which are searched together with these files.
pub(super) const MOUNTS: &str = "/proc/self/mountinfo";

fn ask(questions: &Questions, _: &Layout, variables: &mut Variables) {
    variables.set("boot_pattern", &pattern(questions));
}

/// Lines that set one of the settings, keep one of the modules away, name swap, or flush all rules.
fn pattern(questions: &Questions) -> String {
    let plain = |name: &&String| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    let join = |names: Vec<String>| names.join("|");
    let settings = join(questions.sysctls.iter().filter(plain).map(|name| name.replace('.', "[./]")).collect());
    let modules = join(questions.modules.iter().filter(plain).map(|name| name.replace('_', "[-_]")).collect());
    let space = "[[:space:]]";
    let flush = format!("^{space}*flush{space}+ruleset");
    if settings.is_empty() && modules.is_empty() {
        return flush;
    }
    format!(
        "^{space}*-?({settings}){space}*=|^{space}*(blacklist|install){space}+({modules})({space}|$)|^{space}*[^#].*{space}swap{space}|{flush}"
    )
}

fn read(sections: &Sections, facts: &mut HostFacts) {
    facts.sysctl_files = sections.set("boot-files");
    let lines: Vec<_> = sections.lines("matches").filter_map(line).collect();
    let flushes = |line: &&BootLine| line.file.ends_with(NFTABLES) && line.text.starts_with("flush");
    let named: BTreeSet<_> = lines.iter().filter(flushes).map(|line| line.file.clone()).collect();
    facts.flushes = named.into_iter().collect();
    facts.boot_lines = lines.into_iter().filter(|line| !line.file.ends_with(NFTABLES) && line.file != MOUNTS).collect();
}

/// `/etc/fstab:3:/dev/sda2 none swap sw 0 0`.
fn line(line: &str) -> Option<BootLine> {
    let mut parts = line.splitn(3, ':');
    let (file, number, text) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
    Some(BootLine { file: file.into(), number, text: text.trim().into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_are_plain_are_looked_for() {
        let questions = Questions {
            sysctls: ["net.ipv4.ip_forward".into(), "a|.*".into()].into(),
            modules: ["br_netfilter".into()].into(),
            ..Questions::default()
        };
        let pattern = pattern(&questions);
        assert!(pattern.contains("-?(net[./]ipv4[./]ip_forward)[[:space:]]*="), "{pattern}");
        assert!(pattern.contains("(br[-_]netfilter)") && !pattern.contains("a|"), "{pattern}");
    }
}
