# From what iptables-save says, what takes our chains away, for iptables-restore --noflush: rules that lead to them, their own
# rules, and they themselves. A chain is ours by its name alone; others' rules and comments may hold the same words.
BEGIN { ours = "^(" ENVIRON["KB_CHAINS"] ")" }
/^\*/ { print; jumps = flushes = deletes = ""; next }
/^:/ {
  name = substr($1, 2)
  if (name ~ ours) { flushes = flushes "-F " name "\n"; deletes = deletes "-X " name "\n" }
  next
}
/^-A / && $2 !~ ours {
  rule = $0
  gsub(/"([^"\\]|\\.)*"/, "", rule)
  if (match(rule, / -[jg] [^ ]+/)) {
    target = substr(rule, RSTART + 4, RLENGTH - 4)
    if (target ~ ours) jumps = jumps "-D " substr($0, 4) "\n"
  }
  next
}
/^COMMIT/ { printf "%s%s%sCOMMIT\n", jumps, flushes, deletes }
