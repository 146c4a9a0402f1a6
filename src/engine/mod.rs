//! What every command does with a cluster: open it, ask its hosts, decide what differs. It has no terminal: where events
//! go, what interrupts it and what is printed is up to the caller.

mod desire;
mod objects;
mod prepare;
mod session;
mod survey;

pub use desire::{desire, names_only, questions};
pub use prepare::{OnFailure, Prepared, prepare, programs};
pub use session::{Access, Options, Session, resolve};
pub use survey::survey;
