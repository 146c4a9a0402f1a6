//! Reading with a limit: a disk image or a device that is named by mistake is neither a key nor a list.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

/// In bytes. No key, certificate, list or specification is larger: a revocation list of a million certificates has 45 MB.
pub const LARGEST: u64 = 64 << 20;

/// A file whose bytes are wiped when dropped.
pub fn bytes(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > LARGEST {
        return Err(too_large());
    }
    all(file, length)
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
