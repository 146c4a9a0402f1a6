//! Proving who we are to a host: keys of files and agents, user certificates, passphrases and passwords.

pub mod auth;
pub mod key_file;
pub mod offers;
pub mod prompt;
