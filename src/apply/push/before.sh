# What a unit ran with before a push, in the folder $B: `files` has a path a line, and N is what lay at the path of line N;
# where nothing lay there is no N. `key` is what it is known to have run with.

# Keeps what the files that are named in $1 are about to replace. A path that is there already is of a push that was never
# tried: what ran is what was kept then. Of what others could have open, a copy is kept that is ours.
keep() {
  touch "$B/files"
  while IFS= read -r f; do
    f=${f%STAGED}
    ! grep -qxF -e "$f" "$B/files" || continue
    n=$(($(wc -l <"$B/files") + 1))
    rm -f -- "$B/$n"
    if of_others "$f" "${f}STAGED"; then
      cp -- "$f" "$B/$n"
      chown --reference="${f}STAGED" -- "$B/$n"
      chmod --reference="${f}STAGED" -- "$B/$n"
    elif [ -e "$f" ] || [ -L "$f" ]; then
      ln -- "$f" "$B/$n" 2>/dev/null || cp -pP -- "$f" "$B/$n"
    fi
    printf '%s\n' "$f" >>"$B/files"
  done <"$1"
}

# Whether the file $1 could be written by somebody else than root and whom $2, which takes its place, belongs to.
of_others() {
  [ -f "$1" ] && [ ! -L "$1" ] || return 1
  set -- $(LC_ALL=C stat -c '%u %A' -- "$1" "$2" 2>/dev/null)
  case $2 in ?????w* | ????????w*) return 0 ;; esac
  [ "$1" != 0 ] && [ "$1" != "${3-0}" ]
}

# Where the unit $1 was started since, as by a boot, what was pushed then is what it runs with.
forget_tried() {
  [ -e "$B/files" ] || return 0
  started=$(systemctl show -p ExecMainStartTimestamp --value "$1" 2>/dev/null) || return 0
  [ -n "$started" ] || return 0
  started=$(date -d "$started" +%s 2>/dev/null) || return 0
  [ "$started" -le "$(stat -c %Y "$B/files")" ] || rm -rf "$B"
}

# Fails where something could not be put back; by a way that others can change nothing is.
put_back() {
  kb_only_root "$B" || return 1
  n=0
  while IFS= read -r f; do
    n=$((n + 1))
    kb_only_root "${f%/*}" || return 1
    if [ -e "$B/$n" ] || [ -L "$B/$n" ]; then
      mv -fT -- "$B/$n" "${f}STAGED" && mv -fT -- "${f}STAGED" "$f" || return 1
    else
      rm -f -- "$f" || return 1
    fi
  done <"$B/files"
}
