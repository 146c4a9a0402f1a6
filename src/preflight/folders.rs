//! Who can change what leads to files of ours: a push would stop there, so it is said before.

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
    let (mut fails, mut links) = (Vec::new(), Vec::new());
    for (path, way) in ways {
        // Where a link on the way leads, nothing was asked about by that name.
        if !way.is_folder() && !is_on_the_way(path) {
            links.extend(way.is_link().then(|| path.clone()));
        } else if !ours.contains(path) || way.is_link() {
            fails.extend(wrong(path, way));
        }
    }
    for (finding, remedy) in fails {
        check.fail(CHECK, finding, remedy);
    }
    for path in links {
        check.warn(
            CHECK,
            format!("{path} is a link, where a file should be"),
            "if the file is kbootstrap's, `kbootstrap up` puts it there; what the link leads to stays as it is",
        );
    }
}

/// What is wrong with a folder on the way, and what to do.
fn wrong(path: &str, way: &Way) -> Option<(String, String)> {
    const SO: &str = "who so could have root write elsewhere";
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
