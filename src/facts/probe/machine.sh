section uname
uname -m
section texts
lines /etc/os-release /etc/machine-id /etc/resolv.conf /etc/ufw/ufw.conf /proc/swaps /proc/meminfo /proc/self/status \
  /proc/cgroups /proc/uptime /proc/sys/kernel/osrelease /proc/sys/kernel/hostname /proc/sys/kernel/random/boot_id \
  /sys/fs/cgroup/cgroup.controllers /sys/fs/selinux/enforce
section flags
[ -e /run/systemd/resolve/resolv.conf ] && echo resolved-file
[ -e /etc/resolv.conf ] && echo resolv-conf
[ -e "$records/hashes" ] && echo known

