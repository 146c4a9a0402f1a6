section modules
kernel=
IFS=' ' read -r _ _ kernel _ </proc/version 2>/dev/null
sought=
for module in $modules; do
  # Not every module that is built in is in /sys/module; some show by what they bring.
  case $module in
  br_netfilter) trace=/proc/sys/net/bridge/bridge-nf-call-iptables ;;
  nf_conntrack) trace=/proc/sys/net/netfilter/nf_conntrack_max ;;
  ip_tables) trace=/proc/net/ip_tables_names ;;
  ip_vs) trace=/proc/net/ip_vs ;;
  *) trace=/sys/module/$module ;;
  esac
  if [ -e "/sys/module/$module" ] || [ -e "$trace" ]; then
    printf 'present %s\n' "$module"
  else
    printf 'missing %s\n' "$module"
    sought=$sought$nl$module
  fi
done
if [ -n "$sought" ]; then
  builtin=
  loadable=
  if [ -d "/lib/modules/$kernel" ]; then
    builtin=$(grep -oE "$module_pattern" "/lib/modules/$kernel/modules.builtin" 2>/dev/null)
    loadable=$(grep -oE "$module_pattern" "/lib/modules/$kernel/modules.dep" 2>/dev/null)
  fi
  for module in $builtin; do printf 'present %s\n' "$module"; done
  for module in $loadable; do printf 'loadable %s\n' "$module"; done
  for module in $sought; do
    case $builtin$loadable in *"/$module.ko"*) continue ;; esac
    if modprobe -n -q "$module" 2>/dev/null; then
      printf 'loadable %s\n' "$module"
    elif [ "$module" = nf_tables ] && nft list tables >/dev/null 2>&1; then
      printf 'present %s\n' "$module"
    fi
  done
fi

# Permission bits say nothing about root: only writing the same value back does. The kernel gives such a file in one
# read, so the shell's own `read`, which takes a byte at a time, is no use.
section sysctls
at=
for name in $sysctls; do at=$at$nl/proc/sys/$name; done
for line in $(lines /dev/null $at); do
  path=${line%%:*}
  way=r
  { printf '%s\n' "${line#*:}" >"$path"; } 2>/dev/null && way=w
  printf '%s %s %s\n' "$way" "${path#/proc/sys/}" "${line#*:}"
done

