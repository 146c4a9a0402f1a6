//! How each path ended, from what both of its hosts said.

use std::collections::BTreeMap;

use super::answers::heard;
use super::{Dialled, End, Listens, Path, Who};
use crate::components::Protocol;

/// The ends of all paths, in their order. `came` is what hosts printed when a try ended.
pub fn ends(
    paths: &[Path],
    listens: &BTreeMap<String, Listens>,
    dialled: &BTreeMap<String, Dialled>,
    came: &BTreeMap<String, String>,
    nonce: &str,
) -> Vec<End> {
    let heard: BTreeMap<&str, _> = came.iter().map(|(host, text)| (host.as_str(), heard(text, nonce))).collect();
    let end = |(number, path): (usize, &Path)| {
        let not = |why: Option<&String>| End::NotTried(why.map_or("the host did not answer", String::as_str).into());
        let there = listens.get(&path.to);
        let listening = there.is_some_and(|there| there.ports.contains(&(path.protocol, path.port)));
        if path.answers == Who::Try && !listening {
            return not(there.and_then(|there| there.failed.as_ref()));
        }
        let Some(said) = dialled.get(&path.from).filter(|said| said.failed.is_none()) else {
            return not(dialled.get(&path.from).and_then(|said| said.failed.as_ref()));
        };
        let came = heard.get(path.to.as_str()).is_some_and(|numbers| numbers.contains(&number));
        match (path.protocol, said.ends.get(&number)) {
            (Protocol::Udp, _) if came => End::Open,
            (_, None) => End::Silent,
            // Whoever refused is beyond the tunnel.
            (_, Some(End::Refused)) if path.answers == Who::Tunnelled => End::Open,
            (_, Some(end)) => end.clone(),
        }
    };
    paths.iter().enumerate().map(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(to: &str, port: u16, protocol: Protocol, answers: Who) -> Path {
        let address = "10.0.0.9".parse().unwrap();
        Path { from: "a".into(), to: to.into(), address, port, protocol, what: "x".into(), answers }
    }

    #[test]
    fn both_ends_are_believed() {
        let (tcp, udp) = (Protocol::Tcp, Protocol::Udp);
        let paths = [
            path("b", 6443, tcp, Who::Try),
            path("b", 8472, udp, Who::Try),
            path("b", 8473, udp, Who::Try),
            path("b", 2379, tcp, Who::Try),
            path("b", 10250, tcp, Who::Service),
            path("b", 10250, tcp, Who::Tunnelled),
            path("c", 6443, tcp, Who::Try),
            path("b", 2380, tcp, Who::Service),
        ];
        let listens = Listens {
            ports: [(tcp, 6443), (udp, 8472), (udp, 8473)].into(),
            failed: Some("no room".into()),
            ..Listens::default()
        };
        let said = Dialled::read("open 0\nrefused 4\nrefused 5\nno-way 7 No route to host\ndone\n");
        let came = [("b".to_owned(), "n 1\nother 2\n".to_owned())].into();
        let ends = ends(&paths, &[("b".into(), listens)].into(), &[("a".into(), said)].into(), &came, "n");
        assert_eq!(
            ends,
            [
                End::Open,
                End::Open,
                End::Silent,
                End::NotTried("no room".into()),
                End::Refused,
                End::Open,
                End::NotTried("the host did not answer".into()),
                End::NoWay("No route to host".into()),
            ]
        );
    }
}
