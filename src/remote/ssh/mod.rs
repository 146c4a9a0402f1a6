//! SSH itself: from a socket, a jump host or a command to an encrypted session, and what runs over it.

pub mod dial;
pub mod handshake;
pub mod jump;
pub mod line;
mod negotiation;
pub mod proxy_command;
mod relay;
pub mod session;
pub mod transport;
