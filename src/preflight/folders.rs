//! Who can change what leads to files of ours: a push would stop there, so it is said before. And who has put something
//! where root's programs read all that is there.

use std::collections::BTreeSet;

use super::finding::HostCheck;
use crate::facts::Way;

const CHECK: &str = "folders";

pub(super) fn check(check: &mut HostCheck) {
    let layout = &check.cluster.layout;
    let specs = check.catalogue.on(check.cluster, check.host);
    // A push gives these back to root before it writes anything.
    let mut ours: BTreeSet<String> = specs.flat_map(|spec| (spec.dirs)(layout)).map(|(path, ..)| path).collect();
    ours.insert(layout.records.clone());
    let ways = &check.facts.ways;
    let is_on_the_way = |path: &str| {
        let below = format!("{}/", path.trim_end_matches('/'));
        ways.range(below.clone()..).next().is_some_and(|(next, _)| next.starts_with(&below))
    };
    let (mut fails, mut links, mut acls) = (Vec::new(), Vec::new(), Vec::new());
    for (path, way) in ways {
        // Where a link on the way leads, nothing was asked about by that name.
        if !way.is_folder() && !is_on_the_way(path) {
            links.extend(way.is_link().then(|| path.clone()));
        } else if !ours.contains(path) || way.is_link() {
            fails.extend(wrong(path, way));
            if !way.is_link() && check.facts.acls.contains(path) {
                acls.push((path.clone(), way.is_shared()));
            }
        }
    }
    let others = check.facts.others.iter().filter(|(path, _)| !ours.contains(*path));
    fails.extend(others.map(|(path, other)| strange(path, other)));
    for (finding, remedy) in fails {
        check.fail(CHECK, finding, remedy);
    }
    for (path, is_shared) in acls {
        let remedy = format!(
            "see whom it names, and why: `getfacl {path}`; `setfacl -b -k {path}` takes it away, and where there is no \
             setfacl `chmod g-w {path}` takes from those that it names what they may write"
        );
        if is_shared {
            check.fail(CHECK, format!("{path} may be written by whom its ACL names, {SO}"), remedy);
        } else {
            let what = "which may also let others into what is made there";
            check.warn(CHECK, format!("{path} has an ACL, {what}"), remedy);
        }
    }
    for path in links {
        check.warn(
            CHECK,
            format!("{path} is a link, where a file should be"),
            "if the file is kbootstrap's, `kbootstrap up` puts it there; what the link leads to stays as it is",
        );
    }
}

const SO: &str = "who so could have root write elsewhere";

/// Something of others where root's programs read all that is there.
fn strange(path: &str, other: &Way) -> (String, String) {
    let Way { uid, user, .. } = other;
    let whose = if *uid == 0 { "may be written by everybody".to_owned() } else { format!("belongs to {user} ({uid})") };
    (
        format!("{path} {whose}, and root's programs read what lies there"),
        "remove it, or after a look at it copy it to a file of root's own: who has it open still writes it".to_owned(),
    )
}

/// What is wrong with a folder on the way, and what to do.
fn wrong(path: &str, way: &Way) -> Option<(String, String)> {
    if !way.is_folder() && !way.is_link() {
        return Some((format!("{path} is no folder"), format!("move it away: `mv {path} {path}.off`")));
    }
    if way.uid != 0 {
        let user = &way.user;
        let uid = way.uid;
        return Some((
            format!("{path} belongs to {user} ({uid}), {SO}"),
            format!("`chown -h root:root {path}`, after a look at what lies in it"),
        ));
    }
    way.is_open().then(|| (format!("{path} may be written by everybody, {SO}"), format!("`chmod go-w {path}`")))
}
