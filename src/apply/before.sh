# What a unit ran with before a push, in the folder $B: `files` has a path a line, and N is what lay at the path of line N;
# where nothing lay there is no N. `key` is what it is known to have run with.

# Keeps what the files that are named in $1 are about to replace. A path that is there already is of a push that was never
# tried: what ran is what was kept then.
keep() {
  touch "$B/files"
  while IFS= read -r f; do
    f=${f%STAGED}
    ! grep -qxF -e "$f" "$B/files" || continue
    n=$(($(wc -l <"$B/files") + 1))
    rm -f -- "$B/$n"
    if [ -e "$f" ] || [ -L "$f" ]; then
      ln -- "$f" "$B/$n" 2>/dev/null || cp -pP -- "$f" "$B/$n"
    fi
    printf '%s\n' "$f" >>"$B/files"
  done <"$1"
}

put_back() {
  n=0
  while IFS= read -r f; do
    n=$((n + 1))
    if [ -e "$B/$n" ] || [ -L "$B/$n" ]; then
      mv -fT -- "$B/$n" "${f}STAGED"
      mv -fT -- "${f}STAGED" "$f"
    else
      rm -f -- "$f"
    fi
  done <"$B/files"
}
