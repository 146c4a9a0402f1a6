//! Units: what `systemctl show` printed, and what each was last started with.

use std::collections::BTreeMap;

use super::sections::Sections;
use crate::facts::UnitFact;

/// Units that were asked about.
pub(super) struct Found {
    /// systemd-resolved runs; the script asks about it first.
    pub(super) resolved: bool,
    pub(super) units: BTreeMap<String, UnitFact>,
}

impl Found {
    pub(super) fn read(sections: &Sections) -> Self {
        let keys: BTreeMap<_, _> = sections.lines("started").filter_map(|line| line.split_once(' ')).collect();
        let mut blocks = sections.text("units").split("\n\n").filter(|block| !block.trim().is_empty()).map(pairs);
        let resolved = blocks.next().is_some_and(|block| get(&block, "ActiveState") == "active");
        let units = blocks.map(|block| {
            let name = get(&block, "Id");
            (name.to_owned(), unit(&block, keys.get(name).copied().unwrap_or_default()))
        });
        Found { resolved, units: units.filter(|(name, _)| !name.is_empty()).collect() }
    }
}

type Block<'a> = BTreeMap<&'a str, &'a str>;

fn pairs(block: &str) -> Block<'_> {
    block.lines().filter_map(|line| line.split_once('=')).collect()
}

fn get<'a>(block: &Block<'a>, key: &str) -> &'a str {
    block.get(key).copied().unwrap_or_default()
}

fn unit(block: &Block<'_>, restart_key: &str) -> UnitFact {
    UnitFact {
        active: get(block, "ActiveState").into(),
        sub: get(block, "SubState").into(),
        enabled: get(block, "UnitFileState").into(),
        restarts: get(block, "NRestarts").parse().unwrap_or(0),
        active_since: get(block, "ActiveEnterTimestampMonotonic").parse().unwrap_or(0),
        restart_key: restart_key.trim().into(),
    }
}
