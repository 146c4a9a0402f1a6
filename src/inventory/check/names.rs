//! Names: what DNS, certificates and Kubernetes take (RFC 1123, RFC 5280).

use std::net::IpAddr;

use super::addresses;
use crate::document::Mistake;
use crate::document::Path;
use crate::document::lookalike::{self, Odd};
use crate::inventory::model::Inventory;

/// The cluster's name, its DNS domain and the certificates' further names.
pub fn cluster(inventory: &Inventory) -> Vec<Mistake> {
    let root = Path::root();
    let mut mistakes = vec![];
    mistakes.extend(wrong(root.key("cluster"), &inventory.cluster, "cluster name", label));
    if let Some(domain) = &inventory.networks.dns_domain {
        mistakes.extend(wrong(root.key("networks").key("dnsDomain"), domain, "DNS domain", subdomain));
    }
    for (i, san) in inventory.pki.extra_sans.iter().enumerate() {
        mistakes.extend(wrong(root.key("pki").key("extraSans").index(i), san, "certificate name", alternative_name));
    }
    mistakes
}

/// The mistake in a name, when `rule` finds one; an odd character comes first, because it is hard to see.
pub fn wrong(path: Path, name: &str, what: &str, rule: fn(&str) -> Result<(), String>) -> Option<Mistake> {
    if let Some(odd) = lookalike::find(name) {
        return Some(odd_mistake(&path, name, what, odd).hint(ascii_name(name, &odd, rule)));
    }
    let why = rule(name).err()?;
    let mistake = Mistake::at(path, format!("{what} `{name}` {why}"));
    let better = name.trim().to_lowercase().replace(['_', ' '], "-");
    if better != name && rule(&better).is_ok() {
        return Some(mistake.hint(format!("for example `{better}`")));
    }
    let one = !name.contains([',', ';', ' ']);
    Some(match addresses::peel(name).filter(|peeled| one && rule(&peeled.host).is_ok()) {
        Some(peeled) => mistake.hint(format!("write `{}`", peeled.host)),
        None => addresses::form(name).into_iter().fold(mistake, Mistake::hint),
    })
}

/// The mistake of a text that holds a character outside printable ASCII.
pub fn not_ascii(path: &Path, text: &str, what: &str) -> Option<Mistake> {
    odd(path, text, what).map(|(mistake, remedy)| mistake.hint(remedy))
}

/// The same, and what to write in the place of the character.
pub fn odd(path: &Path, text: &str, what: &str) -> Option<(Mistake, String)> {
    let odd = lookalike::find(text)?;
    Some((odd_mistake(path, text, what, odd), odd.remedy()))
}

fn odd_mistake(path: &Path, text: &str, what: &str, odd: Odd) -> Mistake {
    Mistake::at(path.clone(), format!("{what} `{text}` holds a {}", odd.describe())).char(odd.offset)
}

/// What to write in the place of a name with an odd character.
fn ascii_name(name: &str, odd: &Odd, rule: fn(&str) -> Result<(), String>) -> String {
    let ascii = lookalike::to_ascii(name);
    let parts: Vec<&str> = ascii.split([',', ';', ' ']).filter(|part| !part.is_empty()).collect();
    let good = !parts.is_empty() && parts.iter().all(|part| rule(part).is_ok());
    match parts.as_slice() {
        [one] if good => format!("write `{one}`"),
        several if good => {
            let ascii = lookalike::to_ascii(&odd.char.to_string());
            format!(
                "the ASCII one is `{ascii}`; one name goes here, and these are {}: `{}`",
                several.len(),
                several.join("`, `")
            )
        }
        _ => odd.remedy(),
    }
}

/// A DNS label: lower-case letters, digits and `-`, at most 63, beginning and ending with a letter or digit.
///
/// # Errors
/// What is wrong, as the end of a sentence.
pub fn label(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("is empty".into());
    }
    if name.len() > 63 {
        return Err(format!("has {} characters, 63 are allowed", name.len()));
    }
    if let Some(bad) = name.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
        return Err(format!("holds `{bad}`: lower-case letters, digits and `-` are allowed"));
    }
    if name.starts_with('-') || name.ends_with('-') {
        return Err("must begin and end with a letter or digit".into());
    }
    Ok(())
}

/// Labels with dots between them, at most 253 characters.
///
/// # Errors
/// What is wrong, as the end of a sentence.
pub fn subdomain(name: &str) -> Result<(), String> {
    if name.len() > 253 {
        return Err(format!("has {} characters, 253 are allowed", name.len()));
    }
    if name.is_empty() {
        return Err("is empty".into());
    }
    for part in name.split('.') {
        label(part).map_err(|why| match part {
            "" => "has an empty part between its dots".into(),
            _ => why,
        })?;
    }
    Ok(())
}

/// A host name that is no address: digits and dots alone are an address that went wrong.
///
/// # Errors
/// What is wrong, as the end of a sentence.
pub fn host_name(name: &str) -> Result<(), String> {
    subdomain(name)?;
    let last = name.rsplit('.').next().unwrap_or(name);
    if last.bytes().all(|b| b.is_ascii_digit()) && name.contains('.') {
        return Err("is neither an address nor a name".into());
    }
    Ok(())
}

/// A subject alternative name: an IP address, a DNS name, or a DNS name under a leading `*.`.
fn alternative_name(name: &str) -> Result<(), String> {
    if name.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    if name.contains([',', ';', ' ']) {
        return Err("looks like several names: write one per list entry".into());
    }
    host_name(&name.strip_prefix("*.").unwrap_or(name).to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_dns_takes() {
        for name in ["a", "node-1", "1a", &"x".repeat(63)] {
            assert_eq!(label(name), Ok(()), "{name}");
        }
        for name in ["node-1.example.com", "10-0-0-1"] {
            assert_eq!(host_name(name), Ok(()), "{name}");
        }
        for name in ["10.0.0.1", "::1", "*.example.com", "API.example.com"] {
            assert_eq!(alternative_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_that_it_does_not() {
        assert_eq!(label("").unwrap_err(), "is empty");
        assert_eq!(label("-a").unwrap_err(), "must begin and end with a letter or digit");
        assert_eq!(label("a_b").unwrap_err(), "holds `_`: lower-case letters, digits and `-` are allowed");
        assert_eq!(label(&"x".repeat(64)).unwrap_err(), "has 64 characters, 63 are allowed");
        assert_eq!(subdomain("a..b").unwrap_err(), "has an empty part between its dots");
        assert_eq!(host_name("10.0.0.256").unwrap_err(), "is neither an address nor a name");
        assert!(alternative_name("a.b, c.d").is_err());
        assert!(alternative_name("a.*.b").is_err());
    }
}
