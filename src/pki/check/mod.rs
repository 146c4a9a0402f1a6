pub(crate) mod budget;
pub(crate) mod chain;
pub(crate) mod difference;
pub(crate) mod issuer_check;
pub(crate) mod leaf;
pub(crate) mod verify;
