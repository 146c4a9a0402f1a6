//! The folders on the way to each file, and whether a link stands where a file should be.

use std::collections::BTreeSet;

use super::answer::Sections;
use super::script::Variables;
use super::{Group, Questions};
use crate::cluster::Layout;
use crate::facts::{HostFacts, Way};

/// Ways to files.
pub(super) const GROUP: Group =
    Group { shell: concat!(include_str!("../../remote/script/only_root.sh"), include_str!("ways.sh")), ask, read };

fn ask(questions: &Questions, _: &Layout, variables: &mut Variables) {
    variables.list("above", &folders(&questions.files));
}

/// All folders above these files.
fn folders(files: &BTreeSet<String>) -> BTreeSet<String> {
    let above = |file: &str| -> Vec<String> {
        file.match_indices('/').map(|(at, _)| if at == 0 { "/".to_owned() } else { file[..at].to_owned() }).collect()
    };
    files.iter().flat_map(|file| above(file)).collect()
}

fn read(sections: &Sections, facts: &mut HostFacts) {
    facts.ways = sections.lines("ways").filter_map(way).collect();
}

/// A line `mode uid user path`.
fn way(line: &str) -> Option<(String, Way)> {
    let mut words = line.splitn(4, ' ');
    let mode = u32::from_str_radix(words.next()?, 16).ok()?;
    let (uid, user) = (words.next()?.parse().ok()?, words.next()?.to_owned());
    Some((words.next()?.to_owned(), Way { mode, uid, user }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_above_a_file_is_asked_about_once() {
        let files = ["/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/admin.conf"].map(String::from).into();
        let all: Vec<String> = folders(&files).into_iter().collect();
        assert_eq!(all, ["/", "/etc", "/etc/kubernetes", "/etc/kubernetes/pki"]);
    }

    #[test]
    fn folders_files_and_links_are_told_apart() {
        let text =
            "\x1en ways\n41ed 0 root /etc\n81a4 0 root /etc/a b\na1ff 1000 kim /etc/link\nnonsense\n\x1en end\n1\n";
        let mut facts = HostFacts::default();
        read(&Sections::split(text, "n").unwrap(), &mut facts);
        assert_eq!(facts.ways.len(), 3);
        assert!(facts.ways["/etc"].is_folder() && !facts.is_link("/etc/a b") && facts.is_link("/etc/link"));
        assert_eq!((facts.ways["/etc/link"].uid, facts.ways["/etc/link"].user.as_str()), (1000, "kim"));
    }
}
