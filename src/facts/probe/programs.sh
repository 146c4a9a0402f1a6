section programs
for program in $programs; do have "$program" && printf '%s\n' "$program"; done
section nft
have nft && nft --version 2>/dev/null
section users
[ -z "$users" ] || getent passwd -- $users 2>/dev/null

