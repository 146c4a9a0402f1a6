pub mod encrypted;
pub(crate) mod format;
pub(crate) mod kind;
pub(crate) mod private_key;
pub(crate) mod public_key;
mod rsa;
