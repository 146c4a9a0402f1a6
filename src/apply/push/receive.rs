//! The host's side of a push, as a script: takes the parts of a [`PushStream`], verifies, renames.
//!
//! Each program is unpacked and verified while those after it still arrive. What is verified is what will run: the
//! unpacked bytes, against the SHA-256 and the length that the lock pins. Nothing that travelled or lay with them is
//! believed, so a cache that somebody has changed ends here.

use super::stream::{Compression, Item, PushStream, STAGED};
use crate::plan::content_sha256;
use crate::text::sh_quote;

/// Removes what a push that died has left beside the files it was to replace. `$R` is the folder of records.
pub fn clean() -> String {
    format!(
        "if [ -f \"$R/staged\" ]; then
  while IFS= read -r f; do
    case $f in *{STAGED}) rm -f -- \"$f\" \"$f.part\" ;; esac
  done < \"$R/staged\"
fi
"
    )
}

/// `part LENGTH` passes on so many bytes of the stream and not one more; `sums` hashes the files that it reads the
/// names of. coreutils before 9 hash without the processor's help, openssl four times as fast; both print `SUM *FILE`.
const PARTS: &str = r#"
part() { dd bs=256K iflag=fullblock,count_bytes count="$1" status=none; }
if command -v openssl >/dev/null 2>&1; then hash='openssl dgst -sha256 -r'; else hash='sha256sum -b'; fi
sums() { tr '\n' '\0' | xargs -0 $hash; }
wrong() { echo "$1: its SHA-256 is not the one that is pinned" >&2; exit WRONG; }
"#;

/// `program LENGTH SIZE SHA256 MODE FILE`: the next part is this program, which unpacks to so many bytes. It is unpacked as
/// it arrives, and hashed while the next one does. After the first that is wrong the others are passed by.
const PROGRAM: &str = r#"
verify() {
  sum=$(echo "$3" | sums)
  [ "${sum%% *}" = "$1" ] || wrong "$3"
  chmod "$2" "$3"
}
work=
failed=0
program() {
  [ $failed = 0 ] || return 0
  (unpack "$1" "$2" "$5" || wrong "$5") || { failed=$?; return 0; }
  verify "$3" "$4" "$5" &
  work="$work $!"
}
"#;

/// Runs in a shell of its own. What unpacks to more than is pinned does not fill the disk: the limit is in blocks of 512
/// bytes (POSIX, `ulimit -f`). The file is born 0600: a default ACL of its folder takes the place of the umask, and whoever
/// has it open for writing keeps that. So what writes it is not to make another.
const UNPACK: &str = r#"
unpack() {
  ulimit -f $(($2 / 512 + 1))
  install -m 600 -- /dev/null "$3"
  part "$1" | UNPACKS > "$3"
}
"#;

/// The script's status when bytes arrived that are not those that are pinned; sysexits(3) calls it EX_DATAERR.
pub const WRONG: i32 = 65;

/// The script; nothing where the push carries no file. It reads all of the stream. Whether it is to `keep` what is replaced.
pub fn script(items: &[Item], stream: &PushStream<'_>, compression: Compression, keep: bool) -> String {
    if items.is_empty() {
        return "cat > /dev/null\n".into();
    }
    let mut s = String::from("cat > \"$R/staged\" <<'KB_STAGED'\n");
    for item in items {
        s.push_str(&format!("{}\n", item.staged()));
    }
    s.push_str("KB_STAGED\n");
    // Nothing of these names is ours now; what is written there is a new file.
    s.push_str("while IFS= read -r f; do rm -rf -- \"$f\"; done < \"$R/staged\"\n");
    s.push_str(&PARTS.trim_start().replace("WRONG", &WRONG.to_string()));
    let (programs, small): (Vec<&Item>, Vec<&Item>) = items.iter().partition(|item| item.artifact().is_some());
    if !small.is_empty() {
        archive(&mut s, &small, stream.archive(), compression);
    }
    if !programs.is_empty() {
        let unpacks = match compression {
            Compression::Zstd => "zstd -q -d -c",
            Compression::None => "cat",
        };
        s.push_str(&UNPACK.trim_start().replace("UNPACKS", unpacks));
        s.push_str(PROGRAM);
        for (item, sent) in programs.iter().zip(stream.sent()) {
            let file = sh_quote(&item.staged());
            s.push_str(&format!("program {} {} {} {:o} {file}\n", sent.length, sent.size, sent.sha256, item.mode));
        }
        s.push_str(
            "for one in $work; do wait \"$one\" || failed=$?; done\n[ $failed = 0 ] || { cat > /dev/null; exit $failed; }\n",
        );
    }
    for item in items.iter().filter(|item| item.owner != "root") {
        s.push_str(&format!("chown -h {0}:{0} {1}\n", sh_quote(&item.owner), sh_quote(&item.staged())));
    }
    if keep {
        s.push_str("keep \"$R/staged\"\n");
    }
    s.push_str(&format!(
        "while IFS= read -r f; do mv -fT -- \"$f\" \"${{f%{STAGED}}}\"; done < \"$R/staged\"\nrm -f \"$R/staged\"\n"
    ));
    s
}

/// The small files, compared in one go: starting a program for each would cost more than its hash.
fn archive(s: &mut String, small: &[&Item], length: u64, compression: Compression) {
    let unpack = match compression {
        Compression::Zstd => "zstd -q -d -c | ",
        Compression::None => "",
    };
    // A pipe's status is its last command's: a broken archive shows as tar's failure or as a wrong hash.
    s.push_str(&format!("part {length} | {unpack}tar -x -p -m -f - -C / --no-same-owner\n"));
    s.push_str("cat > \"$R/sums\" <<'KB_SUMS'\n");
    for item in small {
        s.push_str(&format!("{} *{}\n", content_sha256(&item.content), item.staged()));
    }
    s.push_str("KB_SUMS\ncut -c 67- \"$R/sums\" | sums > \"$R/sums.got\"\n");
    s.push_str("bad=$(grep -vxFf \"$R/sums.got\" \"$R/sums\" | cut -c 67-)\nrm -f \"$R/sums\" \"$R/sums.got\"\n");
    s.push_str("[ -z \"$bad\" ] || wrong \"$bad\"\n");
}
