//! Where a path leads, also where it is not there yet.

use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::folder_of;

/// Whether a file is in a folder or below, links followed.
pub fn is_within(path: &Path, folder: &Path) -> bool {
    real(path).starts_with(real(folder))
}

/// More symlinks in a row are a circle.
const MOST_LINKS: usize = 40;

/// The part that exists as the system knows it, the rest as it is written, without `.` and `..`.
pub fn real(path: &Path) -> PathBuf {
    followed(path, MOST_LINKS)
}

/// `links`: so many links that lead to nothing are followed yet.
fn followed(path: &Path, links: usize) -> PathBuf {
    let mut rest: Vec<OsString> = Vec::new();
    let mut there = path;
    loop {
        let asked = if there.as_os_str().is_empty() { Path::new(".") } else { there };
        let behind = || rest.iter().rev().collect::<PathBuf>();
        if let Ok(known) = fs::canonicalize(asked) {
            return lexical(&known.join(behind()));
        }
        if let (Some(links), Ok(target)) = (links.checked_sub(1), fs::read_link(asked)) {
            return followed(&folder_of(asked).join(target).join(behind()), links);
        }
        // `file_name` would be silent about `..`.
        match there.components().next_back() {
            Some(last @ (Component::Normal(_) | Component::ParentDir | Component::CurDir)) => {
                rest.push(last.as_os_str().to_owned());
            }
            _ => return lexical(path),
        }
        there = there.parent().unwrap_or(Path::new(""));
    }
}

/// Without `.`, `..` and double slashes.
fn lexical(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match (component, out.components().next_back()) {
            (Component::CurDir, _) | (Component::ParentDir, Some(Component::RootDir)) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => drop(out.pop()),
            (other, _) => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_file_are_one() {
        let one = |text: &str| lexical(Path::new(text)).display().to_string();
        assert_eq!(
            ["./r.pem", "a//b", "d/../d/x", "../x", "a/../../x", "/../x", "a/./b/."].map(one),
            ["r.pem", "a/b", "d/x", "../x", "../x", "/x", "a/b"]
        );
    }

    #[test]
    fn what_leads_out_of_a_folder_is_not_within() {
        let at = tempfile::tempdir().unwrap();
        let folder = at.path().join("in");
        fs::create_dir(&folder).unwrap();
        std::os::unix::fs::symlink("/etc", folder.join("link")).unwrap();
        std::os::unix::fs::symlink("../not-yet", folder.join("dangling")).unwrap();
        std::os::unix::fs::symlink("round", folder.join("round")).unwrap();
        let within = |text: &str| is_within(&folder.join(text), &folder);
        assert!(within("a.pem") && within("deep/a.pem") && within("deep/../a.pem"));
        assert!(
            !within("../a.pem")
                && !within("/etc/a.pem")
                && !within("link/a.pem")
                && !within("dangling/a.pem")
                && within("round/a.pem")
                && !within("../in-other/a.pem")
        );
    }
}
