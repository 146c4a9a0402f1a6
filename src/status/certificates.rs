//! When certificates expire.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Expiry;
use crate::trust::Trust;

/// At most this many; the next to expire are what a person wants to see.
const SHOWN: usize = 10;

/// The next certificates to expire, soonest first.
pub(super) fn expiries(trust: &Trust, now: OffsetDateTime) -> Vec<Expiry> {
    let mut all: Vec<Expiry> = trust
        .expiries()
        .into_iter()
        .map(|(name, not_after)| Expiry {
            name,
            not_after: not_after.format(&Rfc3339).unwrap_or_default(),
            days: (not_after - now).whole_days(),
        })
        .collect();
    all.sort_by(|a, b| (a.days, &a.name).cmp(&(b.days, &b.name)));
    all.truncate(SHOWN);
    all
}
