//! An HTTP/1.1 client over any byte stream, mostly TLS through a host: one connection, many requests.

mod client;
mod message;
mod tls;
mod wire;

pub use client::{Answers, Client};
pub use message::{Request, Response, Upload};
pub use tls::{Identity, Tls};
