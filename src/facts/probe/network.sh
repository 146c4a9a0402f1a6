# Any user of the host may have many sockets, also at one port, and share each with many processes: of each port that was
# asked about some are named, and of their processes the first.
section sockets
filter=
for port in $ports; do filter="$filter${filter:+ or }sport = :$port"; done
sockets=
[ -z "$filter" ] || sockets=$(ss -Hltunp "$filter" 2>/dev/null | head -c "$sockets_bytes")
# Programs that count and cut cost more than all else here: only where there may be many sockets, or long lines.
if [ "${#sockets}" -le "$few_bytes" ]; then
  printf '%s\n' "$sockets"
else
  sockets=$(printf '%s\n' "$sockets" | cut -b "-$socket_bytes")
  for port in $ports; do
    printf '%s\n' "$sockets" | grep -a -m "$sockets_of_port" "^[a-z]* *[^ ]* *[0-9]* *[0-9]* *[^ ]*:$port "
  done
fi
# Not from /sys: in a container that may be another network's. A batch shows both families' routes only together with
# those of other tables.
section ip
ip -o -force -batch - 2>/dev/null <<END
address show
link show
route show table all
END

