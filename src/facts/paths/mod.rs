//! Paths between hosts, tried for real: on each host something listens for the seconds that it takes, and all others
//! that need to reach it try to.
//!
//! Three scripts for each host, all hosts at once: [`listen`], [`dial`], [`end`]. What listens is a transient unit of the
//! host's own systemd, which ends it when nobody else does. Reading is pure, and so is what it means: [`ends`].

mod answers;
mod ends;
mod script;

use std::net::IpAddr;

use serde::Serialize;

pub use answers::{Chain, Dialled, Hook, Listens};
pub use ends::ends;
pub use script::{dial, end, listen};

use super::Listening;
use crate::components::Protocol;

/// Seconds that a host waits for an answer. Somebody who is not there is noticed by the kernel after three.
pub const PATIENCE: u32 = 4;

/// Seconds after which a host ends by itself what listens for a try.
const LISTENS: u32 = 20;

/// A way from one host to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The host that must reach the other one.
    pub from: String,
    /// The other one.
    pub to: String,
    /// Where.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// What is there: `kubelet`.
    pub what: String,
    /// Who answers there.
    pub answers: Who,
}

/// Who answers at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// What listens for the try.
    Try,
    /// A service that runs there.
    Service,
    /// A service behind the pod network: whatever it answers came through it.
    Tunnelled,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum End {
    /// There is a way.
    Open,
    /// Somebody says no at once.
    Refused,
    /// No answer came.
    Silent,
    /// The kernel of the host that tried knows no way: its words.
    NoWay(String),
    /// It could not be tried: why.
    NotTried(String),
}

/// The programs that listen for a try, as the kernel shortens their names.
const TRIERS: [&str; 2] = ["systemd-socket-", "dd"];

/// Whether a socket may be that of a try that has not ended yet: its operator was killed, or is at work now.
pub fn is_try(socket: &Listening) -> bool {
    socket.process.as_deref().is_some_and(|process| TRIERS.contains(&process))
}
