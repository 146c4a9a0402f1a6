# `take_packages` takes away what we have installed of the distribution, by our record INSTALLED: all of it, or what was there
# for the packages PACKAGES only. What others need stays. Units that we masked are given back. A record that others could have
# written says nothing.
still=
take_packages() {
  [ -e "$INSTALLED" ] || [ -L "$INSTALLED" ] || return 0
  kb_roots "$INSTALLED" || { warn "packages that we installed: others could have written $INSTALLED"; return 0; }
  # A line `package NAME FOR VERSION HOW` or `mask UNIT FOR`; FOR are names with commas.
  gone=$(KB_GONE=" $PACKAGES " awk '
    BEGIN { gone = ENVIRON["KB_GONE"]; all = gone ~ /^ *$/ }
    $1 !~ /^(package|mask)$/ || $2 !~ /^[A-Za-z0-9][A-Za-z0-9+._@:-]*$/ { next }
    { left = 0; n = split($3, names, ","); for (i = 1; i <= n; i++) if (index(gone, " " names[i] " ") == 0) left++ }
    all || left == 0 { print $1, $2, $5 }
  ' "$INSTALLED")
  purge= remove= units=
  while read -r kind name how; do
    case $kind/$how in
    package/remove) remove="$remove $name" ;;
    package/*) purge="$purge $name" ;;
    mask/*) units="$units $name" ;;
    esac
  done <<END_OF_GONE
$gone
END_OF_GONE
  dpkg_takes --purge $purge
  dpkg_takes --remove $remove
  for unit in $units; do
    [ "$(readlink -- "$UNITS/$unit" 2>/dev/null)" = /dev/null ] || continue
    if systemctl unmask --quiet "$unit"; then say "given back: $unit"; else warn "$unit, which is masked"; fi
  done
  # What could not be removed is still ours, and is tried again.
  [ -z "$still" ] || return 0
  [ -n "$PACKAGES" ] || { rm -f -- "$INSTALLED"; return 0; }
  KB_GONE=" $PACKAGES " awk '
    BEGIN { gone = ENVIRON["KB_GONE"] }
    { left = ""; n = split($3, names, ",")
      for (i = 1; i <= n; i++) if (index(gone, " " names[i] " ") == 0) left = left (left == "" ? "" : ",") names[i]
      if (left != "") { $3 = left; print } }
  ' "$INSTALLED" >"$INSTALLED.new" && chmod 600 "$INSTALLED.new" && mv -fT -- "$INSTALLED.new" "$INSTALLED"
}

# `dpkg_takes HOW NAME...`: together, so that dpkg finds their order.
dpkg_takes() {
  how=$1
  shift
  there=
  for name; do
    case $(package_state "$name") in '' | not-installed) ;; *) there="$there $name" ;; esac
  done
  [ -n "$there" ] || return 0
  tries=0
  while :; do
    said=$(DEBIAN_FRONTEND=noninteractive LC_ALL=C dpkg "$how" $there 2>&1 </dev/null) && break
    case $said in *'locked by another process'*) ;; *) break ;; esac
    [ $tries -lt 30 ] || break
    tries=$((tries + 1))
    sleep 2
  done
  taken=
  for name in $there; do
    case $how/$(package_state "$name") in
    */ | */not-installed | --remove/config-files) taken="$taken $name" ;;
    *)
      case $said in
      *"dependency problems prevent removal of $name:"*) say "stays: package $name, which others need" ;;
      *)
        warn "package $name"
        still=yes
        ;;
      esac
      ;;
    esac
  done
  [ -z "$taken" ] || say "removed: packages$taken"
  [ -z "$still" ] || printf '%s\n' "$said" | tail -n 20 >&2
}
package_state() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | head -n 1; }
