# Waits until no script of another run is at work. Given: kb_lock, and in seconds kb_patience, kb_silence, kb_finish.
# A holder whose operator is gone is ended: at once when its connection has been silent for kb_silence seconds, and
# when its connection is closed after it had kb_finish seconds to finish what it began.

kb_holders() {
  for kb_fd in /proc/[0-9]*/fd/9; do
    if [ "$kb_fd" -ef "$kb_lock" ]; then
      kb_pid=${kb_fd#/proc/}
      echo "${kb_pid%%/*}"
    fi
  done
}

# Where the run of a process came from: `local PID`, `ssh ADDRESS PORT ADDRESS PORT`, or nothing. sudo keeps neither
# variable for what it starts, so those before it are asked, too.
kb_origin() {
  kb_at=$1
  while [ "${kb_at:-0}" -gt 1 ]; do
    kb_found=$(tr '\0' '\n' 2>/dev/null <"/proc/$kb_at/environ" |
      sed -n 's/^KBOOTSTRAP_LOCAL=/local /p; s/^SSH_CONNECTION=/ssh /p' | head -n 1)
    if [ -n "$kb_found" ]; then
      echo "$kb_found"
      return
    fi
    kb_at=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$kb_at/status" 2>/dev/null)
  done
}

# An address as `ss` reads it: of IPv6 in brackets, without the interface of a link.
kb_address() {
  case $1 in
    *:*) echo "[${1%%%*}]" ;;
    *) echo "$1" ;;
  esac
}

# Seconds since anything was heard of the operator; `closed` when there is no way back to it, `unknown` when this host
# cannot tell. An operator that is alive sends something every few seconds while a script runs, or acknowledges what
# the script says.
kb_heard() {
  case $1 in
    local) if [ -d "/proc/$2" ]; then echo 0; else echo closed; fi; return ;;
    ssh) ;;
    *) echo closed; return ;;
  esac
  if ! command -v ss >/dev/null 2>&1; then
    echo unknown
    return
  fi
  # Anybody on the host can have a connection with the same ports.
  kb_socket=$(ss -tniH state established \
    "( src $(kb_address "$4") and sport = :$5 and dst $(kb_address "$2") and dport = :$3 )" 2>/dev/null)
  if [ -z "$kb_socket" ]; then
    echo closed
    return
  fi
  # `ss` leaves out what is zero.
  kb_least=
  for kb_word in lastrcv lastack; do
    kb_ms=$(echo "$kb_socket" | sed -n "s/.*[[:space:]]$kb_word:\([0-9]*\).*/\1/p" | head -n 1)
    if [ -z "$kb_least" ] || [ "${kb_ms:-0}" -lt "$kb_least" ]; then kb_least=${kb_ms:-0}; fi
  done
  echo $((kb_least / 1000))
}

# Seconds that a process has run; the kernel counts in hundredths for programs on every architecture.
kb_age() {
  kb_stat=$(cat "/proc/$1/stat" 2>/dev/null) || return
  read -r kb_up kb_rest </proc/uptime
  set -- ${kb_stat##*) }
  echo $((${kb_up%.*} - ${20} / 100))
}

kb_end() {
  case " $kb_ended " in
    *" $1 "*) kill -KILL "$1" 2>/dev/null || : ;;
    *) kill -TERM "$1" 2>/dev/null || : ;;
  esac
  kb_ended="$kb_ended $1"
}

# For whoever started this run: a line for each holder.
kb_tell() {
  for kb_holder in $(kb_holders); do
    kb_from=$(kb_origin "$kb_holder")
    kb_seconds=$(kb_age "$kb_holder")
    kb_since=$(date -u -d "@$(($(date +%s) - ${kb_seconds:-0}))" '+%Y-%m-%dT%H:%M:%SZ')
    kb_name=$(cat "/proc/$kb_holder/comm" 2>/dev/null | tr -d '[:space:]')
    echo "__KB_HOLDER $kb_holder ${kb_name:-?} $kb_since ${kb_seconds:-0} $(kb_heard $kb_from) $kb_from" >&2
  done
}

if [ -e "$kb_lock" ] && command -v flock >/dev/null 2>&1; then
  kb_waited=0
  kb_ended=
  until flock -x -w 1 8 8<"$kb_lock"; do
    kb_waited=$((kb_waited + 1))
    if [ "$kb_waited" -ge "$kb_patience" ]; then
      kb_tell
      exit 75
    fi
    for kb_holder in $(kb_holders); do
      kb_quiet=$(kb_heard $(kb_origin "$kb_holder"))
      case $kb_quiet in
        unknown) ;;
        closed) if [ "$kb_waited" -ge "$kb_finish" ]; then kb_end "$kb_holder"; fi ;;
        *) if [ "$kb_quiet" -ge "$kb_silence" ]; then kb_end "$kb_holder"; fi ;;
      esac
    done
  done
fi
