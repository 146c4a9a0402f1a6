//! Waiting for something to become true, with what was last seen in the error when it does not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};

/// The longest sleep between two looks at the interrupt flag.
const NAP: Duration = Duration::from_millis(50);

/// What one look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Poll<T> {
    /// It is so.
    Ready(T),
    /// Not yet; the words are what was seen, for the error if it stays so.
    Pending(String),
}

/// How long to wait and how often to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// From the first look on.
    pub deadline: Duration,
    /// From the beginning of one look to the beginning of the next; a slow look is followed at once.
    pub poll: Duration,
}

impl Schedule {
    /// Every `poll_millis` for `deadline_secs`.
    pub const fn new(deadline_secs: u64, poll_millis: u64) -> Self {
        Schedule { deadline: Duration::from_secs(deadline_secs), poll: Duration::from_millis(poll_millis) }
    }

    /// What follows a look that began at `looked` and ended at `now` (both since the start) and found nothing:
    /// a pause, or the end. The last look is never earlier than the deadline.
    fn after(&self, looked: Duration, now: Duration) -> Option<Duration> {
        if looked >= self.deadline {
            return None;
        }
        let next = (looked + self.poll).min(self.deadline);
        Some(next.saturating_sub(now))
    }
}

/// Looks until `look` is ready, fails, the time is over or `interrupted` is set.
///
/// `what` completes the sentence "… after 60s": say "CoreDNS is not available".
pub fn wait<T>(
    what: &str,
    schedule: Schedule,
    interrupted: &AtomicBool,
    look: impl FnMut() -> Result<Poll<T>>,
) -> Result<T> {
    wait_telling(what, schedule, interrupted, &|_| (), look)
}

/// The same; `tell` hears what was seen, each time that it is something else.
pub fn wait_telling<T>(
    what: &str,
    schedule: Schedule,
    interrupted: &AtomicBool,
    tell: &dyn Fn(&str),
    mut look: impl FnMut() -> Result<Poll<T>>,
) -> Result<T> {
    let start = Instant::now();
    let mut told = String::new();
    loop {
        check(interrupted, what)?;
        let looked = start.elapsed();
        let seen = match look()? {
            Poll::Ready(value) => return Ok(value),
            Poll::Pending(seen) => seen,
        };
        if seen != told {
            tell(&seen);
            told.clone_from(&seen);
        }
        match schedule.after(looked, start.elapsed()) {
            Some(pause) => nap(pause, interrupted, what)?,
            None => return Err(too_late(what, schedule, &seen)),
        }
    }
}

/// For a server that is still starting: a refused or lost connection is something to wait out, anything else is not.
pub fn unless_connected<T>(outcome: Result<Poll<T>>) -> Result<Poll<T>> {
    match outcome {
        Err(error) if error.kind == Kind::Connect => Ok(Poll::Pending(error.message)),
        other => other,
    }
}

fn too_late(what: &str, schedule: Schedule, seen: &str) -> Error {
    let error = Error::health(format!("{what} after {:?}", schedule.deadline));
    if seen.is_empty() { error } else { error.detail(format!("last seen: {seen}")) }
}

fn nap(pause: Duration, interrupted: &AtomicBool, what: &str) -> Result<()> {
    let end = Instant::now() + pause;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(NAP));
        check(interrupted, what)?;
    }
}

fn check(interrupted: &AtomicBool, what: &str) -> Result<()> {
    if interrupted.load(Ordering::Relaxed) {
        return Err(Error::new(Kind::Interrupted, format!("interrupted while {what}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    static NEVER: AtomicBool = AtomicBool::new(false);

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn looks_are_evenly_spaced_and_the_last_is_at_the_deadline() {
        let schedule = Schedule { deadline: ms(1000), poll: ms(300) };
        assert_eq!(schedule.after(ms(0), ms(10)), Some(ms(290)));
        assert_eq!(schedule.after(ms(300), ms(900)), Some(ms(0)), "a slow look is followed at once");
        assert_eq!(schedule.after(ms(900), ms(910)), Some(ms(90)), "cut to the deadline");
        assert_eq!(schedule.after(ms(999), ms(1500)), Some(ms(0)), "began before the deadline: one more look");
        assert_eq!(schedule.after(ms(1000), ms(1001)), None);
    }

    #[test]
    fn the_error_says_what_was_last_seen() {
        let mut looks = 0;
        let schedule = Schedule { deadline: ms(20), poll: ms(5) };
        let error = wait::<()>("CoreDNS is not available", schedule, &NEVER, || {
            looks += 1;
            Ok(Poll::Pending(format!("look {}: 0 of 2 replicas", looks.min(1))))
        })
        .unwrap_err();
        assert!(looks > 1);
        assert_eq!(error.kind, Kind::Health);
        insta::assert_snapshot!(crate::ui::report::render(&error, false), @"
        error: CoreDNS is not available after 20ms
          last seen: look 1: 0 of 2 replicas
        ");
    }

    #[test]
    fn readiness_failure_and_interruption_end_it() {
        let schedule = Schedule::new(60, 5);
        let mut looks = 0;
        let ready = wait("x", schedule, &NEVER, || {
            looks += 1;
            Ok(if looks == 3 { Poll::Ready(looks) } else { Poll::Pending(String::new()) })
        });
        assert_eq!(ready, Ok(3));
        assert_eq!(wait::<()>("x", schedule, &NEVER, || Err(Error::pki("no"))), Err(Error::pki("no")));
        let flag = AtomicBool::new(false);
        let error = wait::<()>("m1 is not ready", schedule, &flag, || {
            flag.store(true, Ordering::Relaxed);
            Ok(Poll::Pending("connection refused".into()))
        });
        let error = error.unwrap_err();
        assert_eq!(error.kind, Kind::Interrupted);
        insta::assert_snapshot!(error, @"interrupted while m1 is not ready");
    }

    #[test]
    fn what_is_waited_for_is_told_when_it_changes() {
        let told = std::cell::RefCell::new(Vec::new());
        let mut looks = 0;
        let ready =
            wait_telling("x", Schedule::new(60, 1), &NEVER, &|seen| told.borrow_mut().push(seen.to_owned()), || {
                looks += 1;
                Ok(if looks == 5 { Poll::Ready(()) } else { Poll::Pending(format!("{} of 2", looks / 3)) })
            });
        assert_eq!((ready, told.into_inner()), (Ok(()), vec!["0 of 2".to_owned(), "1 of 2".to_owned()]));
    }

    #[test]
    fn only_connection_errors_are_waited_out() {
        let refused = unless_connected::<()>(Err(Error::connect("refused")));
        assert_eq!(refused, Ok(Poll::Pending("refused".into())));
        assert_eq!(unless_connected::<()>(Err(Error::health("401"))), Err(Error::health("401")));
    }
}
