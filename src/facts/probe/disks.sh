# Pairs of lines: what was asked, and the nearest path above it that exists.
section disk
at=/sys/fs/cgroup
for path in $disk; do
  near=$path
  while [ ! -e "$near" ]; do
    near=${near%/*}
    [ -n "$near" ] || near=/
  done
  printf '%s\n%s\n' "$path" "$near"
  at=$at$nl$near
done
section filesystems
stat -f -c '%T %a %b %S %n' -- $at 2>/dev/null

