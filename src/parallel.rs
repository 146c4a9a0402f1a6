//! The same work on many things, a bounded number at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Does `work` on every item, at most `at_once` at a time; the results are in the items' order.
pub fn each<I: Sync, T: Send>(items: &[I], at_once: usize, work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let results: Vec<Mutex<Option<T>>> = items.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let work_on = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { break };
            let result = work(item);
            *results[index].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
    };
    thread::scope(|scope| {
        for _ in 1..items.len().min(at_once) {
            scope.spawn(work_on);
        }
        // The caller works too: where there is little to do, a thread costs more than the work.
        work_on();
    });
    // None is missing: a panic in a thread has passed on through the scope.
    results.into_iter().filter_map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

/// One worker per core, for work that computes.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(2, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_failures_stay_with_their_item() {
        let results = each(&[1, 2, 3, 4, 5], 2, |n| if n % 2 == 0 { Err("even") } else { Ok(n * 10) });
        assert_eq!(results, [Ok(10), Err("even"), Ok(30), Err("even"), Ok(50)]);
    }
}
