//! Where cfssl's arguments take their contents from: a file, `-`, and for CAs `file:PATH` or `env:VARIABLE`. A file's name
//! is whatever bytes it has.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::files::{self, bounded};
use crate::pki::{Passwords, encrypted};

/// A file, or standard input for `-`. The second value names it in errors.
pub fn read(argument: impl AsRef<OsStr>) -> Result<(Zeroizing<Vec<u8>>, String)> {
    let argument = argument.as_ref();
    if argument != "-" {
        return Ok((files::read(Path::new(argument))?, name(argument)));
    }
    let bytes = bounded::all(std::io::stdin().lock(), 0);
    Ok((bytes.map_err(|e| Error::input(format!("cannot read standard input: {e}")))?, "standard input".to_owned()))
}

/// A CA's certificate or key.
pub fn read_ca(argument: impl AsRef<OsStr>) -> Result<(Zeroizing<Vec<u8>>, String)> {
    let argument = argument.as_ref();
    if let Some(variable) = after(argument, "env:") {
        let value = std::env::var_os(variable)
            .ok_or_else(|| Error::input(format!("the environment variable {} is not set", name(variable))))?;
        return Ok((Zeroizing::new(value.into_encoded_bytes()), name(argument)));
    }
    let path = path(argument);
    Ok((files::read(path)?, name(path.as_os_str())))
}

/// A CA's private key, decrypted where it is encrypted and its password known.
pub fn read_ca_key(argument: impl AsRef<OsStr>, passwords: &dyn Passwords) -> Result<(Zeroizing<Vec<u8>>, String)> {
    let (text, name) = read_ca(argument)?;
    Ok((encrypted::opened(text, &name, passwords)?, name))
}

/// The file that an argument of a CA names.
pub fn path(argument: &OsStr) -> &Path {
    Path::new(after(argument, "file:").unwrap_or(argument))
}

fn after<'a>(argument: &'a OsStr, prefix: &str) -> Option<&'a OsStr> {
    argument.as_bytes().strip_prefix(prefix.as_bytes()).map(OsStr::from_bytes)
}

fn name(argument: &OsStr) -> String {
    argument.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bytes() {
        let argument = OsStr::from_bytes(b"file:/none/\xe9.pem");
        assert_eq!(path(argument).as_os_str().as_bytes(), b"/none/\xe9.pem");
        assert!(read_ca(argument).unwrap_err().message.contains("/none/\u{fffd}.pem"));
        assert!(read_ca("env:KBOOTSTRAP_NO_SUCH_VARIABLE").is_err());
    }
}
