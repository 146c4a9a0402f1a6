//! What is mounted, and taking it off.

use std::fs;
use std::path::{Path, PathBuf};

use super::command;
use crate::error::{Error, Result};

/// One line of `/proc/self/mountinfo` (proc(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The part of the file system that is mounted.
    pub root: String,
    /// Where.
    pub point: PathBuf,
    /// Type.
    pub kind: String,
    /// The file system's own options.
    pub options: String,
}

/// Everything that is mounted, in order.
pub fn all() -> Result<Vec<Mount>> {
    let text = fs::read_to_string("/proc/self/mountinfo").map_err(|e| Error::io("read /proc/self/mountinfo", &e))?;
    Ok(text.lines().filter_map(parse).collect())
}

fn parse(line: &str) -> Option<Mount> {
    let (fields, rest) = line.split_once(" - ")?;
    let mut fields = fields.split(' ').skip(3);
    let (root, point) = (unescape(fields.next()?), unescape(fields.next()?));
    let mut rest = rest.split(' ');
    let kind = rest.next()?.to_owned();
    let options = unescape(rest.nth(1)?);
    Some(Mount { root, point: point.into(), kind, options })
}

/// Spaces, tabs, newlines and backslashes are written as `\ooo`.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        match after.get(..3).and_then(|octal| u8::from_str_radix(octal, 8).ok()) {
            Some(byte) => {
                out.push(char::from(byte));
                rest = &after[3..];
            }
            None => {
                out.push('\\');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Unmounts everything at and below the path, the last one first. What is still in use is detached, and goes when its
/// last user ends.
pub fn unmount_below(path: &Path) -> Result<()> {
    for mount in all()?.iter().rev().filter(|mount| mount.point.starts_with(path)) {
        if command::run("umount", &[&mount.point]).is_err() {
            command::run("umount", &[Path::new("--lazy"), &mount.point])?;
        }
    }
    Ok(())
}

/// Removes a folder with all that is in it, but never through a mount.
pub fn remove_folder(path: &Path) -> Result<()> {
    unmount_below(path)?;
    if let Some(mount) = all()?.iter().find(|mount| mount.point.starts_with(path)) {
        return Err(Error::local(format!("{} is still mounted", mount.point.display())));
    }
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(format!("remove {}", path.display()), &e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_line() {
        let line = r"35 31 0:32 /a /sys/fs/cgroup/my\040memory rw,relatime shared:3 master:1 - cgroup cgroup rw,memory";
        assert_eq!(
            parse(line),
            Some(Mount {
                root: "/a".into(),
                point: "/sys/fs/cgroup/my memory".into(),
                kind: "cgroup".into(),
                options: "rw,memory".into()
            })
        );
        assert_eq!(unescape(r"a\134b\x"), r"a\b\x");
    }

    #[test]
    fn every_line_of_this_machine_is_understood() {
        let text = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert_eq!(text.lines().filter_map(parse).count(), text.lines().count());
    }
}
