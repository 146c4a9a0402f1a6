# What listens for a try, and the chains of firewalls that packets pass on their way in and through.
set -f
at=$address
case $at in *:*) at=[$at] ;; esac
failed() { printf 'failed %s\n' "$(printf '%s' "$1" | tail -n 1)"; }
# Wait until a unit listens on all of its ports, or has ended.
await() {
  tries=0
  filter=
  for port in $3; do filter="$filter${filter:+ or }sport = :$port"; done
  while [ "$tries" -lt 60 ]; do
    sockets=$(ss "$2" "$filter" 2>/dev/null)
    missing=
    for port in $3; do
      case $sockets in *" $at:$port "*) ;; *) missing=$port ;; esac
    done
    if [ -z "$missing" ]; then
      for port in $3; do printf 'listens %s %s\n' "$4" "$port"; done
      return
    fi
    systemctl -q is-active "$1" 2>/dev/null || break
    tries=$((tries + 1))
    sleep 0.05
  done
  failed "$(journalctl -q -o cat -n 1 -u "$1" 2>/dev/null)"
}
start() {
  unit=$1
  shift
  # A child that it has begun to make when it is stopped hears nothing: what stands before API servers connects all the time.
  said=$(systemd-run --quiet --collect --unit="$unit" -p RuntimeMaxSec="$seconds" -p TimeoutStopSec=1 "$@" 2>&1) || {
    failed "${said:-there is no systemd-run}"
    return 1
  }
}
if [ -n "$tcp$udp" ] && ! command -v ss >/dev/null 2>&1; then
  failed 'there is no ss program'
else
  options=
  for port in $tcp; do options="$options -l $at:$port"; done
  if [ -n "$tcp" ]; then
    start "$name-tcp" systemd-socket-activate -a --inetd $options true && await "$name-tcp" -Hltn "$tcp" tcp
  fi
  # Anybody may send something: so many datagrams are kept, and as much of each.
  for port in $udp; do
    start "$name-$port" -p RuntimeDirectory="$name-$port" systemd-socket-activate -d --inetd -l "$at:$port" \
      dd of="$dir-$port/heard" bs=512 count=4096 status=none && await "$name-$port" -Hlun "$port" udp
  done
fi

# Of a table with thousands of rules the first ones must do.
rules() {
  head -n 3000 | while read -r rule; do printf '%s %s\n' "$1" "$rule"; done
}
# Those of the old kind would bring their module with them when they are asked.
case $($iptables -V 2>/dev/null) in
*nf_tables*) $iptables -S 2>/dev/null | rules iptables ;;
*) grep -qx filter /proc/net/ip_tables_names 2>/dev/null && $iptables -S 2>/dev/null | rules iptables ;;
esac
chosen=
nft list chains 2>/dev/null | while read -r word first second rest; do
  case "$word $first $second $rest" in
  table*) table="$first ${second% {}" ;;
  "type "*" hook input "* | "type "*" hook forward "*)
    case " $ours " in *" ${table#* } "*) continue ;; esac
    [ "$table" = "$chosen" ] || {
      chosen=$table
      printf 'nft-table %s\n' "$table"
      nft -s -t list table $table 2>/dev/null | rules nft
    }
    ;;
  esac
done
