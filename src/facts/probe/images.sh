section images
[ -S "$runtime" ] && have ctr && timeout 5 ctr -a "$runtime" -n k8s.io images ls -q 2>/dev/null
