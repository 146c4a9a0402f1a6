//! The host's side of a push, as a script: takes the parts of a [`PushStream`], verifies, renames.
//!
//! Each program is verified and unpacked while those after it still arrive. What is verified are the bytes that
//! arrived: a third of what they unpack to, so hashing them costs a third; from there zstd's own checksum says whether
//! unpacking went right (RFC 8878 §3.1.1).

use super::stream::{Compression, Item, PushStream, STAGED};
use crate::plan::content_sha256;
use crate::text::sh_quote;

/// Removes what a push that died has left beside the files it was to replace. `$R` is the folder of records.
pub const CLEAN: &str = "\
if [ -f \"$R/staged\" ]; then while IFS= read -r f; do rm -f -- \"$f\" \"$f.part\"; done < \"$R/staged\"; fi
";

/// `part LENGTH` passes on so many bytes of the stream and not one more; `sums` hashes the files that it reads the
/// names of. coreutils before 9 hash without the processor's help, openssl four times as fast; both print `SUM *FILE`.
const PARTS: &str = r#"
part() { dd bs=256K iflag=fullblock,count_bytes count="$1" status=none; }
if command -v openssl >/dev/null 2>&1; then hash='openssl dgst -sha256 -r'; else hash='sha256sum -b'; fi
sums() { tr '\n' '\0' | xargs -0 $hash; }
wrong() { echo "$1: its SHA-256 is wrong: it was damaged on the way" >&2; exit 1; }
"#;

/// `program LENGTH SHA256 MODE FILE`: the next part is this program.
const PROGRAM: &str = r#"
verify() {
  sum=$(echo "$3.part" | sums)
  [ "${sum%% *}" = "$1" ] || wrong "$3"
  unpack "$3"
  chmod "$2" "$3"
}
work=
program() {
  part "$1" > "$4.part"
  verify "$2" "$3" "$4" &
  work="$work $!"
}
"#;

/// The script; nothing where the push carries no file. It reads all of the stream.
pub fn script(items: &[Item], stream: &PushStream<'_>, compression: Compression) -> String {
    if items.is_empty() {
        return "cat > /dev/null\n".into();
    }
    let mut s = String::from("cat > \"$R/staged\" <<'KB_STAGED'\n");
    for item in items {
        s.push_str(&format!("{}\n", item.staged()));
    }
    s.push_str("KB_STAGED\n");
    s.push_str(PARTS.trim_start());
    let (programs, small): (Vec<&Item>, Vec<&Item>) = items.iter().partition(|item| item.artifact().is_some());
    if !small.is_empty() {
        archive(&mut s, &small, stream.archive(), compression);
    }
    if !programs.is_empty() {
        s.push_str(match compression {
            Compression::Zstd => "unpack() { zstd -q -d -f -o \"$1\" \"$1.part\"; rm -f \"$1.part\"; }",
            Compression::None => "unpack() { mv -f \"$1.part\" \"$1\"; }",
        });
        s.push_str(PROGRAM);
        for (item, sent) in programs.iter().zip(stream.sent()) {
            let file = sh_quote(&item.staged());
            s.push_str(&format!("program {} {} {:o} {file}\n", sent.length, sent.sha256, item.mode));
        }
        s.push_str("failed=\nfor one in $work; do wait \"$one\" || failed=1; done\n[ -z \"$failed\" ] || exit 1\n");
    }
    for item in items.iter().filter(|item| item.owner != "root") {
        s.push_str(&format!("chown {0}:{0} {1}\n", sh_quote(&item.owner), sh_quote(&item.staged())));
    }
    s.push_str(&format!(
        "while IFS= read -r f; do mv -f -- \"$f\" \"${{f%{STAGED}}}\"; done < \"$R/staged\"\nrm -f \"$R/staged\"\n"
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
