#!/bin/sh
# The first process of a lab host: makes it an island, then becomes systemd.
# The kernel is shared with the machine, and systemd itself sets machine-wide sysctls when it starts (fs.file-max),
# so this runs before it.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
own=/run/kbootstrap-lab
mkdir -p "$own/sysctl"

# cgroup v1: systemd-nspawn leaves the controllers read-only, and kubelet must write its cgroups.
for hierarchy in /sys/fs/cgroup/*/; do
    if mountpoint -q "$hierarchy"; then mount -o remount,rw,bind "$hierarchy"; fi
done

# Settings outside of /proc/sys/net belong to the whole machine: they become read-only here ...
# (--rbind: systemd-nspawn has mounted a boot_id of the host's own below.)
mount --rbind /proc/sys /proc/sys
mount --make-rprivate /proc/sys
mount -o remount,ro,bind /proc/sys
mount --bind /proc/sys/net /proc/sys/net
mount -o remount,rw,bind /proc/sys/net
if [ -e /proc/sysrq-trigger ]; then mount --bind -o ro /proc/sysrq-trigger /proc/sysrq-trigger; fi

# ... but for those that Kubernetes, its guides and the distribution set. Of these the host has a private copy, which it
# can write and read back. (Read-only ones would not do: kubelet refuses to start when it cannot set its own.)
cd /proc/sys
grep -Hs '' \
    vm/overcommit_memory vm/panic_on_oom vm/swappiness vm/max_map_count vm/dirty_ratio vm/dirty_background_ratio \
    vm/min_free_kbytes vm/vfs_cache_pressure \
    kernel/panic kernel/panic_on_oops kernel/softlockup_panic kernel/hung_task_panic kernel/pid_max \
    kernel/threads-max kernel/core_pattern kernel/core_uses_pid kernel/sysrq kernel/printk kernel/dmesg_restrict \
    kernel/kptr_restrict kernel/numa_balancing kernel/watchdog_thresh \
    kernel/keys/maxkeys kernel/keys/maxbytes kernel/keys/root_maxkeys kernel/keys/root_maxbytes \
    fs/file-max fs/nr_open fs/aio-max-nr fs/inotify/max_user_instances fs/inotify/max_user_watches \
    fs/inotify/max_queued_events fs/protected_hardlinks fs/protected_symlinks fs/protected_fifos fs/protected_regular \
    fs/suid_dumpable |
    while IFS=: read -r name value; do
        copy="$own/sysctl/${name%%/*}.${name##*/}"
        echo "$value" > "$copy"
        echo "$copy /proc/sys/$name none bind 0 0"
    done > "$own/fstab"
cd /
mount --all --fstab "$own/fstab"

# modprobe succeeds for what the running kernel has, as it does where modules are files.
modules="/lib/modules/$(uname -r)"
if [ ! -e "$modules/modules.builtin.bin" ]; then
    mkdir -p "$modules"
    : > "$modules/modules.order"
    : > "$modules/modules.builtin.modinfo"
    {
        if grep -qw overlay /proc/filesystems; then echo kernel/fs/overlayfs/overlay.ko; fi
        if [ -e /proc/sys/net/bridge ]; then echo kernel/net/bridge/br_netfilter.ko; fi
        if [ -e /proc/sys/net/netfilter/nf_conntrack_max ]; then echo kernel/net/netfilter/nf_conntrack.ko; fi
        if [ -e /sys/module/vxlan ]; then echo kernel/drivers/net/vxlan/vxlan.ko; fi
        if [ -e /proc/sys/net/ipv4/vs ]; then
            for module in ip_vs ip_vs_rr ip_vs_wrr ip_vs_sh; do echo "kernel/net/netfilter/ipvs/$module.ko"; done
        fi
    } > "$modules/modules.builtin"
    # Without kmod there is no modprobe that would read it.
    if command -v depmod > /dev/null; then depmod; fi
fi

# From 256 on, systemd takes cgroup v1 only when it is told twice to. What it does not know it ignores.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then exec /lib/systemd/systemd; fi
exec /lib/systemd/systemd systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1
