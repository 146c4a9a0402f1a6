//! Kernel version, cgroups, modules and settings.

use super::finding::Look;
use crate::cluster::{ProxyMode, Role};
use crate::components::SysctlSpec;
use crate::facts::{Cgroup, NFTABLES_KERNEL, module_of};

pub(super) fn check(look: &mut Look) {
    version(look);
    if look.host.is(Role::Node) {
        cgroup(look);
        modules(look);
        settings(look);
        inotify(look);
    }
}

/// The oldest kernel that Kubernetes 1.32 and newer support.
const OLDEST: (u32, u32) = (4, 19);

fn version(look: &mut Look) {
    let (kernel, release) = (look.facts.kernel, &look.facts.kernel_release);
    if kernel < OLDEST {
        look.fail("kernel", format!("Linux {release}"), "update the kernel to 4.19 or newer");
    } else if look.host.is(Role::Node) && look.cluster.proxy_mode == ProxyMode::Nftables && kernel < NFTABLES_KERNEL {
        look.fail(
            "kernel",
            format!("Linux {release}, and kube-proxy's nftables mode needs 5.13"),
            "update the kernel, or `proxy: {mode: auto}` in the inventory, which takes iptables on this host",
        );
    }
}

/// Controllers without which the kubelet or runc fail (opencontainers runc, checks of its libcontainer).
const CONTROLLERS: [&str; 4] = ["cpu", "cpuset", "memory", "pids"];

fn cgroup(look: &mut Look) {
    let there = &look.facts.cgroup_controllers;
    let missing: Vec<_> = CONTROLLERS.into_iter().filter(|name| !there.contains(*name)).collect();
    if !there.is_empty() && !missing.is_empty() {
        look.fail(
            "cgroup",
            format!("the kernel has no cgroup controller {}", missing.join(", ")),
            "add `cgroup_enable=memory cgroup_memory=1` (or drop `cgroup_disable=…`) on the kernel's command line \
             and reboot; look with `cat /proc/cgroups`",
        );
    }
    if look.facts.cgroup == Cgroup::V1 {
        look.warn(
            "cgroup",
            "controllers are on cgroup v1, which Kubernetes is giving up; the kubelet is configured to accept it",
            "boot with `systemd.unified_cgroup_hierarchy=1` on the kernel's command line",
        );
    }
}

/// ip_vs has a check of its own, with another way out.
fn modules(look: &mut Look) {
    let wanted = look.catalogue.modules(look.cluster, look.host);
    for name in wanted.iter().filter(|name| !name.starts_with("ip_vs") && !look.facts.has_module(name)) {
        let release = &look.facts.kernel_release;
        look.fail(
            "modules",
            format!("the kernel ({release}) has no module {name}, neither built in nor loadable"),
            format!("install the distribution's full kernel modules package and try `modprobe {name}`"),
        );
    }
}

/// The kubelet exits when one of its settings is wrong and cannot be set; so does pod networking in effect.
fn settings(look: &mut Look) {
    let wanted = look.catalogue.on(look.cluster, look.host).flat_map(|spec| spec.sysctls);
    for setting in wanted.copied().collect::<Vec<_>>() {
        let SysctlSpec::Exactly(name, want) = setting else { continue };
        // What a module would bring is the module's matter.
        let not_yet = module_of(name).is_some() && !look.facts.sysctls.contains_key(name);
        if not_yet || look.facts.has_or_takes(&setting) {
            continue;
        }
        let seen = match look.facts.sysctls.get(name) {
            Some(fact) => format!("{name} is {} and cannot be changed here, it must be {want}", fact.value),
            None => format!("{name} does not exist here, it must be {want}"),
        };
        look.fail(
            "kernel-settings",
            seen,
            format!("in a container, set it on the machine that runs it: `sysctl -w {name}={want}`"),
        );
    }
}

/// Below this, a kubelet and a few pods run out: `inotify_init: too many open files`.
const INSTANCES: u64 = 512;

fn inotify(look: &mut Look) {
    let name = "fs.inotify.max_user_instances";
    let have = look.facts.sysctl_number(name);
    if look.facts.sysctls.contains_key(name) && have < INSTANCES && !look.facts.manageable(name) {
        look.warn(
            "inotify",
            format!("{name} is {have} and cannot be changed here"),
            format!("on the machine that runs this container: `sysctl -w {name}=8192`"),
        );
    }
}
