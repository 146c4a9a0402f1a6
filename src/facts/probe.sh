# Answers everything about a host in one go, with few processes. Written for dash; a tool that is not there leaves
# its section empty. What is asked stands in variables before this text, one item a line.
# Sections begin with a line of RS (octal 036) and their name.
PATH=$bin:$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
nl='
'
IFS=$nl
set -f
section() { printf '\036%s\n' "$1"; }
have() { command -v "$1" >/dev/null 2>&1; }

section clock
date +%s%N

section uname
kernel=$(uname -r)
printf '%s\n' "$kernel"
uname -nm

section cpus
nproc 2>/dev/null

section texts
tail -v -n +1 -- /etc/os-release /etc/machine-id /etc/resolv.conf /etc/ufw/ufw.conf /proc/swaps /proc/meminfo \
  /proc/self/status /proc/cgroups /sys/fs/cgroup/cgroup.controllers /sys/fs/selinux/enforce 2>/dev/null

section systemd
[ -d /run/systemd/system ] && systemctl --version 2>/dev/null

section flags
[ -e /run/systemd/resolve/resolv.conf ] && echo resolved-file
[ -e "$records/hashes" ] && echo known

# Pairs of lines: what was asked, and the nearest path above it that exists.
section disk
at=/sys/fs/cgroup
for path in $disk; do
  near=$path
  while [ ! -e "$near" ]; do
    near=${near%/*}
    [ -n "$near" ] || near=/
  done
  printf '%s\n%s\n' "$path" "$near"
  at=$at$nl$near
done
section filesystems
stat -f -c '%T %a %b %S %n' -- $at 2>/dev/null

section modules
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
  builtin=$(grep -oE "$module_pattern" "/lib/modules/$kernel/modules.builtin" 2>/dev/null)
  loadable=$(grep -oE "$module_pattern" "/lib/modules/$kernel/modules.dep" 2>/dev/null)
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
for line in $(grep -s '' /dev/null $at); do
  path=${line%%:*}
  way=r
  { printf '%s\n' "${line#*:}" >"$path"; } 2>/dev/null && way=w
  printf '%s %s %s\n' "$way" "${path#/proc/sys/}" "${line#*:}"
done

section listening
ss -Hltnp 2>/dev/null
section udp
ss -Hlunp 2>/dev/null
section addresses
ip -o addr show 2>/dev/null
section routes
ip -o route show table main 2>/dev/null
ip -o -6 route show table main 2>/dev/null

section programs
for program in $programs; do have "$program" && printf '%s\n' "$program"; done
section users
for user in $users; do id -u -- "$user" >/dev/null 2>&1 && printf '%s\n' "$user"; done

section listings
set +f
for dir in $listings; do
  [ -d "$dir" ] || continue
  printf 'd %s\n' "$dir"
  for entry in "$dir"/*; do [ -e "$entry" ] && printf 'n %s\n' "${entry##*/}"; done
done
set -f

section stat
stats=$(stat -L -c "%f %U %G $record_format" -- $files $dirs 2>/dev/null)
printf '%s\n' "$stats"
big=
set --
for line in $stats; do
  case $line in 8*) ;; *) continue ;; esac
  key=${line#* * * }
  if [ -z "$rehash" ] && [ "${key%% *}" -ge "$record_from" ]; then
    big=$big$nl$key
  else
    set -- "$@" "${key#* * * * }"
  fi
done
if [ -n "$big" ]; then
  section recorded
  seen=$nl$(printf '%s\n' $big | grep -F -f - -- "$records/hashes" 2>/dev/null)$nl
  printf '%s' "$seen"
  for key in $big; do
    case $seen in *" $key$nl"*) ;; *) set -- "$@" "${key#* * * * }" ;; esac
  done
fi
section sha256
[ $# -eq 0 ] || sha256sum -- "$@" 2>/dev/null

# Only what can be in PEM, so that nothing in such a file looks like an answer of ours.
section certificates
[ -z "$certificates" ] || head -v -c "$certificate_bytes" -- $certificates 2>/dev/null | tr -cd '\n -~'

# Of the keys that encrypt Secrets only names and hashes: the keys stay here. Where one lies elsewhere, that is said.
section encryption
if [ -f "$encryption" ]; then
  name=- keys=
  while IFS=' ' read -r word value rest; do
    [ "$word" != - ] || { word=$value && value=$rest; }
    value=${value#[\"\']}
    value=${value%[\"\']}
    case $word in
    name:) name=$value ;;
    secret:) keys=$keys$nl$name' '$(printf %s "$value" | sha256sum) ;;
    kms:) keys=$keys$nl'kms -' ;;
    esac
  done <"$encryption" 2>/dev/null
  [ -n "$keys" ] || [ ! -s "$encryption" ] || keys='unreadable -'
  printf '%s\n' $keys
fi

section units
[ -d /run/systemd/system ] && timeout 10 systemctl show \
  -p Id,LoadState,ActiveState,SubState,UnitFileState,NRestarts,ActiveEnterTimestampMonotonic \
  -- systemd-resolved.service $units 2>/dev/null
section started
for unit in $units; do
  { IFS= read -r key <"$records/units/$unit"; } 2>/dev/null && printf '%s %s\n' "$unit" "$key"
done

# What services should have in the kernel and have not, as the script says that looks after it.
section data-plane
[ -f "$data_plane" ] && timeout 10 sh -- "$data_plane" look 2>/dev/null

section images
[ -S "$runtime" ] && have ctr && timeout 5 ctr -a "$runtime" -n k8s.io images ls -q 2>/dev/null

section end
date +%s%N
