# Everything is tried at once; what has said nothing by then has not been answered.
command -v bash >/dev/null 2>&1 || { echo 'failed there is no bash program' && exit 0; }
dialled=$(LC_ALL=C KB_TCP=$tcp KB_UDP=$udp KB_NONCE=$nonce timeout -k 1 "$seconds" bash -c '
  tcp() {
    local said
    if said=$( { exec 3<>"/dev/tcp/$2/$3"; } 2>&1); then
      echo "open $1"
    else
      case $said in
      *"onnection refused") echo "refused $1" ;;
      *) echo "no-way $1 ${said##*: }" ;;
      esac
    fi
  }
  udp() {
    local path number address port sent
    declare -A ways
    for path in "$@"; do
      read -r number address port <<<"$path"
      { exec {way}<>"/dev/udp/$address/$port"; } 2>/dev/null && ways[$number]=$way
    done
    # The third time, the answers to the first two have come.
    for sent in 1 2 3; do
      for number in "${!ways[@]}"; do
        echo "$KB_NONCE $number" 2>/dev/null >&"${ways[$number]}" || { echo "refused $number" && unset "ways[$number]"; }
      done
      [ "$sent" = 3 ] || sleep 0.05
    done
  }
  mapfile -t paths < <(printf %s "$KB_TCP")
  for path in "${paths[@]}"; do
    tcp $path &
  done
  mapfile -t paths < <(printf %s "$KB_UDP")
  [ "${#paths[@]}" -eq 0 ] || udp "${paths[@]}"
  wait
' 2>/dev/null)
printf '%s\ndone\n' "$dialled"
