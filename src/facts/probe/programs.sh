section programs
for program in $programs; do have "$program" && printf '%s\n' "$program"; done
section nft
have nft && nft --version 2>/dev/null
# Accounts are in files, or elsewhere.
section accounts
printf '%s\n' "$accounts"
section users
elsewhere=
for user in $users; do
  case $accounts in *"$nl/etc/passwd:$user:"*) printf '%s\n' "$user" ;; *) elsewhere=$elsewhere$nl$user ;; esac
done
section passwd
[ -z "$elsewhere" ] || getent passwd -- $elsewhere 2>/dev/null
section group
[ -z "$elsewhere" ] || getent group -- $elsewhere 2>/dev/null
