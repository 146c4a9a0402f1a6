section images
ctr=$bin/ctr
[ -e "$ctr" ] || ctr=$(command -v ctr)
[ -S "$runtime" ] && [ -n "$ctr" ] && kb_roots "$ctr" && timeout 5 "$ctr" -a "$runtime" -n k8s.io images ls -q 2>/dev/null
