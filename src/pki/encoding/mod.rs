pub(crate) mod der;
pub(crate) mod forms;
pub(crate) mod java;
pub(crate) mod oid;
pub(crate) mod pem;
mod pkcs7;
pub mod tlv;
