pub(crate) mod der;
pub(crate) mod oid;
pub(crate) mod pem;
pub mod tlv;
