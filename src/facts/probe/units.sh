section manager
[ -d /run/systemd/system ] && systemctl show -p Version -p Environment 2>/dev/null
# Most units are only asked about because they should not be there. One that has no file, no cgroup and no record of ours
# is not, and systemd need not look for it.
section units
shown=
asked=systemd-resolved.service
for unit in $units; do
  for place in $unit_dir /run/systemd/system /run/systemd/transient /run/systemd/generator /run/systemd/generator.early \
    /run/systemd/generator.late /usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system \
    /etc/systemd/system.control /run/systemd/system.control /etc/systemd/system.attached /run/systemd/system.attached \
    /sys/fs/cgroup/system.slice /sys/fs/cgroup/systemd/system.slice "$records/units"; do
    if [ -e "$place/$unit" ] || [ -L "$place/$unit" ]; then
      asked=$asked$nl$unit
      continue 2
    fi
  done
  printf 'Id=%s\nLoadState=not-found\nActiveState=inactive\nSubState=dead\n\n' "$unit"
done
[ -d /run/systemd/system ] && shown=$(systemctl show -p "$unit_properties" -- $asked 2>/dev/null)
printf '%s\n' "$shown"
running=
commands=
drop_ins=
for line in $shown; do
  case $line in
  DropInPaths=?*)
    IFS=' '
    for path in ${line#*=}; do
      case $drop_ins$nl in *"$nl$path$nl"*) ;; *) drop_ins=$drop_ins$nl$path ;; esac
    done
    IFS=$nl
    ;;
  MainPID=0) ;;
  MainPID=*) running=$running$nl/proc/${line#*=}/exe ;;
  ExecStart=*' path='*)
    line=${line#*' path='}
    commands=$commands$nl${line%%' ;'*}
    ;;
  esac
done
# What runs, and what would be started: the same file has the same size, times and inode.
section running
[ -z "$running" ] || stat -L -c "$record_format" -- $running $commands 2>/dev/null
# What a script starts is run by another program.
section scripts
for command in $commands; do
  first=
  { IFS= read -r first <"$command"; } 2>/dev/null
  case $first in '#!'*) printf '%s\n' "$command" ;; esac
done
# Files that add to units, which are few.
section drop-ins
[ -z "$drop_ins" ] || lines $drop_ins
section links
QUOTING_STYLE=literal stat -c %N -- /etc/resolv.conf $running 2>/dev/null
section started
started=
for unit in $units; do
  { IFS= read -r key <"$records/units/$unit"; } 2>/dev/null || continue
  printf '%s %s\n' "$unit" "$key"
  started=$started$nl$records/units/$unit
done
section recorded-at
[ -z "$started" ] || stat -c '%.9Y %n' -- $started 2>/dev/null

