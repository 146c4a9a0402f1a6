# Looks whether what this node's services and network plugins keep in the kernel and in /run is there, and brings back
# what is not: by a restart of the service that makes it, or by itself where no service does. systemd runs it every few
# seconds. `sh data-plane.sh look` only says what is missing, a line each: UNIT, a tab, words; what can be put back by
# nobody here has `-` for a unit.
#
# It fights with nobody. What is missing must be missing a second later, too. A service that is not active is left
# alone: one that starts is waiting for something. One that had everything since it started is restarted at once; one
# that never had gets 15 seconds, and four times longer after each restart that did not help.
LC_ALL=C
export LC_ALL
umask 077
set -f
nl='
'
tab='	'
IFS=$nl
state={{ layout.data_plane_run }}
me={{ kernel.unit }}
mode=${1:-heal}
mending= due=
# Seconds that a service has from its start until everything is there. Who looks is told sooner: what is not there yet is
# not there.
grace=15
[ "$mode" = heal ] || grace=5

# What is kept, and by whom.
kept() {
{% for line in kernel.lines %}
  {{ line }}
{% else %}
  :
{% endfor %}
}
devices='{{ kernel.devices | join("\n") }}'
overlays='{{ kernel.overlays | join("\n") }}'
units='{{ kernel.units | join("\n") }}'
settings='{{ kernel.settings | join("\n") }}'

say() { printf '<4>%s\n' "$*"; }

# --- What there is ---------------------------------------------------------------------------------------------------

# Links come last: after them `ip` shows no addresses.
read_kernel() {
  kernel=$nl$({
    for device in $devices; do printf 'addr show dev %s scope global\n' "$device"; done
    for device in $overlays; do printf 'route show dev %s\nneigh show dev %s nud permanent\n' "$device" "$device"; done
    for device in $devices; do printf 'link show dev %s\n' "$device"; done
    printf 'link show type veth\n'
  } | ip {{ "-6" if cluster.ipv6 else "-4" }} -o -d -force -batch - 2>/dev/null)$nl
}

# The device's line and number.
link() {
  rest=${kernel#*": $1: <"}
  [ "$rest" != "$kernel" ] || return 1
  line="<${rest%%"$nl"*} "
  index=${kernel%%": $1: <"*}
  index=${index##*"$nl"}
}

is_up() { case ${line%%>*} in *[\<,]UP | *[\<,]UP,*) ;; *) return 1 ;; esac; }

# --- What must be there ----------------------------------------------------------------------------------------------

owned_by() { unit=$1; }

gone() {
  loss=$unit$tab$*$nl
  case $missing in *"$nl$loss"*) ;; *) missing=$missing$loss ;; esac
}

file() { [ -e "$1" ] || gone "$1 is missing"; }

device() {
  link "$1" && return
  gone "the network device $1 is missing"
  return 1
}

# NAME VNI PORT. For each other node there are a route, a neighbour and a forwarding entry, which come and go together:
# a node that leaves takes all three. A device that another one has taken the place of has none.
vxlan() {
  device "$1" || return
  case $line in
  *" vxlan id $2 "*" dstport $3 "*) ;;
  *) gone "the network device $1 does not have VNI $2 and port $3" && return ;;
  esac
  is_up || { gone "the network device $1 is down" && return; }
  case $kernel in *"$nl$index: $1 "*) ;; *) gone "the network device $1 has lost its address" ;; esac
  known=
  { read -r known <"$state/$1"; } 2>/dev/null
  case $new in
  *"$nl$unit$nl"*) ;;
  *) [ -z "$known" ] || [ "$known" = "$index" ] || gone "the network device $1 was made anew, without its routes" ;;
  esac
  for words in $({ command bridge fdb show dev "$1" 2>/dev/null && printf '%s' "$kernel"; } | awk '
    $2 == "dst" { forwards[$1] }
    $2 == "lladdr" { address[$1] = $3 }
    { for (i = 2; i < NF; i++) if ($i == "via") route[$(i + 1)] }
    END {
      for (node in address) {
        at[address[node]]
        if (!(node in route)) { routes++; first = node }
        if (!(address[node] in forwards)) entries++
      }
      for (node in route) if (!(node in address)) neighbours++
      for (node in forwards) if (!(node in at)) neighbours++
      if (routes == 1) print "the route to the pods of " first " is missing"
      if (routes > 1) print "the routes to the pods of " routes " nodes are missing"
      if (neighbours) print "neighbour entries of other nodes are missing on the overlay"
      if (entries) print "forwarding entries of other nodes are missing on the overlay"
    }'); do
    gone "$words"
  done
}

# FAMILY TABLE CHAIN TEXT
nft_chain() {
  case $(nft list chain "$1" "$2" "$3" 2>/dev/null) in *"$4"*) return ;; esac
  tables=$(nft list tables 2>/dev/null) || return
  case $nl$tables$nl in
  *"${nl}table $1 $2$nl"*) gone "the nftables table $1 $2 has lost rules (chain $3)" ;;
  *) gone "the nftables table $1 $2 is missing" ;;
  esac
}

# PROGRAM TABLE CHAIN TEXT
iptables_chain() {
  rules=$("$1" -w 2 -t "$2" -S "$3" 2>/dev/null) || return
  case $rules in *"$4"*) ;; *) gone "the $1 rules of table $2 are missing (chain $3)" ;; esac
}

# NAME FILE VARIABLE: the bridge of pods, whose address stands in a file. A plugin makes it with the first pod.
bridge() {
  subnet=
  judge_bridge "$@"
  [ -z "$mending" ] || [ -z "$subnet" ] || mend_bridge "$1"
}

judge_bridge() {
  [ -r "$2" ] || return
  while IFS='=' read -r key value; do [ "$key" != "$3" ] || subnet=$value; done <"$2"
  [ -n "$subnet" ] || return
  attached=0 detached= stranger=
  for line in $kernel; do
    case $line in *' link-netns cni-'*) ;; *) continue ;; esac
    name=${line#*: }
    case $line in
    *" master $1 "*) attached=$((attached + 1)) ;;
    *' master '*) ;;
    *) detached=$detached${name%%[@:]*}$nl ;;
    esac
  done
  if ! link "$1"; then
    [ -z "$detached" ] || gone "the bridge $1 is missing, and pods are attached to nothing"
    return
  fi
  is_up || gone "the bridge $1 is down"
  [ -z "$detached" ] || gone "pods are not attached to the bridge $1"
  case $kernel in
  *"$nl$index: $1 "*" $subnet "*) ;;
  *"$nl$index: $1 "*)
    stranger=yes
    if [ "$attached" -eq 0 ]; then
      gone "the bridge $1 does not have this node's address $subnet but another one"
    else
      note "the bridge $1 does not have this node's address $subnet but another one, and $attached pods are attached \
to it: no new pod starts here. Drain the node and delete what is left of its pods, then: ip link delete $1"
    fi ;;
  *) gone "the bridge $1 has lost its address $subnet" ;;
  esac
}

mend_bridge() {
  if [ -n "$stranger" ]; then
    # The plugin makes it anew with the next pod.
    [ "$attached" -ne 0 ] || ip link delete "$1"
    return
  fi
  if ! link "$1"; then
    # With its old address, which pods have in mind.
    mac=
    { read -r mac <"$state/$1"; } 2>/dev/null
    ip link add "$1" type bridge
    [ -z "$mac" ] || ip link set "$1" address "$mac"
  fi
  for name in $detached; do ip link set "$name" master "$1" && command bridge link set dev "$name" hairpin on; done
  ip link set "$1" up
  case $kernel in *"$nl$index: $1 "*" $subnet "*) ;; *) ip addr add "$subnet" brd + dev "$1" 2>/dev/null ;; esac
}

# Lines `PATH:VALUE`, as grep prints them. Plans have words of their own for settings.
kernel_settings() {
  [ "$mode" = heal ] && [ -n "$settings" ] || return
  paths=
  for entry in $settings; do paths=$paths${entry%%:*}$nl; done
  present=$(grep -s '' /dev/null $paths)
  [ "$present" != "$settings" ] || return
  for entry in $settings; do
    case $nl$present$nl in *"$nl$entry$nl"*) continue ;; esac
    gone "${entry%%:*} is not ${entry#*:}"
    [ -z "$mending" ] || { printf '%s\n' "${entry#*:}" >"${entry%%:*}"; } 2>/dev/null
  done
}

# DIRECTORY of the results of CNI plugins: pods whose host ports nobody forwards any more.
host_ports() {
  [ "$mode" = look ] && [ -d "$1" ] || return
  files=$(grep -rl '"portMappings":\[{' "$1" 2>/dev/null) || return
  rules=$(nft list table ip cni_hostport 2>/dev/null; nft list table ip6 cni_hostport 2>/dev/null
    iptables -w 2 -t nat -S 2>/dev/null | grep -F -e ' CNI-')
  for path in $files; do
    text=
    read -r text <"$path" || [ -n "$text" ] || continue
    id=${text#*'"containerId":"'} && id=${id%%'"'*}
    case $rules in *"$id"*) continue ;; esac
    space=${text#*'"K8S_POD_NAMESPACE","'} && space=${space%%'"'*}
    pod=${text#*'"K8S_POD_NAME","'} && pod=${pod%%'"'*}
    note "the host ports of pod $space/$pod are not forwarded any more; delete the pod, and what made it makes it anew"
  done
}

# --- Judging ---------------------------------------------------------------------------------------------------------

note() { [ "$mode" != look ] || notes=$notes-$tab$*$nl; }

look() {
  missing=$nl notes=
  read_kernel
  kept
  unit=$me
  kernel_settings
}

lacks() { case $missing in *"$nl$1$tab"*) ;; *) return 1 ;; esac; }

now() {
  IFS=' ' read -r now rest </proc/uptime
  now=${now%.*}${now#*.}
}

# The services that lack something and may be judged. Times are in hundredths of a second since the boot.
judge() {
  due= new=$nl
  now
  for unit in $units; do
    lacks "$unit" || continue
    if [ "$unit" = "$me" ]; then due=$due$unit$nl && continue; fi
    active= since=0
    for line in $(systemctl show -p ActiveState -p ActiveEnterTimestampMonotonic -- "$unit" 2>/dev/null); do
      case $line in
      ActiveState=*) active=${line#*=} ;;
      *=*) since=$((${line#*=} / 10000)) ;;
      esac
    done
    [ "$active" = active ] || continue
    whole=0 tries=0
    { read -r whole <"$state/$unit.whole"; } 2>/dev/null
    { read -r tries <"$state/$unit.tries"; } 2>/dev/null
    patience=$((grace * 100))
    while [ "$tries" -gt 0 ]; do patience=$((patience * 4)) tries=$((tries - 1)); done
    [ "$patience" -le 60000 ] || patience=60000
    if [ "$whole" -lt "$since" ]; then
      new=$new$unit$nl
      [ $((now - since)) -ge "$patience" ] || continue
    fi
    due=$due$unit$nl
  done
  # What was remembered of a service's devices is of its predecessor.
  [ "$new" = "$nl" ] || look
}

# Of each service that has everything: when it was seen so, and which devices it has.
remember() {
  now
  for unit in $units; do
    lacks "$unit" && continue
    printf '%s\n' "$now" >"$state/$unit.whole"
    [ ! -e "$state/$unit.tries" ] || rm -f "$state/$unit.tries"
  done
  for device in $devices; do
    case $missing in *" $device"*) continue ;; esac
    link "$device" || continue
    case $line in
    *' vxlan '*) printf '%s\n' "$index" >"$state/$device" ;;
    *'/ether '*) line=${line#*/ether } && printf '%s\n' "${line%% *}" >"$state/$device" ;;
    esac
  done
}

# --- Healing ---------------------------------------------------------------------------------------------------------

words_of() {
  words=
  for entry in $missing; do
    case $entry in "$1$tab"*) words="$words${words:+; }${entry#*"$tab"}" ;; esac
  done
}

# Restarts the service, and says so.
restart() {
  tries=0
  { read -r tries <"$state/$1.tries"; } 2>/dev/null
  printf '%s\n' $((tries + 1)) >"$state/$1.tries"
  say "$words; $1, which makes it, is restarted"
  systemctl restart --no-block -- "$1"
  new=$new$1$nl
  restarted=$restarted$1$nl
}

# Until what was restarted has everything, for at most eight seconds.
await() {
  rounds=0
  while [ "$rounds" -lt 16 ]; do
    sleep 0.5
    rounds=$((rounds + 1))
    look
    for each in $restarted; do lacks "$each" && continue 2; done
    return
  done
}

heal() {
  mkdir -p "$state"
  new=$nl
  look
  [ "$missing" = "$nl" ] || judge
  remember
  [ -n "$due" ] || return
  sleep 1
  look
  lost=$missing restarted=
  for each in $due; do
    missing=$lost
    lacks "$each" || continue
    words_of "$each"
    if [ "$each" = "$me" ]; then
      say "$words; mended"
      mending=yes
      look
      mending=
    else
      restart "$each"
    fi
  done
  [ -z "$restarted" ] || await
  look
  remember
  for each in $due; do
    words_of "$each"
    [ -z "$words" ] || say "still: $words"
  done
}

case $mode in
look)
  new=$nl
  look
  judge
  for entry in $missing; do
    for unit in $due; do case $entry in "$unit$tab"*) printf '%s\n' "$entry" ;; esac; done
  done
  printf '%s' "$notes"
  ;;
*) heal ;;
esac
exit 0
