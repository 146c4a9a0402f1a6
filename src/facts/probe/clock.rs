//! The host's clock against the operator's.

use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;

use super::answer::{END, Sections, incomplete};
use super::{Group, no_questions};
use crate::error::Result;
use crate::facts::HostFacts;

/// The first look at the clock; the last one is the end of the script.
pub(super) const GROUP: Group = Group { shell: include_str!("clock.sh"), ask: no_questions, read: |_, _| {} };

/// Compares the clocks.
///
/// # Errors
/// `Remote` when the host told no time.
pub(super) fn compare(
    sections: &Sections,
    started: SystemTime,
    ended: SystemTime,
    facts: &mut HostFacts,
) -> Result<()> {
    let nanos = |section| sections.first(section).parse::<i128>().ok();
    let (Some(first), Some(last)) = (nanos("clock"), nanos(END)) else {
        return Err(incomplete(sections.text("clock")).detail("the host told no time"));
    };
    (facts.clock_skew_ms, facts.clock_bound_ms) = skew(first, last, started, ended);
    facts.clock = OffsetDateTime::from_unix_timestamp_nanos(last).ok();
    Ok(())
}

/// Skew and its bound in milliseconds, as NTP computes them: the host's time lies between ours at both ends,
/// so what the script itself took does not blur the result, only the way there and back does.
fn skew(first: i128, last: i128, started: SystemTime, ended: SystemTime) -> (i64, u64) {
    let there = first.saturating_sub(nanos(started));
    let back = last.saturating_sub(nanos(ended));
    let millis = |nanos: i128| nanos / 1_000_000;
    let skew = millis(there.saturating_add(back) / 2);
    let bound = millis(there.saturating_sub(back) / 2).max(0);
    (skew.clamp(i64::MIN.into(), i64::MAX.into()) as i64, u64::try_from(bound).unwrap_or(u64::MAX).saturating_add(1))
}

fn nanos(time: SystemTime) -> i128 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_nanos() as i128,
        Err(before) => -(before.duration().as_nanos() as i128),
    }
}
