//! Our records on a host, as every script begins that writes there.

use super::push::OURS;
use crate::cluster::Layout;
use crate::remote::ONLY_ROOT;
use crate::text::sh_quote;

/// The folder is there, nobody but root can write in it, and nothing of others lies in it: what they left there when they
/// could would be written by root, or in its place. Else the script ends.
pub(super) fn ready(layout: &Layout) -> String {
    let records = sh_quote(&layout.records);
    format!("{ONLY_ROOT}R={records}\n{OURS}mkdir -p -m 700 \"$R\" \"$R/units\"\nkb_only_root \"$R/units\" || exit 1\n")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, chown, symlink};
    use std::process::Command;

    use super::*;

    #[test]
    fn nothing_of_others_is_written_through() {
        let place = tempfile::tempdir().unwrap();
        let records = place.path().join("records");
        let layout = Layout { records: records.display().to_string(), ..Layout::standard() };
        let run = || {
            let script = format!("set -eu\n{}echo ours >\"$R/record\"\necho ours >\"$R/units/a\"\n", ready(&layout));
            Command::new("sh").args(["-c", &script]).output().unwrap()
        };
        assert!(run().status.success());

        let precious = place.path().join("precious");
        fs::write(&precious, "precious").unwrap();
        for name in ["record", "units/a"] {
            fs::remove_file(records.join(name)).unwrap();
            symlink(&precious, records.join(name)).unwrap();
            assert!(run().status.success(), "{name}");
            fs::write(records.join(name), "theirs").unwrap();
            chown(records.join(name), Some(1), None).unwrap();
            assert!(run().status.success(), "{name}");
            assert_eq!(fs::metadata(records.join(name)).unwrap().uid(), 0, "{name}");
        }
        assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");

        // Where they still can, it is not for them to say what root removes.
        chown(records.join("record"), Some(1), None).unwrap();
        chown(&records, Some(1), None).unwrap();
        let output = run();
        assert!(records.join("record").exists());
        assert!(!output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("belongs to daemon"), "{output:?}");
    }
}
