//! A network that nobody on this machine uses.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde_json::Value;

use super::command;
use super::folders::Folders;
use super::state::{self, State};
use crate::error::{Error, Result};

/// The wanted network when it is free, else a free 10.99.x.0/24.
pub fn choose(wanted: Option<Ipv4Net>, folders: &Folders, except: &str) -> Result<Ipv4Net> {
    pick(wanted, &used(folders, except)?)
}

fn pick(wanted: Option<Ipv4Net>, used: &[Ipv4Net]) -> Result<Ipv4Net> {
    let collision = |net: &Ipv4Net| used.iter().find(|u| u.contains(net) || net.contains(*u)).copied();
    if let Some(net) = wanted.map(|net| net.trunc()) {
        return match collision(&net) {
            None => Ok(net),
            Some(other) => Err(Error::usage(format!("the network {net} is in use on this machine ({other})"))
                .hint("leave --subnet out: a free one is found")),
        };
    }
    (1..=254u8)
        .filter_map(|x| Ipv4Net::new([10, 99, x, 0].into(), 24).ok())
        .find(|net| collision(net).is_none())
        .ok_or_else(|| Error::usage("none of the networks 10.99.x.0/24 is free here").hint("name one with --subnet"))
}

/// Networks of the machine's routes and addresses, and of labs that are not running.
fn used(folders: &Folders, except: &str) -> Result<Vec<Ipv4Net>> {
    let mut nets = routes(&command::run("ip", &["-j", "-4", "route", "show", "table", "all"])?);
    for name in state::names(folders)?.iter().filter(|name| *name != except) {
        // A state that cannot be read belongs to a lab that `down` will complain of.
        let state = folders.lab(name).and_then(|folder| State::load(&folder));
        nets.extend(state.ok().flatten().map(|state| state.subnet));
    }
    Ok(nets)
}

/// Destinations in the output of `ip -j route`, but for the default route, which holds everything.
fn routes(json: &[u8]) -> Vec<Ipv4Net> {
    let value: Value = serde_json::from_slice(json).unwrap_or_default();
    let destinations = value.as_array().into_iter().flatten().filter_map(|route| route["dst"].as_str());
    let net = |dst: &str| dst.parse::<Ipv4Net>().ok().or_else(|| dst.parse::<Ipv4Addr>().ok().map(Ipv4Net::from));
    destinations.filter_map(net).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    #[test]
    fn the_first_that_is_free() {
        assert_eq!(pick(None, &[]).unwrap(), net("10.99.1.0/24"));
        assert_eq!(pick(None, &[net("10.99.1.0/24"), net("10.99.2.7/32")]).unwrap(), net("10.99.3.0/24"));
        assert!(pick(None, &[net("10.0.0.0/8")]).is_err());
    }

    #[test]
    fn a_wanted_one_must_be_free() {
        assert_eq!(pick(Some(net("10.99.7.5/24")), &[]).unwrap(), net("10.99.7.0/24"));
        let error = pick(Some(net("10.99.7.0/24")), &[net("10.99.0.0/16")]).unwrap_err();
        assert_eq!(error.message, "the network 10.99.7.0/24 is in use on this machine (10.99.0.0/16)");
    }

    #[test]
    fn reads_routes() {
        let json =
            br#"[{"dst":"default","gateway":"192.0.2.1"},{"dst":"192.0.2.0/24"},{"type":"local","dst":"10.1.2.3"}]"#;
        assert_eq!(routes(json), [net("192.0.2.0/24"), net("10.1.2.3/32")]);
    }
}
