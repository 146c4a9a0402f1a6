section lost
[ -f "$data_plane" ] && timeout 10 /bin/sh -- "$data_plane" look 2>/dev/null
section flushes
grep -s -l -E '^[[:space:]]*flush[[:space:]]+ruleset' /etc/nftables.conf /etc/sysconfig/nftables.conf

