//! Which host shuts a path: one that keeps packets out spoils what others try with it, in both directions.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::paths::{End, Path};

/// The host that each shut path is put down to, in the order of `tried`; `None` for those that are open or were not
/// tried.
///
/// Where no answer came, it is the host that has the most others on the other side of such paths. Who only asks is not
/// suspected, as firewalls let answers in, unless what is sent to it is lost, too, or its firewall `drops` something. Where
/// several are alike, it is one whose firewall does; else the one where the path ends, as with all other ends.
pub(super) fn hosts(tried: &[(Path, End)], drops: impl Fn(&str) -> bool) -> Vec<Option<&str>> {
    let mut blamed: Vec<Option<&str>> =
        tried.iter().map(|(path, end)| matches!(end, End::Refused | End::NoWay(_)).then_some(&*path.to)).collect();
    loop {
        let shut = |(at, (_, end)): &(usize, &(Path, End))| blamed[*at].is_none() && *end == End::Silent;
        let left: Vec<(usize, &Path)> =
            tried.iter().enumerate().filter(shut).map(|(at, (path, _))| (at, path)).collect();
        let sick = sick(&left, &drops);
        if sick.is_empty() {
            return blamed;
        }
        for (at, path) in left {
            blamed[at] = [&path.to, &path.from].into_iter().map(|name| &**name).find(|name| sick.contains(name));
        }
    }
}

/// The hosts that have the most others on the other side of these paths.
fn sick<'a>(paths: &[(usize, &'a Path)], drops: impl Fn(&str) -> bool) -> BTreeSet<&'a str> {
    let mut others: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (_, path) in paths {
        if drops(&path.from) || paths.iter().any(|(_, other)| other.to == path.from) {
            others.entry(&path.from).or_default().insert(&path.to);
        }
        others.entry(&path.to).or_default().insert(&path.from);
    }
    let most = others.values().map(BTreeSet::len).max().unwrap_or_default();
    let alike: BTreeSet<&str> =
        others.into_iter().filter(|(_, with)| with.len() == most).map(|(name, _)| name).collect();
    let dropping: BTreeSet<&str> = alike.iter().copied().filter(|name| drops(name)).collect();
    if dropping.is_empty() { alike } else { dropping }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::Protocol;
    use crate::facts::paths::Who;

    /// The hosts blamed for these paths, `n1>n2` each, all without an answer.
    fn blamed(paths: &str, dropping: &[&str]) -> String {
        let one = |text: &str| {
            let (from, to) = text.split_once('>').unwrap();
            let (address, port) = ("10.0.0.1".parse().unwrap(), 1);
            let path = Path {
                from: from.into(),
                to: to.into(),
                address,
                port,
                protocol: Protocol::Tcp,
                what: String::new(),
                answers: Who::Try,
            };
            (path, End::Silent)
        };
        let tried: Vec<_> = paths.split(' ').map(one).collect();
        let names = hosts(&tried, |name| dropping.contains(&name));
        names.into_iter().map(|name| name.unwrap_or("-")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_host_that_all_have_in_common_is_named_in_both_directions() {
        assert_eq!(blamed("n1>n2 n3>n2", &[]), "n2 n2");
        assert_eq!(blamed("n2>n1 n2>n3", &[]), "n1 n3", "all nodes have the same firewall, the master only asks");
        assert_eq!(blamed("n2>n1 n2>n3", &["n2"]), "n2 n2", "answers to it are lost");
        assert_eq!(blamed("n1>n2 n2>n1 n2>n3 n3>n2", &[]), "n2 n2 n2 n2");
    }

    #[test]
    fn several_sick_hosts_are_named_each_with_its_own() {
        assert_eq!(blamed("n1>n2 n4>n2 n5>n2 n3>n2 n1>n3 n4>n3 n5>n3 n2>n3", &[]), "n2 n2 n2 n2 n3 n3 n3 n3");
        assert_eq!(blamed("n1>n2 n3>n2 n1>n3 n2>n3", &["n2", "n3"]), "n2 n2 n3 n3");
        assert_eq!(blamed("n1>n2 n3>n2 n4>n5", &[]), "n2 n2 n5");
    }

    #[test]
    fn between_two_the_one_whose_firewall_drops_else_the_end() {
        assert_eq!(blamed("n1>n2 n2>n1", &["n2"]), "n2 n2");
        assert_eq!(blamed("n1>n2 n2>n1", &[]), "n2 n1");
        assert_eq!(blamed("n2>n1", &["n2"]), "n2");
    }

    #[test]
    fn whoever_refuses_is_at_the_end() {
        let path = |from: &str, to: &str| Path {
            from: from.into(),
            to: to.into(),
            address: "10.0.0.1".parse().unwrap(),
            port: 1,
            protocol: Protocol::Tcp,
            what: String::new(),
            answers: Who::Service,
        };
        let tried = [(path("n2", "n1"), End::Refused), (path("n2", "n3"), End::Open)];
        assert_eq!(hosts(&tried, |name| name == "n2"), [Some("n1"), None]);
    }
}
