# Packages of the distribution, where any are asked about; and what we have installed ourselves.
section packages
if [ -n "$packages" ]; then
  if have dpkg-query; then
    printf 'dpkg\n'
    dpkg-query -W -f '${Package}\t${Architecture}\t${Version}\t${db:Status-Abbrev}\n' $packages 2>/dev/null
  elif have rpm; then
    printf 'rpm\n'
    rpm -q --qf '%{NAME}\t%{ARCH}\t%{VERSION}-%{RELEASE}\tii \n' $packages 2>/dev/null
  fi
  [ -O "$records" ] && [ -O "$package_record" ] && [ ! -L "$package_record" ] && texts=$texts$nl$package_record
fi
section package-programs
for program in $package_programs; do [ -f "$program" ] && printf '%s\n' "$program"; done
