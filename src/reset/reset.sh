# Takes from this host what is named. The caller sets, from the catalogue of components: SERVICES RUNTIMES SLICES MOUNTS
# NAMESPACES LINKS TABLES CHAINS OUR_CHAINS FILES KEYS DIRS EMPTY_DIRS RECORDS STAGED PACKAGES INSTALLED UNITS; all may be
# empty; and kb_only_root_to, take_packages.
# Every step tolerates that there is nothing to do; what could not be done is said and makes the status 1.
failed=0
say() { printf '%s\n' "$*"; }
warn() { printf 'left: %s\n' "$*"; failed=1; }

# Services first, so that nothing starts pods again; then the runtime.
for unit in $SERVICES $RUNTIMES; do
  systemctl cat "$unit" >/dev/null 2>&1 && systemctl disable --quiet "$unit" 2>/dev/null
done
for unit in $SERVICES; do
  systemctl cat "$unit" >/dev/null 2>&1 || continue
  timeout 20 systemctl stop "$unit" 2>/dev/null || systemctl kill --signal=KILL "$unit" 2>/dev/null
done

# Pods: their processes live in slices of their own, the shims in the runtime's cgroup.
for unit in $SLICES $RUNTIMES; do systemctl kill --signal=KILL "$unit" 2>/dev/null; done
for unit in $RUNTIMES; do timeout 20 systemctl stop "$unit" 2>/dev/null; done
for unit in $SLICES; do systemctl stop "$unit" 2>/dev/null; done
say "stopped: $SERVICES $RUNTIMES${SLICES:+ and all pods}"

for dir in $MOUNTS; do unmount_below "$dir"; done
[ "$unmounted" -eq 0 ] || say "unmounted: $unmounted mounts of pods"

# Pod networks: namespaces, interfaces, rules.
for ns in $(ip netns list 2>/dev/null | awk '{ print $1 }'); do
  for prefix in $NAMESPACES; do
    case $ns in "$prefix"*) ip netns delete "$ns" || warn "network namespace $ns" ;; esac
  done
done
for link in $LINKS; do
  if ip link show "$link" >/dev/null 2>&1; then
    ip link delete "$link" && say "removed: interface $link" || warn "interface $link"
  fi
done
if command -v nft >/dev/null 2>&1; then
  while read -r _ family table; do
    case " $TABLES " in
    *" $table "*)
      [ -n "$table" ] || continue
      if nft delete table "$family" "$table"; then
        say "removed: nftables table $family $table"
      else
        warn "nftables table $family $table"
      fi ;;
    esac
  done <<END_OF_TABLES
$(nft list tables 2>/dev/null)
END_OF_TABLES
fi
for tool in iptables ip6tables; do
  [ -n "$CHAINS" ] && command -v "$tool-save" >/dev/null 2>&1 || continue
  gone=$("$tool-save" 2>/dev/null | KB_CHAINS=$CHAINS awk "$OUR_CHAINS")
  case $gone in
  *-X\ *)
    if printf '%s\n' "$gone" | "$tool-restore" -w 5 --noflush || printf '%s\n' "$gone" | "$tool-restore" --noflush; then
      say "removed: our $tool chains"
    else
      warn "$tool chains"
    fi ;;
  esac
done

[ -z "$INSTALLED" ] || take_packages

# A directory on another disk, by a mount or by a link of the site's own, is emptied and stays.
empty() {
  is_clear "$1" || return
  find "$1" -xdev -mindepth 1 -delete 2>/dev/null
  if [ -z "$(ls -A "$1")" ]; then say "emptied: $2"; else warn "files under $1"; fi
}
empty_linked() {
  # Else somebody else says what is emptied.
  kb_only_root_to "$1" || { warn "what is of the cluster where the link $1 leads"; return; }
  target=$(readlink -f "$1")
  # What lies directly under the root holds other things, too.
  case ${target#/} in
  */*) [ ! -d "$target" ] || empty "$target" "$1 (a link to $target)" ;;
  *) warn "what is of the cluster in $target, to which $1 is a link" ;;
  esac
}

# What a folder that somebody else can exchange holds may be anybody's. It is named once.
judged= right=
rooted() {
  if [ "${1%/*}" != "$judged" ]; then
    judged=${1%/*} right=
    if kb_only_root_to "$judged"; then right=yes; else warn "files in $judged"; fi
  fi
  [ -n "$right" ]
}

# What an interrupted push has left beside the files that it was to replace comes first: the record of it goes, too.
if [ -n "$STAGED" ] && [ -f "$STAGED" ]; then
  while IFS= read -r file; do
    case $file in *.kbootstrap-new) if rooted "$file" && is_clear "$file"; then rm -rf -- "$file" "$file.part"; fi ;; esac
  done <"$STAGED"
fi
for file in $FILES; do
  if rooted "$file"; then rm -f -- "$file"; fi
done
# A folder of keys may be a link although the one that it is in is none.
for dir in $KEYS; do [ ! -L "$dir" ] || empty_linked "$dir"; done
for dir in $DIRS; do
  [ -e "$dir" ] || continue
  # By their record, packages that could not be removed are found again.
  if [ -n "$still" ] && [ "$dir" = "${INSTALLED%/*}" ] && [ ! -L "$dir" ]; then
    find "$dir" -xdev -mindepth 1 ! -path "$INSTALLED" -delete 2>/dev/null
    continue
  fi
  if [ -L "$dir" ]; then
    empty_linked "$dir"
  elif ! kb_only_root_to "$dir"; then
    warn "$dir"
  elif mountpoint -q "$dir" 2>/dev/null; then
    empty "$dir" "$dir (a mount point)"
  elif is_clear "$dir"; then
    rm -rf --one-file-system "$dir" && say "removed: $dir" || warn "$dir"
  fi
done
for dir in $EMPTY_DIRS; do rmdir "$dir" 2>/dev/null; done
systemctl daemon-reload
for unit in $SERVICES $RUNTIMES $SLICES; do systemctl reset-failed "$unit" 2>/dev/null; done
# By these the next run knows that something is still to be done.
[ "$failed" -ne 0 ] || for file in $RECORDS; do rm -f "$file"; done
