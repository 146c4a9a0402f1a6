//! What the tests share: running the program, private folders.

pub mod answers;
pub mod archive;
pub mod asker;
pub mod authority;
pub mod balancer;
pub mod cluster;
pub mod control_plane;
pub mod docs;
pub mod engine;
pub mod inside;
pub mod liar;
pub mod load;
pub mod loopback;
pub mod mirror;
pub mod process;
pub mod programs;
pub mod release_0_1_0;
pub mod run;
pub mod schema;
pub mod signer;
pub mod sshd;
pub mod steady;
pub mod stolen_worker;
pub mod turns;
pub mod workload;
