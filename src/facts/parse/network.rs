//! What listens, which addresses there are, where routes lead.

use std::net::IpAddr;

use super::sections::Sections;
use crate::facts::Listening;

/// Lines of `ss -Hltnp` or `ss -Hlunp`: state, two queues, local address, peer address, `users:(("sshd",pid=1,fd=3))`.
pub(super) fn listening(sections: &Sections, section: &str) -> Vec<Listening> {
    let one = |line: &str| {
        let (address, port) = line.split_whitespace().nth(3)?.rsplit_once(':')?;
        let process = line.split_once("((\"").and_then(|(_, rest)| rest.split_once('"')).map(|(name, _)| name.into());
        Some(Listening { port: port.parse().ok()?, address: address.into(), process })
    };
    sections.lines(section).filter_map(one).collect()
}

/// Lines of `ip -o addr`: `2: eth0    inet 10.0.0.2/24 brd …`.
pub(super) fn addresses(sections: &Sections) -> Vec<(String, IpAddr)> {
    let one = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let interface = words.next()?;
        let _family = words.next().filter(|word| word.starts_with("inet"))?;
        let address = words.next()?.split('/').next()?.parse().ok()?;
        Some((interface.to_owned(), address))
    };
    sections.lines("addresses").filter_map(one).collect()
}

/// Lines of `ip -o route`: `10.0.0.0/24 dev eth0 proto kernel …`, at times with a type (`unreachable`) in front.
pub(super) fn routes(sections: &Sections) -> Vec<(String, String)> {
    let one = |line: &str| {
        let mut words = line.split_whitespace().peekable();
        words.next_if(|word| ROUTE_TYPES.contains(word));
        let destination = words.next()?.to_owned();
        let interface = words.skip_while(|word| *word != "dev").nth(1).unwrap_or_default();
        Some((destination, interface.to_owned()))
    };
    sections.lines("routes").filter_map(one).collect()
}

const ROUTE_TYPES: [&str; 8] =
    ["unicast", "local", "broadcast", "multicast", "blackhole", "unreachable", "prohibit", "throw"];
