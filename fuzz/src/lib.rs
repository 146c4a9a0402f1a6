//! What the targets share: how much memory an input may cost.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts what Rust allocates: now, and the most since somebody asked. What C libraries allocate is held by libFuzzer's
/// `-malloc_limit_mb` and `-rss_limit_mb`.
pub struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// Rust's allocator is an unsafe trait; this workspace is none of kbootstrap, in which unsafe code is forbidden.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Does the work, which may allocate at the most `limit` bytes more than are allocated now.
pub fn within<T>(limit: usize, work: impl FnOnce() -> T) -> T {
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let outcome = work();
    let took = MOST.load(Ordering::Relaxed).saturating_sub(before);
    assert!(took <= limit, "it took {took} bytes, and {limit} are the limit");
    outcome
}

/// A MiB, in bytes.
pub const MIB: usize = 1 << 20;
