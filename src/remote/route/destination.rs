//! Where a connection goes and how: what the inventory says, then what the SSH configuration says, then defaults.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::remote::connector::Operator;
use crate::remote::host_keys::known_hosts::lookup_name;
use crate::remote::route::shell_names;
use crate::remote::route::ssh_config::{self, Advice};
use crate::remote::route::tokens::Tokens;
use crate::remote::{SshConfig, SshTarget};

/// Seconds to wait for a connection where nobody says otherwise.
const CONNECT_TIMEOUT: u64 = 10;

/// Everything about a connection, decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Address or name.
    pub address: String,
    pub port: u16,
    pub user: String,
    /// Key files that somebody named, in their order; empty: the usual ones.
    pub keys: Vec<PathBuf>,
    /// Certificates of these keys, beside those that lie beside them.
    pub certificates: Vec<PathBuf>,
    /// No other key is tried.
    pub only_named: bool,
    /// The agent's socket.
    pub agent: Option<PathBuf>,
    /// Where host keys are known; new ones are recorded in the first.
    pub known_hosts: Vec<PathBuf>,
    /// The inventory's known_hosts file: it vouches for the inventory's hosts, and for hosts on the way to them that the
    /// operator's own files say nothing about.
    pub inventory_file: Option<PathBuf>,
    /// The operator's own known_hosts files where the inventory's vouches: what they revoke is revoked.
    pub revoked_in: Vec<PathBuf>,
    /// Files of public keys that no host may have.
    pub revoked_keys: Vec<PathBuf>,
    /// The host's name in these files.
    pub known_as: String,
    /// The name that a host certificate must be for.
    pub principal: String,
    /// The only host key that is accepted.
    pub host_key: Option<String>,
    /// The key of a host that is known by none is recorded.
    pub accept_new: bool,
    pub connect_timeout: Duration,
    pub way: Way,
}

/// How the bytes get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// A TCP connection.
    Direct,
    /// The standard input and output of a command.
    Command(String),
    /// SSH hosts, each reached through those before it.
    Jumps(Vec<Hop>),
}

/// A host on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    pub user: Option<String>,
    pub host: String,
    pub port: Option<u16>,
}

/// What the operator's SSH configuration says about a target.
pub fn advice(target: &SshTarget, operator: &Operator) -> Result<Option<Advice>> {
    let SshTarget { address, user, port, .. } = target;
    let name = address.trim_start_matches('[').trim_end_matches(']');
    // Before `ssh` reads them: a `Match exec` may give them to a shell.
    shell_names::host(name)?;
    user.as_deref().map_or(Ok(()), shell_names::user)?;
    ssh_config::ask(&operator.ssh_config, operator.home.as_deref(), name, user.as_deref(), *port)
}

impl Destination {
    /// The host before this one: only what the SSH configuration says about it counts, and where its files do not know the
    /// host, the one that the inventory names.
    pub fn of_hop(&self, hop: &Hop, operator: &Operator) -> Result<Self> {
        let target = SshTarget {
            address: hop.host.clone(),
            port: hop.port,
            user: hop.user.clone(),
            keys: Vec::new(),
            known_hosts: None,
            host_key: None,
            accept_new: self.accept_new,
            connect_timeout: Some(self.connect_timeout.as_secs()),
        };
        let destination = Self::decide(&target, advice(&target, operator)?, operator)?;
        Ok(Destination { inventory_file: self.inventory_file.clone(), ..destination })
    }

    /// Decides by what the operator's SSH configuration says.
    pub fn decide(target: &SshTarget, advice: Option<Advice>, operator: &Operator) -> Result<Self> {
        let asked = advice.is_some();
        let advice = advice.unwrap_or_default();
        let bare = target.address.trim_start_matches('[').trim_end_matches(']');
        let address = if asked { advice.host_name.as_str() } else { bare };
        let port = target.port.or(advice.port).unwrap_or(22);
        let user = target.user.as_deref().unwrap_or(if asked { &advice.user } else { "root" });
        let principal = advice.host_key_alias.as_deref().unwrap_or(address).to_ascii_lowercase();
        let known_as = match &advice.host_key_alias {
            Some(_) => principal.clone(),
            None => lookup_name(address, port),
        };
        [bare, address, &principal].into_iter().try_for_each(shell_names::host)?;
        shell_names::user(user)?;
        let tokens = Tokens {
            host: address,
            name: bare,
            port,
            user,
            operator: &operator.user,
            home: operator.home.as_deref(),
            known_as: &principal,
        };
        let paths = |option: &str, texts: &[String]| -> Result<Vec<PathBuf>> {
            texts.iter().map(|text| tokens.path(option, text)).collect()
        };
        let named = !target.keys.is_empty();
        let own = match asked {
            true => paths("UserKnownHostsFile", &advice.known_hosts)?,
            false => {
                let own = operator.home.iter().map(|home| home.join(".ssh/known_hosts"));
                own.chain([PathBuf::from("/etc/ssh/ssh_known_hosts")]).collect()
            }
        };
        let (known_hosts, revoked_in) = match &target.known_hosts {
            Some(file) => (vec![file.clone()], own),
            None => (own, Vec::new()),
        };
        let timeout = target.connect_timeout.or(advice.connect_timeout).unwrap_or(CONNECT_TIMEOUT);
        Ok(Destination {
            keys: if named { target.keys.clone() } else { paths("IdentityFile", &advice.identities)? },
            certificates: paths("CertificateFile", &advice.certificates)?,
            only_named: named || (advice.identities_only && !advice.identities.is_empty()),
            agent: agent(&advice, &tokens, operator)?,
            known_hosts,
            inventory_file: target.known_hosts.clone(),
            revoked_in,
            revoked_keys: paths("RevokedHostKeys", &advice.revoked_keys)?,
            way: way(&advice, &tokens)?,
            host_key: target.host_key.clone(),
            accept_new: target.accept_new,
            connect_timeout: Duration::from_secs(timeout.max(1)),
            address: address.to_owned(),
            port,
            user: user.to_owned(),
            known_as,
            principal,
        })
    }

    /// `address:port`, for messages.
    pub fn shown(&self) -> String {
        format!("{}:{}", self.address, self.port)
    }

    /// What to add to an error about the way to this host.
    pub fn source(&self, operator: &Operator) -> Option<String> {
        let way = match &self.way {
            Way::Direct => return None,
            Way::Command(command) => format!("the ProxyCommand `{command}`"),
            Way::Jumps(hops) => {
                let hops: Vec<&str> = hops.iter().map(|hop| hop.host.as_str()).collect();
                format!("the ProxyJump {}", hops.join(", "))
            }
        };
        let file = match &operator.ssh_config {
            SshConfig::File(file) => file.display().to_string(),
            _ => "your SSH configuration".to_owned(),
        };
        Some(format!("{} is reached by {way} of {file}", self.shown()))
    }
}

fn agent(advice: &Advice, tokens: &Tokens<'_>, operator: &Operator) -> Result<Option<PathBuf>> {
    match advice.agent.as_deref() {
        None | Some("SSH_AUTH_SOCK") => Ok(operator.agent.clone()),
        Some("none") => Ok(None),
        Some(variable) if variable.starts_with('$') && !variable.starts_with("${") => {
            Ok(std::env::var_os(&variable[1..]).map(PathBuf::from))
        }
        Some(path) => tokens.path("IdentityAgent", path).map(Some),
    }
}

fn way(advice: &Advice, tokens: &Tokens<'_>) -> Result<Way> {
    if let Some(command) = &advice.proxy_command {
        if advice.passes_descriptor {
            return Err(Error::input(format!("{}: ProxyUseFdpass is not supported", tokens.name))
                .hint("use ProxyJump, or a ProxyCommand that copies bytes (`nc %h %p`)"));
        }
        return Ok(Way::Command(tokens.expand("ProxyCommand", command)?));
    }
    let Some(jumps) = &advice.proxy_jump else { return Ok(Way::Direct) };
    let hops: Option<Vec<Hop>> = jumps.split(',').map(hop).collect();
    let hops = hops.ok_or_else(|| {
        Error::input(format!("{}: ProxyJump `{jumps}` in the SSH configuration is no list of hosts", tokens.name))
            .hint("write `[user@]host[:port]`, several with commas between them")
    })?;
    Ok(Way::Jumps(hops))
}

/// `[user@]host[:port]`, or the same as a URL.
fn hop(text: &str) -> Option<Hop> {
    let text = text.trim();
    let text = text.strip_prefix("ssh://").unwrap_or(text).trim_end_matches('/');
    let (user, place) = match text.rsplit_once('@') {
        Some((user, place)) => (Some(user.to_owned()), place),
        None => (None, text),
    };
    let (host, port) = match place.strip_prefix('[').and_then(|place| place.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None if place.matches(':').count() > 1 => (place, None),
        None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map(|port| port.parse().ok().filter(|port| *port > 0));
    (!host.is_empty() && !host.starts_with('-') && port != Some(None)).then(|| Hop {
        user,
        host: host.to_owned(),
        port: port.flatten(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> SshTarget {
        SshTarget {
            address: "web1".into(),
            port: None,
            user: None,
            keys: Vec::new(),
            known_hosts: None,
            host_key: None,
            accept_new: false,
            connect_timeout: None,
        }
    }

    fn operator() -> Operator {
        Operator {
            home: Some("/home/op".into()),
            agent: Some("/agent".into()),
            user: "op".into(),
            ..Operator::default()
        }
    }

    fn advice() -> Advice {
        Advice {
            host_name: "10.0.0.1".into(),
            port: Some(2222),
            user: "kim".into(),
            identities: vec!["~/%h".into()],
            known_hosts: vec!["/k".into()],
            connect_timeout: Some(3),
            ..Advice::default()
        }
    }

    #[test]
    fn defaults_without_a_configuration() {
        let plain = Destination::decide(&target(), None, &operator()).unwrap();
        assert_eq!((plain.shown().as_str(), plain.user.as_str(), plain.known_as.as_str()), ("web1:22", "root", "web1"));
        assert_eq!(plain.known_hosts[0], PathBuf::from("/home/op/.ssh/known_hosts"));
        assert_eq!((plain.only_named, plain.agent, plain.way), (false, Some("/agent".into()), Way::Direct));
    }

    #[test]
    fn the_configuration_is_followed_where_the_inventory_is_silent() {
        let asked = Destination::decide(&target(), Some(advice()), &operator()).unwrap();
        assert_eq!((asked.shown().as_str(), asked.user.as_str()), ("10.0.0.1:2222", "kim"));
        assert_eq!((asked.known_as.as_str(), asked.principal.as_str()), ("[10.0.0.1]:2222", "10.0.0.1"));
        assert_eq!((asked.keys, asked.only_named), (vec![PathBuf::from("/home/op/10.0.0.1")], false));
        assert_eq!(asked.connect_timeout, Duration::from_secs(3));
        let alias = Advice { host_key_alias: Some("Web".into()), ..advice() };
        assert_eq!(Destination::decide(&target(), Some(alias), &operator()).unwrap().known_as, "web");
    }

    #[test]
    fn the_inventory_wins() {
        let said = SshTarget {
            port: Some(24),
            user: Some("root".into()),
            keys: vec!["/key".into()],
            known_hosts: Some("/mine".into()),
            connect_timeout: Some(7),
            ..target()
        };
        let won = Destination::decide(&said, Some(advice()), &operator()).unwrap();
        assert_eq!((won.port, won.user.as_str(), won.connect_timeout), (24, "root", Duration::from_secs(7)));
        assert_eq!((won.keys, won.only_named), (vec![PathBuf::from("/key")], true));
        assert_eq!(won.known_hosts, [PathBuf::from("/mine")]);
    }

    #[test]
    fn hops_in_every_spelling() {
        let is = |text: &str, user: Option<&str>, host: &str, port: Option<u16>| {
            let wanted = Hop { user: user.map(str::to_owned), host: host.into(), port };
            assert_eq!(hop(text), Some(wanted), "{text}");
        };
        is("bastion", None, "bastion", None);
        is("bob@bastion:2222", Some("bob"), "bastion", Some(2222));
        is("ssh://bob@bastion:2222", Some("bob"), "bastion", Some(2222));
        is("b@[fd00::1]:22", Some("b"), "fd00::1", Some(22));
        is("fd00::1", None, "fd00::1", None);
        for odd in ["", "a:b", "a:0", "@", "-oProxyCommand=x"] {
            assert_eq!(hop(odd), None, "{odd}");
        }
        let jumps = Advice { proxy_jump: Some("a,b:1".into()), ..advice() };
        let Way::Jumps(hops) = Destination::decide(&target(), Some(jumps), &operator()).unwrap().way else { panic!() };
        assert_eq!(hops.len(), 2);
    }
}
