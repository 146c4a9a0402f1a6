section lost
[ -f "$data_plane" ] && kb_roots "$data_plane" && timeout 10 /bin/sh -- "$data_plane" look 2>/dev/null
