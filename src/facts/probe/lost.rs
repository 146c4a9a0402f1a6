//! What units should have in the kernel and in /run and have not.

use super::Group;

/// More than this of a host's words is not shown to people, characters.
const WORDS: usize = 400;

/// Lines `UNIT<tab>WORDS`, as the script says that looks after it.
pub(super) const GROUP: Group = Group {
    shell: include_str!("lost.sh"),
    ask: |questions, _, variables| variables.set("data_plane", questions.data_plane.as_deref().unwrap_or_default()),
    read: |sections, facts| {
        for (unit, words) in sections.lines("lost").filter_map(|line| line.split_once('\t')) {
            let words: String = words.chars().filter(|c| !c.is_control()).take(WORDS).collect();
            match unit {
                "-" => facts.lost_for_good.push(words),
                _ => facts.lost.entry(unit.to_owned()).or_default().push(words),
            }
        }
    },
};
