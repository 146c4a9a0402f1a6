section listings
set +f
for dir in $listings; do
  [ -d "$dir" ] || continue
  printf 'd %s\n' "$dir"
  for entry in "$dir"/*; do [ -e "$entry" ] && printf 'n %s\n' "${entry##*/}"; done
done
set -f

section records
printf '%s\n' $started
section stat
stats=$(exec stat -L -c "%f %u %g $record_format" -- $files $dirs $started 2>/dev/null)
printf '%s\n' "$stats"
section recorded
printf '%s\n' "$known"
fresh=
for line in $stats; do
  case $line in
  *" $records/units/"*) continue ;;
  8*) ;;
  *) continue ;;
  esac
  key=${line#* * * }
  if [ -z "$rehash" ] && [ "${key%% *}" -ge "$record_from" ]; then
    case $known in *" $key$nl"*) continue ;; esac
  fi
  fresh=$fresh$nl${key#* * * * }
done
section sha256
[ -z "$fresh" ] || sha256sum -- $fresh 2>/dev/null

section certificate-files
for file in $certificates; do
  [ -f "$file" ] || continue
  printf '%s\n' "$file"
  texts=$texts$nl$file
done

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

