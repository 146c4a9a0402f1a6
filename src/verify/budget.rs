//! How long a run may take, its cleaning up with it, whatever is broken.

use std::time::{Duration, Instant};

/// For up to so many nodes …
const FEW: u32 = 3;
/// … a run takes this long at most: a minute with the asking of hosts before it,
const FEW_TAKE: Duration = Duration::from_secs(55);
/// for so many
const MANY: u32 = 50;
/// it takes this long, and for more no longer: five minutes with that.
const MANY_TAKE: Duration = Duration::from_secs(285);
/// Of it, what is kept for cleaning up.
const CLEANING: Duration = Duration::from_secs(15);

/// The longest that a run on so many nodes may take: a line between what few and many take.
pub fn limit(nodes: usize) -> Duration {
    let nodes = u32::try_from(nodes).unwrap_or(MANY).clamp(FEW, MANY);
    FEW_TAKE + (MANY_TAKE - FEW_TAKE) * (nodes - FEW) / (MANY - FEW)
}

/// A run's time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    started: Instant,
    limit: Duration,
}

impl Budget {
    /// It begins now.
    pub fn begin(limit: Duration) -> Self {
        Budget { started: Instant::now(), limit }
    }
    /// How long the run has taken so far.
    pub fn spent(&self) -> Duration {
        self.started.elapsed()
    }
    /// When everything is over.
    pub fn end(&self) -> Instant {
        self.started + self.limit
    }
    /// When checks are over, so that there is time to clean up.
    pub fn checks_end(&self) -> Instant {
        self.started + checks(self.limit)
    }
    /// What is left for checks.
    pub fn for_checks(&self) -> Duration {
        left(checks(self.limit), self.spent())
    }
    /// What is left for cleaning up.
    pub fn for_cleaning(&self) -> Duration {
        left(self.limit, self.spent())
    }
}

/// The part of a run in which checks run.
fn checks(limit: Duration) -> Duration {
    limit - CLEANING.min(limit / 4)
}

fn left(limit: Duration, spent: Duration) -> Duration {
    limit.saturating_sub(spent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_for_few_and_five_for_many() {
        let seconds = |nodes| limit(nodes).as_secs();
        assert_eq!([0, 1, 3].map(seconds), [55, 55, 55]);
        assert_eq!(seconds(50), 285);
        assert_eq!([51, 1000, usize::MAX].map(seconds), [285, 285, 285]);
        assert_eq!(seconds(27), 55 + 230 * 24 / 47);
        assert!((1..200).all(|nodes| limit(nodes) <= limit(nodes + 1)));
    }

    #[test]
    fn there_is_always_time_to_clean_up() {
        assert_eq!(checks(Duration::from_secs(60)), Duration::from_secs(45));
        assert_eq!(checks(Duration::from_secs(300)), Duration::from_secs(285));
        assert_eq!(checks(Duration::from_secs(4)), Duration::from_secs(3), "of very little a quarter");
        assert_eq!(left(Duration::from_secs(45), Duration::from_secs(46)), Duration::ZERO);
        let budget = Budget::begin(Duration::from_secs(60));
        assert_eq!(budget.end() - budget.checks_end(), CLEANING);
        assert!(budget.for_checks() <= Duration::from_secs(45) && budget.for_cleaning() > budget.for_checks());
    }
}
