section clock
now=$(exec date +%s%N)
printf '%s\n' "$now"
