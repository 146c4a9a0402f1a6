//! Bytes that must not be seen: wiped when dropped, never shown by `Debug`.

pub mod quoted;

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// A private key, token or encryption key. Cloning shares the one copy.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<Zeroizing<Vec<u8>>>);

impl Secret {
    /// Takes the bytes over; they are wiped when the last clone is dropped.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Secret(Arc::new(Zeroizing::new(bytes.into())))
    }
    /// The bytes, for writing them where they belong.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<secret, {} bytes>", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_length_only() {
        assert_eq!(format!("{:?}", Secret::new(*b"hunter2")), "<secret, 7 bytes>");
    }
}
