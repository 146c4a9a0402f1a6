# Installs packages of the distribution. The caller sets UNITS, a folder; PACKAGES, where the files lie; RECORD, which says
# what is ours; TRIES and BUSY: how often another dpkg is waited for, and the status after that. Then it calls
# `masks UNIT FOR NAME`, `ours NAME FOR VERSION`, `group NAME...`, `there NAME PROGRAM`.
umask 022
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true LC_ALL=C
export PATH DEBIAN_FRONTEND DEBCONF_NONINTERACTIVE_SEEN LC_ALL
unset DPKG_FRONTEND_LOCKED
# What others wrote there is no record of ours.
if [ -e "$RECORD" ] || [ -L "$RECORD" ]; then kb_roots "$RECORD" || rm -rf -- "$RECORD"; fi

# `state NAME`: as dpkg calls it; nothing where it does not know the package.
state() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | head -n 1; }

# Before it is done, so that what is ours is known however this ends.
note() {
  {
    umask 077
    { [ ! -f "$RECORD" ] || cat "$RECORD"; printf '%s\n' "$1"; } | sort -u >"$RECORD.new"
    sync "$RECORD.new" 2>/dev/null || :
    umask 022
  } && mv -fT -- "$RECORD.new" "$RECORD"
}
noted() { [ -f "$RECORD" ] && grep -q "^$1 $2 " "$RECORD"; }

# A unit that somebody else has masked stays theirs, and so does one of a package that somebody has installed.
masks() {
  at=$UNITS/$1
  if [ "$(state "$3")" = installed ] && ! noted package "$3"; then return 0; fi
  if [ "$(readlink -- "$at" 2>/dev/null)" = /dev/null ]; then return 0; fi
  if [ -e "$at" ] || [ -L "$at" ]; then
    echo "$at is there already, so that the unit of the package cannot be masked: move it away" >&2
    exit 1
  fi
  note "mask $1 $2"
  systemctl mask --quiet "$1" || exit 1
  systemctl stop --quiet "$1" 2>/dev/null || :
}

# What somebody has installed since it was asked about is not ours. Of what was removed before, its configuration stays.
ours() {
  is=$(state "$1")
  [ "$is" != installed ] || return 0
  ! noted package "$1" || return 0
  how=purge
  [ "$is" != config-files ] || how=remove
  note "package $1 $2 $3 $how"
}

# dpkg, which waits for no other dpkg or apt by itself.
patiently() {
  tries=0
  while :; do
    if dpkg "$@" >"$PACKAGES/said" 2>&1 </dev/null; then return 0; fi
    if ! grep -q 'locked by another process' "$PACKAGES/said"; then
      tail -n 40 "$PACKAGES/said" >&2
      exit 1
    fi
    if [ $tries -ge $TRIES ]; then
      tail -n 5 "$PACKAGES/said" >&2
      pid=$(sed -n 's/.*with pid \([0-9][0-9]*\).*/\1/p' "$PACKAGES/said" | head -n 1)
      [ -z "$pid" ] || echo "process $pid is $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)" >&2
      exit $BUSY
    fi
    tries=$((tries + 1))
    sleep 2
  done
}

# Packages that are unpacked, then configured, together.
group() {
  files=
  for name; do
    [ "$(state "$name")" = installed ] || files="$files $PACKAGES/$name.deb"
  done
  # Names of packages have no spaces, and neither has the folder.
  [ -z "$files" ] || patiently --install --force-confdef --force-confold $files
}

there() {
  if [ "$(state "$1")" != installed ] || [ ! -f "$2" ]; then
    echo "package $1 is $(state "$1"), and $2 $([ -f "$2" ] || echo 'is not ')there" >&2
    exit 1
  fi
}
