//! What the tests share: running the program, private folders.

pub mod sshd;
