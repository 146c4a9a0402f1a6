# Any user of the host may have many sockets, also at one port, and share each with many processes: of each port that was
# asked about some are named, and of their processes the first.
section sockets
filter=
for port in $ports; do filter="$filter${filter:+ or }sport = :$port"; done
sockets=
[ -z "$filter" ] || sockets=$(ss -Hltunp "$filter" 2>/dev/null | cut -b "-$socket_bytes" | head -c "$sockets_bytes")
# A program for each port costs more than all else here: only where there are many sockets.
if [ -z "$(printf '%s\n' "$sockets" | sed -n "$((sockets_of_port + 1))p")" ]; then
  printf '%s\n' "$sockets"
else
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

