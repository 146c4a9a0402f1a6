# What is read at the next boot, as far as it concerns what was asked.
section boot-files
set +f
set -- /etc/sysctl.d/*.conf /run/sysctl.d/*.conf /usr/local/lib/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf \
  /lib/sysctl.d/*.conf
for file in "$@"; do [ -e "$file" ] && printf '%s\n' "$file"; done
set -- "$@" /etc/fstab /etc/modprobe.d/*.conf /run/modprobe.d/*.conf /usr/local/lib/modprobe.d/*.conf \
  /usr/lib/modprobe.d/*.conf /lib/modprobe.d/*.conf
set -f
# One search for all; a node has hundreds of mounts, of which only those are wanted that are above what was asked.
section matches
grep -aHnsE -D skip -m "$line_limit" "$boot_pattern|^[^ ]+ [^ ]+ [^ ]+ [^ ]+ (/$ways) " -- "$@" /etc/nftables.conf \
  /etc/sysconfig/nftables.conf /proc/self/mountinfo
