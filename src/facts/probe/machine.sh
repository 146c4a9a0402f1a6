section uname
[ -e /proc/sys/kernel/arch ] || uname -m
section flags
[ -e /run/systemd/resolve/resolv.conf ] && echo resolved-file
[ -e /etc/resolv.conf ] && echo resolv-conf
[ -e "$records/hashes" ] && echo known
texts="/etc/os-release
/etc/machine-id
/etc/resolv.conf
/etc/ufw/ufw.conf
/proc/swaps
/proc/meminfo
/proc/self/status
/proc/cgroups
/proc/uptime
/proc/sys/kernel/arch
/proc/sys/kernel/osrelease
/proc/sys/kernel/hostname
/proc/sys/kernel/random/boot_id
/sys/class/dmi/id/product_uuid
/run/systemd/container
/sys/fs/cgroup/cgroup.controllers
/sys/fs/selinux/enforce"

# What the script itself needs of files: settings, accounts, and what was recorded. The kernel gives a setting in one
# read, so the shell's own `read`, which takes a byte at a time, is no use. What others wrote beside our records is none.
asked=
for name in $sysctls; do asked=$asked$nl/proc/sys/$name; done
accounts= known=$nl settings=
hashes=
[ -O "$records" ] && [ -O "$records/hashes" ] && [ ! -L "$records/hashes" ] && hashes=$records/hashes
for line in $(lines $asked /etc/passwd /etc/group $hashes); do
  case $line in
  /proc/sys/*) settings=$settings$nl$line ;;
  /etc/passwd:* | /etc/group:*) accounts=$accounts$nl$line ;;
  *) known=$known${line#"$records/hashes:"}$nl ;;
  esac
done

# Permission bits say nothing about root: only writing the same value back does.
section sysctls
for line in $settings; do
  path=${line%%:*}
  way=r
  { printf '%s\n' "${line#*:}" >"$path"; } 2>/dev/null && way=w
  printf '%s %s %s\n' "$way" "${path#/proc/sys/}" "${line#*:}"
done
