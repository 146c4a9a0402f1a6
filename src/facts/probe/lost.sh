section lost
[ -f "$data_plane" ] && timeout 10 /bin/sh -- "$data_plane" look 2>/dev/null
