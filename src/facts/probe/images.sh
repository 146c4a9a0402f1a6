# What containerd holds changes only with its index: the answer is recorded together with what stat says of that.
section images
if [ -S "$runtime" ] && have ctr; then
  index=
  for line in $stats; do
    case $line in *" $image_index") index=${line#* * * } ;; esac
  done
  if [ -n "$index" ] && [ -z "$rehash" ] && [ "${images%%"$nl"*}" = "$index" ]; then
    images=${images#*"$nl"}
  elif images=$(exec timeout 5 ctr -a "$runtime" -n k8s.io images ls -q 2>/dev/null) && [ -n "$index" ] && [ -d "$records" ]; then
    # Two changes in one moment look like one, so a moment must have passed since the last.
    written=${index#* }
    if [ "${now%?????????}" -gt "$((${written%%.*} + 1))" ]; then
      (umask 077 && printf '%s\n' "$index" "$images" >"$records/held.new") 2>/dev/null &&
        mv -f -- "$records/held.new" "$records/held" 2>/dev/null
    fi
  fi
  printf '%s\n' "$images"
fi
