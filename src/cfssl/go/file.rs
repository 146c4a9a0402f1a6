//! Reading what arguments name, with the words of Go's `os` package where it fails.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::cfssl::answers::failure::Failure;
use crate::files::bounded;

/// Go's strings are any bytes. One that is no UTF-8 stands here as a character of the last private plane, which nobody
/// uses, so that files of any name are found.
const BYTE: u32 = 0x10_ff00;

/// An argument as a string.
pub fn text(argument: &OsStr) -> String {
    let mut text = String::with_capacity(argument.len());
    for chunk in argument.as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().filter_map(|byte| char::from_u32(BYTE + u32::from(*byte))));
    }
    text
}

/// The file that a string names.
pub fn path(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u8::try_from(u32::from(c).wrapping_sub(BYTE)) {
            Ok(byte) => bytes.push(byte),
            Err(_) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

/// A file, or standard input for `-`.
pub fn read(path: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if path == "-" {
        return bounded::all(std::io::stdin().lock(), 0).map_err(|e| Failure::file("read", "/dev/stdin", &e));
    }
    if path.is_empty() {
        // What the system says of the empty name.
        return Err(Failure::text("open : no such file or directory"));
    }
    // Go opens a folder, and fails to read it.
    let action = |e: &std::io::Error| if e.kind() == ErrorKind::IsADirectory { "read" } else { "open" };
    bounded::bytes(&self::path(path)).map_err(|e| Failure::file(action(&e), path, &e))
}

/// A CA's certificate or key: `[file:]PATH` or `env:VARIABLE`.
pub fn read_ca(argument: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    match argument.split_once(':') {
        None if argument == "-" => Err(Failure::text("open -: no such file or directory")),
        None => read(argument),
        Some(("file", path)) => read(path),
        Some(("env", variable)) => Ok(Zeroizing::new(std::env::var(variable).unwrap_or_default().into_bytes())),
        Some((prefix, _)) => Err(Failure::text(format!("unknown prefix: {prefix}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_any_bytes() {
        for bytes in [b"a.pem".as_slice(), b"caf\xc3\xa9", b"caf\xe9.pem", b"\xff\x80", b""] {
            assert_eq!(path(&text(OsStr::from_bytes(bytes))).as_os_str().as_bytes(), bytes);
        }
    }

    #[test]
    fn says_what_go_says() {
        let error = |argument| read_ca(argument).unwrap_err().to_string();
        assert_eq!(error("none.pem"), "open none.pem: no such file or directory");
        assert_eq!(error("file:none.pem"), "open none.pem: no such file or directory");
        assert_eq!(error("foo:x"), "unknown prefix: foo");
        assert_eq!(error("/"), "read /: is a directory");
        assert!(read_ca("env:KBOOTSTRAP_NO_SUCH_VARIABLE").unwrap().is_empty());
    }
}
