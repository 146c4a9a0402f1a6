//! Reading with a limit: a disk image or a device that is named by mistake is neither a key nor a list.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use zeroize::Zeroizing;

/// In bytes. No key, certificate, list or specification is larger: a revocation list of a million certificates has 45 MB.
pub const LARGEST: u64 = 64 << 20;

/// How long nobody may have a pipe open for writing before it is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// A file whose bytes are wiped when dropped.
pub fn bytes(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    bytes_within(path, PATIENCE)
}

/// A text file that is no secret.
pub fn text(path: &Path) -> io::Result<String> {
    let bytes = bytes(path)?;
    std::str::from_utf8(&bytes).map(str::to_owned).map_err(|e| io::Error::new(ErrorKind::InvalidData, e))
}

fn bytes_within(path: &Path, patience: Duration) -> io::Result<Zeroizing<Vec<u8>>> {
    // A pipe that is opened in any other way waits for a writer, for ever if need be.
    let file = File::options().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    let there = file.metadata()?;
    if there.file_type().is_fifo() {
        return piped(file, patience);
    }
    fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    if there.len() > LARGEST {
        return Err(too_large());
    }
    all(file, there.len())
}

/// What comes through a pipe, of which nothing was read yet.
fn piped(mut file: File, patience: Duration) -> io::Result<Zeroizing<Vec<u8>>> {
    let deadline = Instant::now() + patience;
    let mut first = Zeroizing::new([0; 1]);
    let first = loop {
        match file.read(first.as_mut()) {
            // Nobody has it open for writing, or has had.
            Ok(0) if Instant::now() < deadline => sleep(Duration::from_millis(10)),
            Ok(0) => return Err(io::Error::new(ErrorKind::TimedOut, "nobody writes into this pipe")),
            Ok(_) => break &first[..],
            Err(e) if e.kind() == ErrorKind::WouldBlock => break &first[..0],
            Err(e) => return Err(e),
        }
    };
    fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    all(first.chain(file), 0)
}

/// All that a reader gives; `expected` bytes are likely. What was read is not left behind by growing.
pub fn all(reader: impl Read, expected: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(expected.min(LARGEST)).unwrap_or_default() + 1));
    reader.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST { Err(too_large()) } else { Ok(bytes) }
}

fn too_large() -> io::Error {
    let text = format!("it is larger than {} MiB, as no key, certificate, list or specification is", LARGEST >> 20);
    io::Error::new(io::ErrorKind::FileTooLarge, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_read_and_one_without_a_writer_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let error = bytes_within(&pipe, Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let reader = {
            let pipe = pipe.clone();
            std::thread::spawn(move || bytes(&pipe).unwrap())
        };
        let mut writer = File::options().write(true).open(&pipe).unwrap();
        for part in ["first, ", "and then more"] {
            io::Write::write_all(&mut writer, part.as_bytes()).unwrap();
        }
        drop(writer);
        assert_eq!(reader.join().unwrap().as_slice(), b"first, and then more");
    }

    #[test]
    fn what_has_no_end_is_not_read_to_the_end() {
        let error = bytes(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(3 << 30).unwrap();
        insta::assert_snapshot!(bytes(file.path()).unwrap_err(), @"it is larger than 64 MiB, as no key, certificate, list or specification is");
        file.as_file().set_len(LARGEST).unwrap();
        assert_eq!(bytes(file.path()).unwrap().len() as u64, LARGEST);
    }
}
