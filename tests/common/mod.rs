//! What the tests share: running the program, private folders.

pub mod authority;
pub mod control_plane;
pub mod loopback;
pub mod process;
pub mod programs;
pub mod sshd;
