pub(crate) mod authority;
pub(crate) mod builder;
pub(super) mod careful;
pub(crate) mod crl;
pub(crate) mod leaf;
pub(crate) mod renew_ca;
pub(crate) mod root;
pub(crate) mod selfsign;
