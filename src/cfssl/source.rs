//! Where cfssl's arguments take their contents from: a file, `-`, and for CAs `file:PATH` or `env:VARIABLE`.

use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::files;
use crate::pki::{Passwords, encrypted};

/// A file, or standard input for `-`. The second value names it in errors.
pub fn read(argument: &str) -> Result<(Zeroizing<Vec<u8>>, String)> {
    if argument != "-" {
        return Ok((files::read(Path::new(argument))?, argument.to_owned()));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(|e| Error::io("read standard input", &e))?;
    Ok((bytes, "standard input".to_owned()))
}

/// A CA's certificate or key.
pub fn read_ca(argument: &str) -> Result<(Zeroizing<Vec<u8>>, String)> {
    if let Some(variable) = argument.strip_prefix("env:") {
        let value = std::env::var(variable)
            .map_err(|_| Error::input(format!("the environment variable {variable} is not set")))?;
        return Ok((Zeroizing::new(value.into_bytes()), argument.to_owned()));
    }
    let path = argument.strip_prefix("file:").unwrap_or(argument);
    Ok((files::read(Path::new(path))?, path.to_owned()))
}

/// A CA's private key, decrypted where it is encrypted and its password known.
pub fn read_ca_key(argument: &str, passwords: &dyn Passwords) -> Result<(Zeroizing<Vec<u8>>, String)> {
    let (text, name) = read_ca(argument)?;
    Ok((encrypted::opened(text, &name, passwords)?, name))
}
