pub(crate) mod csr_spec;
pub(crate) mod go_regex;
pub(crate) mod json;
pub(crate) mod profile;
pub(crate) mod profile_json;
pub(crate) mod request;
pub(crate) mod signing_config;
mod subtrees_json;
pub(crate) mod whitelist;
