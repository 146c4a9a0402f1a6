# The beginning of the probe. Written for dash, with few processes; a tool that is not there leaves its section empty.
# What is asked stands in variables before this text, one item a line. The groups of sections follow.
unset KB_PROBE
# The system's own folders first: what others could have put elsewhere does not tell us who they are.
PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:$PATH:$bin
LC_ALL=C
export PATH LC_ALL
nl='
'
IFS=$nl
set -f
section() { printf '%s%s\n' "$mark" "$1"; }
have() { command -v "$1" >/dev/null 2>&1; }
# Groups add to `texts`, which are read at the end.
# The lines of text files, each after its file's name and a colon: so no line can look like another file's. Devices and
# pipes are left out, and a line may have any length that fits into 256 MiB.
lines() {
  (
    ulimit -v 262144 2>/dev/null
    exec grep -aHs -D skip -m "$line_limit" '' -- "$@"
  )
}
line_limit=1000

