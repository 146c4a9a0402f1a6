section modules
kernel=
IFS=' ' read -r _ _ kernel _ </proc/version 2>/dev/null
sought=
for module in $modules; do
  # Beside nf_tables nobody needs it, and looking for it in the list of all modules takes long.
  [ "$module" != ip_tables ] || [ ! -e /sys/module/nf_tables ] || continue
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
  # Lines FILE:PATH, of those that are built in and of those that can be loaded.
  listed=$(exec grep -soE "$module_pattern" "/lib/modules/$kernel/modules.builtin" "/lib/modules/$kernel/modules.dep")
  for module in $listed; do
    case $module in
    */modules.builtin:*) printf 'present %s\n' "${module##*:}" ;;
    *) printf 'loadable %s\n' "${module##*:}" ;;
    esac
  done
  for module in $sought; do
    case $listed in *"/$module.ko"*) continue ;; esac
    if modprobe -n -q "$module" 2>/dev/null; then
      printf 'loadable %s\n' "$module"
    elif [ "$module" = nf_tables ] && nft list tables >/dev/null 2>&1; then
      printf 'present %s\n' "$module"
    fi
  done
fi
