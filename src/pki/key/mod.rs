pub mod encrypted;
pub(crate) mod format;
pub(crate) mod kind;
mod openssh;
pub(crate) mod private_key;
pub(crate) mod public_key;
pub(crate) mod scheme;
