# What is mounted below a folder, whatever link leads to it. Mount points stay as the kernel writes them (a space is \040), so
# that each is one line. Deepest first.
mounted_below() {
  if ! command -v awk >/dev/null; then printf '%s\n' "$1/?" && return; fi
  real=$(readlink -f -- "$1") || return 0
  case $real in *'
'*) printf '%s\n' "$1/?"; return ;; esac
  KB_REAL=$(printf '%s\n' "$real" | sed 's/\\/\\134/g; s/ /\\040/g; s/	/\\011/g') \
    awk 'index($5, ENVIRON["KB_REAL"] "/") == 1 { print $5 }' /proc/self/mountinfo | sort -r
}

# What is still in use is detached, and goes when its last user ends. A mount may hide others: so it is looked again.
unmounted=0
unmount_below() {
  for again in 1 2 3; do
    points=$(mounted_below "$1")
    [ -n "$points" ] || return 0
    while IFS= read -r point; do
      point=$(printf '%b' "$(printf '%s' "$point" | sed 's/\\/\\0/g')")
      if timeout 20 umount -- "$point" 2>/dev/null || umount -l -- "$point" 2>/dev/null; then
        unmounted=$((unmounted + 1))
      fi
    done <<END_OF_POINTS
$points
END_OF_POINTS
  done
}

# Whether a folder can be emptied: rm and find go through a mount of the same disk, into what is not ours.
is_clear() {
  points=$(mounted_below "$1")
  [ -n "$points" ] || return 0
  while IFS= read -r point; do warn "$1: $point is mounted below it"; done <<END_OF_POINTS
$points
END_OF_POINTS
  return 1
}
