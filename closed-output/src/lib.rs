//! Whether standard output was closed when the program began.
//!
//! Rust's runtime opens the null device in the place of a closed standard stream before `main`, and whatever is printed is
//! then lost without an error. Later on nothing tells this from a null device that somebody has opened for reading and
//! writing on purpose, as Python and Node.js do. So it is looked at before the runtime begins.
//!
//! This needs a function that the system calls before `main`, which Rust counts as unsafe code; it is a crate of its own
//! so that all others forbid that.

use std::sync::atomic::{AtomicBool, Ordering};

static CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether standard output was closed when the program began.
pub fn stdout_was_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

/// Called by the C library before `main`, one of a table of functions (System V ABI, `DT_INIT_ARRAY`). It allocates
/// nothing, cannot panic, and asks the kernel one question.
extern "C" fn look() {
    let flags = rustix::io::fcntl_getfd(rustix::stdio::stdout());
    CLOSED.store(flags == Err(rustix::io::Errno::BADF), Ordering::Relaxed);
}

#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;
