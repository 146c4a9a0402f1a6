//! Marks that nobody can guess.

use ring::rand::{SecureRandom, SystemRandom};

use crate::error::{Error, Result};

/// Sixteen hexadecimal digits.
pub(super) fn nonce() -> Result<String> {
    Ok(random::<8>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Random bytes.
pub(super) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::internal("the system has no random numbers"))?;
    Ok(bytes)
}
