section manager
[ -d /run/systemd/system ] && systemctl show -p Version -p Environment 2>/dev/null
# Most units are only asked about because they should not be there. One that has no file, no cgroup and no record of ours
# is not, and systemd need not look for it.
section units
shown=
asked=
[ ! -e /run/systemd/resolve/resolv.conf ] || asked=systemd-resolved.service
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
[ -n "$asked" ] && [ -d /run/systemd/system ] && shown=$(exec systemctl show -p "$unit_properties" -- $asked 2>/dev/null)
printf '%s\n' "$shown"
running=
commands=
for line in $shown; do
  case $line in
  DropInPaths=?*)
    IFS=' '
    for path in ${line#*=}; do
      case $texts$nl in *"$nl$path$nl"*) ;; *) texts=$texts$nl$path ;; esac
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
# What runs, and which of the commands is that very file.
section same
others=
for exe in $running; do
  is_command=
  for command in $commands; do
    [ "$exe" -ef "$command" ] && printf '%s %s\n' "$exe" "$command" && is_command=yes
  done
  [ -n "$is_command" ] || others=$others$nl$exe
done
# What a script starts is run by another program.
section scripts
[ -z "$others" ] || for command in $commands; do
  case $(exec head -c 2 -- "$command" 2>/dev/null) in '#!') printf '%s\n' "$command" ;; esac
done
section links
[ ! -L /etc/resolv.conf ] || others=/etc/resolv.conf$others
[ -z "$others" ] || QUOTING_STYLE=literal stat -c %N -- $others 2>/dev/null
section started
started=
for unit in $units; do
  [ -O "$records/units" ] && [ -O "$records/units/$unit" ] && [ ! -L "$records/units/$unit" ] || continue
  { IFS= read -r key <"$records/units/$unit"; } 2>/dev/null || continue
  printf '%s %s %s\n' "$unit" "$key" "$records/units/$unit"
  started=$started$nl$records/units/$unit
done
