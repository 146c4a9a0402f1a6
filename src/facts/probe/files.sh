section listings
set +f
for dir in $listings; do
  [ -d "$dir" ] || continue
  printf 'd %s\n' "$dir"
  for entry in "$dir"/*; do [ -e "$entry" ] && printf 'n %s\n' "${entry##*/}"; done
done
set -f

section stat
stats=$(stat -L -c "%f %U %G $record_format" -- $files $dirs 2>/dev/null)
printf '%s\n' "$stats"
known=
set --
section recorded
for line in $stats; do
  case $line in 8*) ;; *) continue ;; esac
  key=${line#* * * }
  if [ -z "$rehash" ] && [ "${key%% *}" -ge "$record_from" ]; then
    [ -n "$known" ] || known=$nl$(cat -- "$records/hashes" 2>/dev/null)$nl
    case $known in
    *" $key$nl"*)
      hash=${known%%" $key$nl"*}
      printf '%s %s\n' "${hash##*"$nl"}" "$key"
      continue
      ;;
    esac
  fi
  set -- "$@" "${key#* * * * }"
done
section sha256
[ $# -eq 0 ] || sha256sum -- "$@" 2>/dev/null

section certificate-files
for file in $certificates; do [ -f "$file" ] && printf '%s\n' "$file"; done
section certificates
[ -z "$certificates" ] || lines $certificates

# Of the keys that encrypt Secrets only names and hashes: the keys stay here. Where one lies elsewhere, that is said.
section encryption
if [ -f "$encryption" ]; then
  name=- keys=
  while IFS=' ' read -r word value rest; do
    [ "$word" != - ] || { word=$value && value=$rest; }
    value=${value#[\"\']}
    value=${value%[\"\']}
    case $word in
    name:) name=$value ;;
    secret:) keys=$keys$nl$name' '$(printf %s "$value" | sha256sum) ;;
    kms:) keys=$keys$nl'kms -' ;;
    esac
  done <"$encryption" 2>/dev/null
  [ -n "$keys" ] || [ ! -s "$encryption" ] || keys='unreadable -'
  printf '%s\n' $keys
fi

