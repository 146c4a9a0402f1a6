# `kb_only_root FOLDER`: nobody but root can change what leads to this folder, or what is in it; `kb_only_root_to FOLDER`
# does not ask about what is in it. If somebody can, they fail and say who. Links are followed as the kernel would, so that
# what they lead through is judged, too. What is not there yet, nobody but root can make. `kb_roots FILE`: it is a program that
# nobody but root can change, or put another in its place.
kb_only_root() {
  kb_way "$1" && kb_judge "$1"
}
kb_only_root_to() {
  kb_way "$1" || return 1
  kb_all=${kb_all%"$kb_nl$kb_at"}
  kb_judge "$1"
}
kb_roots() {
  kb_only_root "${1%/*}" 2>/dev/null || return 1
  case $(LC_ALL=C exec stat -c '%u %h %A' -- "$1" 2>/dev/null) in
  '0 1 -'????[!w]??[!w]?) ;;
  *) return 1 ;;
  esac
}
kb_nl='
'
# The way to a folder: every name and link that leads to it, a line each.
kb_way() {
  kb_rest=${1%/} kb_at= kb_links=0 kb_all=/
  while [ -n "$kb_rest" ]; do
    kb_rest=${kb_rest#/}
    kb_name=${kb_rest%%/*}
    kb_rest=${kb_rest#"$kb_name"}
    [ -n "$kb_name" ] || continue
    kb_at=$kb_at/$kb_name
    kb_all=$kb_all$kb_nl$kb_at
    [ -L "$kb_at" ] || continue
    kb_links=$((kb_links + 1))
    if [ "$kb_links" -gt 40 ]; then
      echo "$1: too many links lead to it" >&2
      return 1
    fi
    kb_to=$(readlink -- "$kb_at")
    case $kb_to in
    /*) kb_at= ;;
    *) kb_at=${kb_at%/*} ;;
    esac
    kb_rest=/$kb_to$kb_rest
  done
}
# What stands in a sticky folder (/tmp) is its owner's, and is judged by itself. Who is named by an ACL may do no more than
# its mask allows, which stat shows in the place of the group's bits: so only where those allow to write an ACL is looked for.
kb_judge() {
  (
    IFS=$kb_nl
    set -f
    LC_ALL=C exec stat -c '%u %A %U %n' -- $kb_all 2>/dev/null
  ) | {
    kb_bad=0 kb_seen= kb_shared=
    while IFS=' ' read -r kb_uid kb_mode kb_user kb_path; do
      kb_seen=yes
      case $kb_uid/$kb_mode in
      0/d???????w[!tT]*)
        echo "$kb_path may be written by everybody, who so could have root write elsewhere: \`chmod go-w $kb_path\`" >&2
        kb_bad=1
        ;;
      0/d????????[tT]*) ;;
      0/d????w*) kb_shared=$kb_shared$kb_nl$kb_path ;;
      0/[dl]*) ;;
      */[dl]*)
        echo "$kb_path belongs to $kb_user ($kb_uid), who so could have root write elsewhere: \`chown -h root:root $kb_path\`" >&2
        kb_bad=1
        ;;
      *)
        echo "$kb_path is no folder" >&2
        kb_bad=1
        ;;
      esac
    done
    if [ "$kb_shared" ]; then
      IFS=$kb_nl
      set -f
      for kb_line in $(LC_ALL=C exec ls -dgoN --time-style=+- -- $kb_shared 2>/dev/null); do
        case $kb_line in d?????????+*) ;; *) continue ;; esac
        kb_path=${kb_line#* - }
        echo "$kb_path may be written by whom its ACL names, who so could have root write elsewhere: \`setfacl -b -k $kb_path\`, or \`chmod g-w $kb_path\`" >&2
        kb_bad=1
      done
    fi
    [ "$kb_seen" ] && [ "$kb_bad" -eq 0 ]
  }
}
