section clock
date +%s%N

