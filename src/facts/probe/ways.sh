
# What leads to the files, and what lies in their places, without following links. Links on the way are rare; what they lead
# through is asked for, too.
section ways
seen=$(exec stat -c '%f %h %u %U %n' -- $above $files 2>/dev/null)
printf '%s\n' "$seen"
through=
for line in $seen; do
  case $line in a*) ;; *) continue ;; esac
  way=${line#* * * * }
  case $nl$above$nl in *"$nl$way$nl"*) ;; *) continue ;; esac
  kb_way "$way" 2>/dev/null || continue
  through=$through$nl$kb_all
  (exec stat -c '%f %h %u %U %n' -- $kb_all 2>/dev/null)
done

# What stat does not show. A host whose ls says nothing of ACLs has none, or a file system without.
section acls
for line in $(exec ls -dLgoN --time-style=+- -- $above $dirs $through 2>/dev/null); do
  case $line in d?????????+*) printf '%s\n' "${line#* - }" ;; esac
done

# Others' files among those of which root's programs read all.
section others
[ -z "$whole" ] ||
  (exec find -H $whole -maxdepth 3 \( ! -uid 0 -o ! -type l -perm -0002 ! -perm -1000 \) -printf '%m %n %U %u %p\n' 2>/dev/null)
