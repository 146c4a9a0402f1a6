//! Random bytes of the operating system: the one source of them.

use ring::rand::{SecureRandom, SystemRandom};

use crate::digest::hex;
use crate::error::{Error, Result};

/// Fills a buffer.
pub fn fill(bytes: &mut [u8]) -> Result<()> {
    SystemRandom::new().fill(bytes).map_err(|_| Error::local("the operating system gave no random bytes"))
}

/// So many bytes.
pub fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// A mark that nobody can guess: sixteen hexadecimal digits.
pub fn nonce() -> Result<String> {
    Ok(hex(&bytes::<8>()?))
}
