//! The same work on many things, a bounded number at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::error::{Error, Result};

/// Does `work` on every item, at most `at_once` at a time; the results are in the items' order.
pub fn each<I: Sync, T: Send>(items: &[I], at_once: usize, work: impl Fn(&I) -> Result<T> + Sync) -> Vec<Result<T>> {
    let results: Vec<Mutex<Option<Result<T>>>> = items.iter().map(|_| Mutex::new(None)).collect();
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
    let result = |slot: Mutex<Option<Result<T>>>| slot.into_inner().unwrap_or_else(PoisonError::into_inner);
    results
        .into_iter()
        .map(|slot| result(slot).unwrap_or_else(|| Err(Error::internal("an item was skipped"))))
        .collect()
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
        let results = each(&[1, 2, 3, 4, 5], 2, |n| if n % 2 == 0 { Err(Error::internal("even")) } else { Ok(n * 10) });
        let values: Vec<Option<i32>> = results.into_iter().map(Result::ok).collect();
        assert_eq!(values, [Some(10), None, Some(30), None, Some(50)]);
    }
}
