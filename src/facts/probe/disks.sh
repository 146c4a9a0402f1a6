# Three lines each: what was asked, the nearest path above it that exists, and that without links.
section disk
at=/sys/fs/cgroup
ways=
for path in $disk; do
  near=$path
  while [ ! -e "$near" ]; do
    near=${near%/*}
    [ -n "$near" ] || near=/
  done
  real=$near
  cd -P -- "$near" 2>/dev/null && real=$PWD
  printf '%s\n%s\n%s\n' "$path" "$near" "$real"
  at=$at$nl$near
  while [ -n "$real" ] && [ "$real" != / ]; do
    case "$ways|" in *"|$real|"*) break ;; esac
    ways="$ways|$real"
    real=${real%/*}
  done
done
cd /
section filesystems
stat -f -c '%T %a %b %S %d %c %n' -- $at 2>/dev/null
