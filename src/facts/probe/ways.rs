//! The folders on the way to each file, whom they let in, and what stands where a file should be.

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
    variables.list("whole", &questions.read_whole);
}

/// All folders above these files.
fn folders(files: &BTreeSet<String>) -> BTreeSet<String> {
    let above = |file: &str| -> Vec<String> {
        file.match_indices('/').map(|(at, _)| if at == 0 { "/".to_owned() } else { file[..at].to_owned() }).collect()
    };
    files.iter().flat_map(|file| above(file)).collect()
}

fn read(sections: &Sections, facts: &mut HostFacts) {
    facts.ways = sections.lines("ways").filter_map(|line| way(line, 16)).collect();
    facts.acls = sections.lines("acls").map(str::to_owned).collect();
    facts.others = sections.lines("others").filter_map(|line| way(line, 8)).collect();
}

/// A line `mode names uid user path`, the mode as stat or as find prints it.
fn way(line: &str, radix: u32) -> Option<(String, Way)> {
    let mut words = line.splitn(5, ' ');
    let mode = u32::from_str_radix(words.next()?, radix).ok()?;
    let names = words.next()?.parse().ok()?;
    let (uid, user) = (words.next()?.parse().ok()?, words.next()?.to_owned());
    Some((words.next()?.to_owned(), Way { mode, uid, user, names }))
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
        let text = "\x1en ways\n41ed 3 0 root /etc\n81a4 2 0 root /etc/a b\na1ff 1 1000 kim /etc/link\nnonsense\n\
            \x1en acls\n/etc/c d\n\x1en others\n640 1 1000 kim /etc/cni/net.d/0 - a\n\x1en end\n1\n";
        let mut facts = HostFacts::default();
        read(&Sections::split(text, "n").unwrap(), &mut facts);
        assert_eq!(facts.ways.len(), 3);
        assert!(facts.ways["/etc"].is_folder() && !facts.is_link("/etc/a b") && facts.is_link("/etc/link"));
        assert_eq!((facts.ways["/etc/link"].uid, facts.ways["/etc/link"].user.as_str()), (1000, "kim"));
        let second = ["/etc", "/etc/a b", "/etc/link"].map(|path| facts.has_second_name(path));
        assert_eq!(second, [false, true, false], "a folder has one for each in it");
        assert_eq!(facts.acls, ["/etc/c d".to_owned()].into());
        let (mode, uid, user, names) = (0o640, 1000, "kim".to_owned(), 1);
        let other = ("/etc/cni/net.d/0 - a".to_owned(), Way { mode, uid, user, names });
        assert_eq!(facts.others, [other].into());
    }
}
