//! The record of hashes on a host, so that a probe need not hash hundreds of megabytes again.
//!
//! `<records>/hashes` has one line for each large file that was verified on arrival:
//! `<sha256> <size> <mtime> <ctime> <inode> <path>`, where everything after the hash is what
//! `stat -L -c` [`RECORD_FORMAT`] prints: bytes, seconds with nine decimals (`1763735756.123456789`) twice, inode, path.
//! The hash holds for as long as stat still prints the very same text; any change of contents, even by a rename or a
//! restored modification time, changes the ctime. Small files are hashed at every probe.

use crate::cluster::Layout;
use crate::text::sh_quote;

/// What `stat -L -c` prints about a file whose hash is recorded.
pub const RECORD_FORMAT: &str = "%s %.9Y %.9Z %i %n";

/// Files of at least so many bytes are recorded; smaller ones are hashed every time.
pub const RECORD_FROM: u64 = 1 << 20;

/// Shell that records the hashes of files (path, SHA-256 in lower-case hex) that have just been verified.
///
/// Run it after the last rename, chmod and chown of these files, for those change the ctime. It keeps the lines of
/// other files, replaces the record by rename, and leaves it untouched with a non-zero status where a file is missing.
/// It runs in a subshell: the caller's variables, IFS and options stay as they are. Nothing to record is `:`.
pub fn record_hashes(layout: &Layout, verified: &[(&str, &str)]) -> String {
    if verified.is_empty() {
        return ":\n".into();
    }
    let paths: Vec<_> = verified.iter().map(|(path, _)| *path).collect();
    let hashes: Vec<_> = verified.iter().map(|(_, sha256)| *sha256).collect();
    format!(
        r#"(
nl='
'
IFS=$nl
set -f
records={records}
paths={paths}
now=$(stat -L -c '{RECORD_FORMAT}' -- $paths) || exit 1
mkdir -p -m 0700 -- "$records" || exit 1
umask 077
{{
  for line in $(cat "$records/hashes" 2>/dev/null); do
    case $nl$paths$nl in *"$nl${{line#* * * * * }}$nl"*) ;; *) printf '%s\n' "$line" ;; esac
  done
  set -- {hashes}
  for line in $now; do
    printf '%s %s\n' "$1" "$line"
    shift
  done
}} >"$records/hashes.new" && mv -fT -- "$records/hashes.new" "$records/hashes"
)
"#,
        records = sh_quote(&layout.records),
        paths = sh_quote(&paths.join("\n")),
        hashes = hashes.join(" "),
    )
}
