# What came; what is still on its way gets a moment. Then nothing of the try is left.
for port in $udp; do
  tries=0
  while
    heard=$(grep -as "^$nonce " "$dir-$port/heard" | sort -u)
    [ "$(printf '%s\n' "$heard" | grep -c .)" -lt "$expected" ] && [ "$tries" -lt 40 ]
  do
    tries=$((tries + 1))
    sleep 0.025
  done
  printf '%s\n' "$heard"
done
systemctl stop $units 2>/dev/null
:
