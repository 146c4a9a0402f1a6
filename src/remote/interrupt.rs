//! The wish to stop, seen by everything that waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Kind, Result};

/// A flag that a signal handler raises and that every wait looks at, at least ten times a second.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// A flag that nobody has raised yet.
    pub fn new() -> Self {
        Self::default()
    }
    /// Asks everything to stop. It cannot be taken back.
    pub fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
    /// Whether somebody asked to stop.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
    /// An error of [`Kind::Interrupted`] once the flag is up; `host` says where the work was.
    pub fn check(&self, host: &str) -> Result<()> {
        if self.is_raised() {
            return Err(Error::new(Kind::Interrupted, format!("{host}: interrupted")));
        }
        Ok(())
    }
}

impl From<Arc<AtomicBool>> for Interrupt {
    /// Shares a flag that is raised elsewhere, by `signal_hook::flag::register` for instance.
    fn from(flag: Arc<AtomicBool>) -> Self {
        Interrupt(flag)
    }
}
