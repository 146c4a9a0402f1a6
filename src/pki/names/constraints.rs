//! Name constraints of CAs (RFC 5280 §4.2.1.10): DNS names and IP addresses, as certificates of clusters have them.

use std::net::IpAddr;

use x509_parser::extensions::{GeneralName, NameConstraints};
use x509_parser::prelude::FromDer;

use super::san::San;

/// What a CA may issue for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Constraints {
    permitted_dns: Vec<String>,
    excluded_dns: Vec<String>,
    permitted_ip: Vec<Net>,
    excluded_ip: Vec<Net>,
    /// It restricts names of another type, which are not checked here.
    others: bool,
}

/// Address and mask, both 4 or both 16 bytes.
type Net = (Vec<u8>, Vec<u8>);

impl Constraints {
    /// From an extension's value; none where it cannot be read.
    pub fn from_der(value: &[u8]) -> Option<Self> {
        NameConstraints::from_der(value).ok().map(|(_, constraints)| Self::read(&constraints))
    }

    pub(crate) fn read(constraints: &NameConstraints<'_>) -> Self {
        let mut read = Constraints::default();
        for (subtrees, permitted) in [(&constraints.permitted_subtrees, true), (&constraints.excluded_subtrees, false)]
        {
            for subtree in subtrees.iter().flatten() {
                match &subtree.base {
                    GeneralName::DNSName(name) => {
                        let list = if permitted { &mut read.permitted_dns } else { &mut read.excluded_dns };
                        list.push(name.to_ascii_lowercase());
                    }
                    GeneralName::IPAddress(bytes) if bytes.len() == 8 || bytes.len() == 32 => {
                        let (address, mask) = bytes.split_at(bytes.len() / 2);
                        let list = if permitted { &mut read.permitted_ip } else { &mut read.excluded_ip };
                        list.push((address.to_vec(), mask.to_vec()));
                    }
                    _ => read.others = true,
                }
            }
        }
        read
    }

    /// The first of the names that the CA may not issue for.
    pub fn violated_by<'s>(&self, sans: &'s [San]) -> Option<&'s San> {
        sans.iter().find(|san| match san {
            San::Dns(name) => {
                let name = name.to_ascii_lowercase();
                let within = |base: &String| is_within(&name, base);
                self.excluded_dns.iter().any(within)
                    || (!self.permitted_dns.is_empty() && !self.permitted_dns.iter().any(within))
            }
            San::Ip(ip) => {
                let bytes = match ip {
                    IpAddr::V4(v4) => v4.octets().to_vec(),
                    IpAddr::V6(v6) => v6.octets().to_vec(),
                };
                let within = |net: &Net| {
                    net.0.len() == bytes.len() && (0..bytes.len()).all(|i| bytes[i] & net.1[i] == net.0[i] & net.1[i])
                };
                self.excluded_ip.iter().any(within)
                    || (!self.permitted_ip.is_empty() && !self.permitted_ip.iter().any(within))
            }
            San::Email(_) | San::Uri(_) => false,
        })
    }

    /// There are constraints that [`Constraints::violated_by`] cannot judge.
    pub fn are_more_than_checked(&self) -> bool {
        self.others
    }
}

/// As openssl and Go read it: below `.example.net`, with a dot in front, the name itself is not.
fn is_within(name: &str, base: &str) -> bool {
    match name.strip_suffix(base) {
        Some(rest) if base.starts_with('.') => !rest.is_empty(),
        Some(rest) => rest.is_empty() || rest.ends_with('.') || base.is_empty(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_in_front_leaves_the_name_itself_out() {
        for (name, base, within) in [
            ("a.example", "example", true),
            ("example", "example", true),
            ("anexample", "example", false),
            ("a.example", ".example", true),
            ("example", ".example", false),
            (".example", ".example", false),
            ("anything", "", true),
        ] {
            assert_eq!(is_within(name, base), within, "{name} in {base:?}");
        }
    }

    #[test]
    fn names_outside_what_is_permitted_or_inside_what_is_excluded() {
        let constraints = Constraints {
            permitted_dns: vec!["example.net".into()],
            excluded_dns: vec!["secret.example.net".into()],
            permitted_ip: vec![(vec![10, 0, 0, 0], vec![255, 0, 0, 0])],
            ..Constraints::default()
        };
        let first = |sans: &[&str]| {
            let sans: Vec<San> = sans.iter().map(|s| San::classify(s).unwrap()).collect();
            constraints.violated_by(&sans).map(San::to_string)
        };
        assert_eq!(first(&["a.example.net", "EXAMPLE.net", "10.1.2.3", "a@b"]), None);
        assert_eq!(first(&["notexample.net"]).as_deref(), Some("DNS:notexample.net"));
        assert_eq!(first(&["x.secret.example.net"]).as_deref(), Some("DNS:x.secret.example.net"));
        assert_eq!(first(&["11.0.0.1"]).as_deref(), Some("IP:11.0.0.1"));
        assert_eq!(first(&["fd00::1"]).as_deref(), Some("IP:fd00::1"));
    }
}
