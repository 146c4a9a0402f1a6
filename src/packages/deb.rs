//! A package's file: an `ar` archive with `control.tar` and `data.tar` in it (deb(5)). Only what it says of itself is read;
//! dpkg unpacks the rest, on the host.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::control::fields;
use super::universe::{Candidate, Origin};
use crate::digest::sha256_of;

const MAGIC: &[u8; 8] = b"!<arch>\n";
const HEADER: usize = 60;
/// `control.tar` has the scripts of the package, too.
const LARGEST: u64 = 16 << 20;

/// What the file says of its package.
///
/// # Errors
/// Why it is none.
pub fn read(path: &Path) -> Result<Candidate, String> {
    let io = |e: io::Error| e.to_string();
    let file = File::open(path).map_err(io)?;
    let control = control(BufReader::new(file))?;
    let (sha256, size) = File::open(path).and_then(sha256_of).map_err(io)?;
    let fields = fields(&control);
    Candidate::of(&fields, &sha256, size, Origin::File(path.to_owned()))
        .ok_or_else(|| "it has no name or version".into())
}

/// The architecture that the file is for.
pub fn arch(path: &Path) -> Option<String> {
    let control = control(BufReader::new(File::open(path).ok()?)).ok()?;
    Some(super::control::value(&fields(&control), "architecture").to_owned())
}

/// The text of its `control` file.
fn control(mut from: impl Read) -> Result<String, String> {
    let none = |_| "it is no package of Debian's".to_owned();
    let mut magic = [0; MAGIC.len()];
    from.read_exact(&mut magic).map_err(none)?;
    if magic != *MAGIC {
        return Err("it is no package of Debian's".into());
    }
    loop {
        let mut header = [0; HEADER];
        from.read_exact(&mut header).map_err(|_| "it has no control.tar".to_owned())?;
        let text = String::from_utf8_lossy(&header).into_owned();
        let name = text.get(..16).unwrap_or_default().trim().trim_end_matches('/').to_owned();
        let size: u64 = text.get(48..58).and_then(|size| size.trim().parse().ok()).ok_or("it is damaged")?;
        if let Some(kind) = name.strip_prefix("control.tar") {
            return unpack(kind, from.take(size.min(LARGEST)));
        }
        let padded = size + size % 2;
        if io::copy(&mut (&mut from).take(padded), &mut io::sink()).map_err(none)? < padded {
            return Err("it is cut short".into());
        }
    }
}

fn unpack(kind: &str, packed: impl Read) -> Result<String, String> {
    let io = |e: io::Error| format!("its control.tar cannot be read: {e}");
    match kind {
        "" => find(packed),
        ".gz" => find(flate2::read::GzDecoder::new(packed)),
        ".xz" => find(lzma_rust2::XzReader::new(packed, false)),
        ".zst" => find(zstd::Decoder::new(packed).map_err(io)?),
        other => Err(format!("its control.tar is packed in a way that is not known here: {other}")),
    }
}

fn find(tar: impl Read) -> Result<String, String> {
    let io = |e: io::Error| format!("its control.tar cannot be read: {e}");
    let mut archive = tar::Archive::new(tar.take(LARGEST));
    for entry in archive.entries().map_err(io)?.raw(true) {
        let mut entry = entry.map_err(io)?;
        let is_control = entry.path().is_ok_and(|path| path.ends_with("control"));
        if is_control && entry.header().entry_type() == tar::EntryType::Regular {
            let mut text = String::new();
            entry.read_to_string(&mut text).map_err(io)?;
            return Ok(text);
        }
    }
    Err("its control.tar has no control file".into())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    /// Has dpkg-deb make a package.
    fn build(folder: &Path, control: &str, compression: &str) -> std::path::PathBuf {
        let root = folder.join("root");
        fs::create_dir_all(root.join("DEBIAN")).unwrap();
        fs::write(root.join("DEBIAN/control"), control).unwrap();
        let file = folder.join(format!("made-{compression}.deb"));
        let status = Command::new("dpkg-deb")
            .args(["--root-owner-group", &format!("-Z{compression}"), "--build"])
            .args([&root, &file])
            .output()
            .unwrap();
        assert!(status.status.success(), "{status:?}");
        file
    }

    #[test]
    fn a_file_says_what_it_is_however_it_is_packed() {
        let folder = tempfile::tempdir().unwrap();
        let control = "Package: lantern\nVersion: 1:2.3-1\nArchitecture: amd64\nMaintainer: a <a@b.c>\n\
                       Depends: libc6 (>= 2.36),\n adduser\nDescription: light\n";
        for compression in ["none", "gzip", "xz", "zstd"] {
            let file = build(folder.path(), control, compression);
            let read = read(&file).unwrap();
            assert_eq!((read.name.as_str(), read.version.as_str()), ("lantern", "1:2.3-1"), "{compression}");
            assert_eq!(read.depends, "libc6 (>= 2.36), adduser");
            assert_eq!(read.size, fs::metadata(&file).unwrap().len());
            assert_eq!(arch(&file).as_deref(), Some("amd64"));
        }
    }

    #[test]
    fn what_is_no_package_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let said = |bytes: &[u8]| {
            let path = folder.path().join("x.deb");
            fs::write(&path, bytes).unwrap();
            read(&path).unwrap_err()
        };
        assert_eq!(said(b"\x7fELF"), "it is no package of Debian's");
        assert_eq!(said(b"!<arch>\n"), "it has no control.tar");
        let header = format!("{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", "debian-binary", 0, 0, 0, 100_644, 400);
        assert_eq!(said(format!("!<arch>\n{header}2.0\n").as_bytes()), "it is cut short");
    }
}
