//! Kernel version, cgroups, modules and settings.

use super::finding::HostCheck;
use crate::cluster::{ProxyMode, Role};
use crate::components::SysctlSpec;
use crate::facts::{Cgroup, NFTABLES_KERNEL, module_of};

pub(super) fn check(check: &mut HostCheck) {
    version(check);
    if check.host.is(Role::Node) {
        cgroup(check);
        modules(check);
        settings(check);
        inotify(check);
    }
}

/// The oldest kernel that Kubernetes 1.32 and newer support.
const OLDEST: (u32, u32) = (4, 19);

fn version(check: &mut HostCheck) {
    let (kernel, release) = (check.facts.kernel, &check.facts.kernel_release);
    if kernel < OLDEST {
        check.fail("kernel", format!("Linux {release}"), "update the kernel to 4.19 or newer");
    } else if check.host.is(Role::Node) && check.cluster.proxy_mode == ProxyMode::Nftables && kernel < NFTABLES_KERNEL {
        check.fail(
            "kernel",
            format!("Linux {release}, and kube-proxy's nftables mode needs 5.13"),
            "update the kernel, or `proxy: {mode: auto}` in the inventory, which takes iptables on this host",
        );
    }
}

/// Controllers without which the kubelet or runc fail (opencontainers runc, checks of its libcontainer).
const CONTROLLERS: [&str; 4] = ["cpu", "cpuset", "memory", "pids"];

fn cgroup(check: &mut HostCheck) {
    let there = &check.facts.cgroup_controllers;
    let missing: Vec<_> = CONTROLLERS.into_iter().filter(|name| !there.contains(*name)).collect();
    if !there.is_empty() && !missing.is_empty() {
        check.fail(
            "cgroup",
            format!("the kernel has no cgroup controller {}", missing.join(", ")),
            "add `cgroup_enable=memory cgroup_memory=1` (or drop `cgroup_disable=…`) on the kernel's command line \
             and reboot; look with `cat /proc/cgroups`",
        );
    }
    if check.facts.cgroup == Cgroup::V1 {
        check.warn(
            "cgroup",
            "controllers are on cgroup v1, which Kubernetes is giving up; the kubelet is configured to accept it",
            "boot with `systemd.unified_cgroup_hierarchy=1` on the kernel's command line",
        );
    }
}

/// ip_vs has a check of its own, with another way out.
fn modules(check: &mut HostCheck) {
    let wanted = check.catalogue.modules(check.cluster, check.host);
    for name in wanted.iter().filter(|name| !name.starts_with("ip_vs") && !check.facts.has_module(name)) {
        let release = &check.facts.kernel_release;
        check.fail(
            "modules",
            format!("the kernel ({release}) has no module {name}, neither built in nor loadable"),
            format!("install the distribution's full kernel modules package and try `modprobe {name}`"),
        );
    }
}

/// The kubelet exits when one of its settings is wrong and cannot be set; so does pod networking in effect.
fn settings(check: &mut HostCheck) {
    let wanted = check.catalogue.on(check.cluster, check.host).flat_map(|spec| spec.sysctls);
    for setting in wanted.copied().collect::<Vec<_>>() {
        let SysctlSpec::Exactly(name, want) = setting else { continue };
        // What a module would bring is the module's matter.
        let not_yet = module_of(name).is_some() && !check.facts.sysctls.contains_key(name);
        if not_yet || check.facts.has_or_takes(&setting) {
            continue;
        }
        let seen = match check.facts.sysctls.get(name) {
            Some(fact) => format!("{name} is {} and cannot be changed here, it must be {want}", fact.value),
            None => format!("{name} does not exist here, it must be {want}"),
        };
        check.fail(
            "kernel-settings",
            seen,
            format!("in a container, set it on the machine that runs it: `sysctl -w {name}={want}`"),
        );
    }
}

/// Below this, a kubelet and a few pods run out: `inotify_init: too many open files`.
const INSTANCES: u64 = 512;

fn inotify(check: &mut HostCheck) {
    let name = "fs.inotify.max_user_instances";
    let have = check.facts.sysctl_number(name);
    if check.facts.sysctls.contains_key(name) && have < INSTANCES && !check.facts.manageable(name) {
        check.warn(
            "inotify",
            format!("{name} is {have} and cannot be changed here"),
            format!("on the machine that runs this container: `sysctl -w {name}=8192`"),
        );
    }
}
