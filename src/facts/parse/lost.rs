//! What units should have in the kernel and have not: lines `UNIT<tab>WORDS`.

use std::collections::BTreeMap;

use super::sections::Sections;

/// More than this of a host's words is not shown to people.
const WORDS: usize = 400;

/// What is missing.
pub(super) struct Lost {
    /// By the unit whose restart brings it back.
    pub(super) units: BTreeMap<String, Vec<String>>,
    /// What nobody on the host brings back.
    pub(super) for_good: Vec<String>,
}

impl Lost {
    pub(super) fn read(sections: &Sections) -> Self {
        let mut lost = Lost { units: BTreeMap::new(), for_good: Vec::new() };
        for (unit, words) in sections.lines("data-plane").filter_map(|line| line.split_once('\t')) {
            let words: String = words.chars().filter(|c| !c.is_control()).take(WORDS).collect();
            match unit {
                "-" => lost.for_good.push(words),
                _ => lost.units.entry(unit.to_owned()).or_default().push(words),
            }
        }
        lost
    }
}
