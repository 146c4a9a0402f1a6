//! What the next boot undoes.

use super::*;

fn line(file: &str, number: u32, text: &str) -> BootLine {
    BootLine { file: file.into(), number, text: text.into() }
}

/// On a host that is new, or known.
fn at_boot(known: bool, lines: &[BootLine]) -> Vec<String> {
    found("n1", |_, facts| {
        facts.known = known;
        let own = "/etc/sysctl.d/90-kubernetes.conf".to_owned();
        facts.sysctl_files = lines.iter().map(|line| line.file.clone()).chain([own]).collect();
        facts.boot_lines = lines.to_vec();
    })
}

#[test]
fn a_setting_that_a_later_file_undoes() {
    let wrong = line("/etc/sysctl.d/99-cis.conf", 3, "net.ipv4.ip_forward=0");
    let finding = "the next boot sets net.ipv4.ip_forward to 0, it must be 1: /etc/sysctl.d/99-cis.conf:3 \
                   (`net.ipv4.ip_forward=0`) comes after /etc/sysctl.d/90-kubernetes.conf";
    assert_eq!(at_boot(false, std::slice::from_ref(&wrong)), [format!("next-boot Fail {finding}")]);
    assert_eq!(at_boot(true, std::slice::from_ref(&wrong)), [format!("next-boot Warn {finding}")]);
    let slashes = line("/usr/lib/sysctl.d/99-x.conf", 1, "-net/ipv4/ip_forward = 0");
    assert_eq!(at_boot(false, &[slashes]).len(), 1);
    for right in [
        line("/etc/sysctl.d/50-early.conf", 1, "net.ipv4.ip_forward = 0"),
        line("/etc/sysctl.d/99-same.conf", 1, "net.ipv4.ip_forward = 1"),
        line("/etc/sysctl.d/99-more.conf", 1, "fs.inotify.max_user_instances = 16384"),
        line("/etc/sysctl.d/99-other.conf", 1, "vm.swappiness = 1"),
    ] {
        assert_eq!(at_boot(false, std::slice::from_ref(&right)), Vec::<String>::new(), "{right:?}");
    }
    let less = at_boot(false, &[line("/etc/sysctl.d/99-less.conf", 1, "fs.inotify.max_user_instances = 128")]);
    assert!(less.len() == 1 && less[0].starts_with("next-boot Warn the next boot sets fs.inotify"), "{less:?}");
    let then_right = [wrong, line("/run/sysctl.d/99-z.conf", 1, "net.ipv4.ip_forward = 1")];
    assert!(at_boot(false, &then_right).is_empty(), "the last one counts");
}

#[test]
fn of_files_of_one_name_only_the_first_folders_counts() {
    let hidden = [
        line("/usr/lib/sysctl.d/99-x.conf", 1, "net.ipv4.ip_forward = 0"),
        line("/etc/sysctl.d/99-x.conf", 1, "net.ipv4.ip_forward = 1"),
    ];
    assert_eq!(at_boot(false, &hidden), Vec::<String>::new());
    let ours = line("/usr/lib/sysctl.d/90-kubernetes.conf", 1, "net.ipv4.ip_forward = 0");
    assert_eq!(at_boot(false, &[ours]), Vec::<String>::new());
}

#[test]
fn modules_that_are_kept_away_and_swap_that_comes_back() {
    let away = [line("/etc/modprobe.d/cis.conf", 7, "install br-netfilter /bin/false")];
    assert_eq!(
        at_boot(false, &away),
        ["next-boot Fail the next boot does not load a module that pods need: /etc/modprobe.d/cis.conf:7 (`install \
             br-netfilter /bin/false`)"]
    );
    let swap = line("/etc/fstab", 4, "/dev/sda2 none swap sw 0 0");
    assert_eq!(
        at_boot(true, &[swap]),
        ["next-boot Warn the next boot switches swap on, beside which the kubelet does not start: /etc/fstab:4 \
             (`/dev/sda2 none swap sw 0 0`)"]
    );
    assert!(at_boot(false, &[line("/etc/fstab", 4, "/dev/sda2 none swap sw,noauto 0 0")]).is_empty());
    let off = found("n1", |_, facts| {
        let unit = UnitFact { enabled: "enabled".into(), ..unit("inactive") };
        facts.units.insert("firewalld.service".into(), unit);
    });
    assert_eq!(off, ["next-boot Warn firewalld is off, and starts at the next boot"]);
}
