# Two units in one go: `one`, and `other`, which systemd stops before it and starts after it when it is restarted.

invocation() { systemctl show -p InvocationID --value "$U"; }

both_begin() {
  other
  was=$(invocation)
  begins
  one
}

# The other one, once the first runs. It is started where it did not run, and restarted where systemd has left it as it
# was, as where its unit is not part of the other one's.
follows() {
  other
  timeout PATIENCE systemctl start "$U" 2>/dev/null
  [ "$(invocation)" != "$was" ] || timeout PATIENCE systemctl restart "$U" 2>/dev/null
  runs
}

go_back_together() {
  other
  [ ! -s "$B/files" ] || put_back || { echo "What $U ran with before could not be put back."; return 1; }
  both_begin
  go_back || return 1
  if ! follows; then
    rm -rf "$B"
    echo
    echo "$U does not come up again:"
    journalctl --no-pager -q -o cat -n 10 -u "$U"
    return 1
  fi
  # Where nothing had come for it, it runs with what it ran with.
  [ -e "$B" ] || ! is_ours || printf '%s\n' KEY >"$K"
  [ ! -e "$B/key" ] || ! is_ours || mv -f "$B/key" "$K"
  rm -rf "$B"
}
