section sockets
ss -Hltunp 2>/dev/null
# Not from /sys: in a container that may be another network's. A batch shows both families' routes only together with
# those of other tables.
section ip
ip -o -force -batch - 2>/dev/null <<END
address show
link show
route show table all
END

