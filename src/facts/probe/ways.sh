
# What leads to the files, and what lies in their places, without following links. Links on the way are rare; what they lead
# through is asked for, too.
section ways
seen=$(exec stat -c '%f %u %U %n' -- $above $files 2>/dev/null)
printf '%s\n' "$seen"
for line in $seen; do
  case $line in a*) ;; *) continue ;; esac
  way=${line#* * * }
  case $nl$above$nl in *"$nl$way$nl"*) ;; *) continue ;; esac
  kb_way "$way" 2>/dev/null && (exec stat -c '%f %u %U %n' -- $kb_all 2>/dev/null)
done
