# What is read at the next boot, as far as it concerns what was asked.
set +f
set -- /etc/sysctl.d/*.conf /run/sysctl.d/*.conf /usr/local/lib/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf \
  /lib/sysctl.d/*.conf
section boot-files
for file in "$@"; do [ -e "$file" ] && printf '%s\n' "$file"; done
section boot-lines
[ -z "$boot_pattern" ] || grep -aHnsE -D skip -m "$line_limit" "$boot_pattern" -- "$@" /etc/fstab /etc/modprobe.d/*.conf \
  /run/modprobe.d/*.conf /usr/local/lib/modprobe.d/*.conf /usr/lib/modprobe.d/*.conf /lib/modprobe.d/*.conf
set -f
