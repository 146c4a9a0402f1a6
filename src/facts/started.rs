//! When something on a host was started, by the host's own clock: what others wrote down by that clock is compared with it.

use std::collections::BTreeMap;

use time::{Duration, OffsetDateTime};

use super::HostFacts;
use crate::cluster::{Cluster, Role};

/// Reached once in every boot, before any service.
pub const BOOT: &str = "sysinit.target";

/// Who holds a lease under that host name: only masters do, whatever other hosts call themselves.
pub fn master_called<'a>(
    cluster: &Cluster,
    facts: &'a BTreeMap<String, HostFacts>,
    hostname: &str,
) -> Option<(&'a String, &'a HostFacts)> {
    let masters = cluster.with_role(Role::Master).filter_map(|host| facts.get_key_value(&host.name));
    masters.into_iter().find(|(_, facts)| facts.hostname == hostname)
}

impl HostFacts {
    /// When a unit's process was started, or else when the unit became active, by the host's clock; none where it was not
    /// asked about, or never was. It may be a second too late, and what the host took to answer.
    pub fn started(&self, unit: &str) -> Option<OffsetDateTime> {
        let unit = self.units.get(unit)?;
        let process = unit.process.as_ref().map(|process| process.started).filter(|since| *since > 0);
        let since = process.unwrap_or(unit.active_since);
        if since == 0 {
            return None;
        }
        let up = Duration::seconds(i64::try_from(self.uptime).ok()?);
        let age = up.checked_sub(Duration::microseconds(i64::try_from(since).ok()?))?;
        // Where a container has an uptime of its own, the two say nothing together.
        (age > -Duration::SECOND).then_some(self.clock?.checked_sub(age.max(Duration::ZERO))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::UnitFact;
    use time::macros::datetime;

    #[test]
    fn by_the_hosts_own_clock() {
        let clock = Some(datetime!(2026-11-26 10:00:05 UTC));
        let mut facts = HostFacts { uptime: 100, clock, ..HostFacts::default_host() };
        let mut started = |active_since| {
            facts.units.insert("a.service".into(), UnitFact { active_since, ..UnitFact::default() });
            facts.started("a.service")
        };
        assert_eq!(started(60_000_000), Some(datetime!(2026-11-26 9:59:25 UTC)));
        assert_eq!(started(100_400_000), Some(datetime!(2026-11-26 10:00:05 UTC)), "within the second that is cut off");
        assert_eq!(started(0), None, "never");
        assert_eq!(started(900_000_000), None, "another clock");
        assert_eq!(facts.started("b.service"), None);
        for uptime in [i64::MAX as u64, u64::MAX, 9_000_000_000_000_000_000, 400_000_000_000] {
            let units = [("a.service".into(), UnitFact { active_since: 1, ..UnitFact::default() })].into();
            let facts = HostFacts { uptime, clock, units, ..HostFacts::default_host() };
            assert_eq!(facts.started("a.service"), None, "{uptime} s are more than the calendar has");
        }
    }
}
