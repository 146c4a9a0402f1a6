//! Distributions whose archives are known: where they are, and the keys that they are signed with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::facts::Os;
use crate::inventory::PackageArchive;

/// Fingerprints of the keys that Debian and Ubuntu sign their archives with, and what each is. Keys are read wherever they
/// lie, and count by these; they are in the packages debian-archive-keyring and ubuntu-keyring, and on the distributions' sites.
pub const FINGERPRINTS: [(&str, &str); 11] = [
    ("1F89983E0081FDE018F3CC9673A4F27B8DD47936", "Debian 11, archive"),
    ("AC530D520F2F3269F5E98313A48449044AAD5C5D", "Debian 11, security"),
    ("A4285295FC7B1A81600062A9605C66F00D6C9793", "Debian 11, stable release"),
    ("B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8", "Debian 12, archive"),
    ("05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0", "Debian 12, security"),
    ("4D64FEC119C2029067D6E791F8D2585B8783D481", "Debian 12, stable release"),
    ("04B54C3CDCA79751B16BC6B5225629DF75B188BD", "Debian 13, archive"),
    ("5E04A1E3223A19A20706E20F9904613D4CCE68C6", "Debian 13, security"),
    ("41587F7DB8C774BCCF131416762F67A0B2C39DE4", "Debian 13, stable release"),
    ("790BC7277767219C42C86F933B4FE6ACC0B21F32", "Ubuntu, archive, 2012"),
    ("F6ECB3762474EDA9D21B7022871920D1991BC93C", "Ubuntu, archive, 2018"),
];

/// What an inventory writes where a mirror has no security archive of its own.
const NONE: &str = "none";

/// One suite of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Address of the archive, without a slash at its end.
    pub address: String,
    /// For example `bookworm-updates`.
    pub suite: String,
    /// Parts of it that are read.
    pub components: &'static [&'static str],
}

/// The suites that a host's packages come from, and the keyring that the inventory names for them.
///
/// # Errors
/// Input: the distribution is not known, and the inventory names no archive of it.
pub fn archives(
    os: &Os,
    arch: &str,
    named: &BTreeMap<String, PackageArchive>,
) -> Result<(Vec<Archive>, Option<PathBuf>)> {
    let Os { id, codename, pretty, .. } = os;
    let own = named.get(id).cloned().unwrap_or_default();
    let is_word =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    if !is_word(codename) || !is_word(arch) {
        return Err(Error::remote(format!("nobody knows which release {pretty:?} is: it says no VERSION_CODENAME"))
            .hint("install the packages there by hand, with the host's own apt-get"));
    }
    let default = match (id.as_str(), arch) {
        ("debian", _) => Some("https://deb.debian.org/debian"),
        ("ubuntu", "amd64") => Some("http://archive.ubuntu.com/ubuntu"),
        ("ubuntu", _) => Some("http://ports.ubuntu.com/ubuntu-ports"),
        _ => None,
    };
    let trimmed = |address: &str| address.trim_end_matches('/').to_owned();
    let Some(mirror) = own.mirror.as_deref().or(default).map(trimmed) else {
        return Err(Error::input(format!("no archive of {pretty} is known here"))
            .hint(format!("name one, and its keyring: `packages: {{{id}: {{mirror: https://…, keyring: FILE}}}}`"))
            .hint("or install the packages there by hand"));
    };
    let (components, security): (&'static [&'static str], _) = match id.as_str() {
        "ubuntu" => (&["main", "universe"], own.security.clone().unwrap_or_else(|| mirror.clone())),
        _ => (&["main"], own.security.clone().unwrap_or_else(|| format!("{mirror}-security"))),
    };
    let of = |address: &str, suite: String| Archive { address: address.to_owned(), suite, components };
    let mut archives = vec![of(&mirror, codename.clone()), of(&mirror, format!("{codename}-updates"))];
    if security != NONE {
        archives.push(of(&trimmed(&security), format!("{codename}-security")));
    }
    Ok((archives, own.keyring))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn os(id: &str, codename: &str) -> Os {
        Os { id: id.into(), version: "1".into(), codename: codename.into(), pretty: format!("{id} {codename}") }
    }

    fn said(os: &Os, arch: &str, named: &[(&str, PackageArchive)]) -> Vec<String> {
        let named = named.iter().map(|(id, archive)| ((*id).to_owned(), archive.clone())).collect();
        let line = |one: Archive| format!("{} {} {}", one.address, one.suite, one.components.join(","));
        archives(os, arch, &named).map_or_else(|e| vec![e.message], |(all, _)| all.into_iter().map(line).collect())
    }

    #[test]
    fn each_distribution_has_its_archives_and_the_inventory_may_name_others() {
        let mirror = |mirror: &str, security: Option<&str>| PackageArchive {
            mirror: Some(mirror.into()),
            security: security.map(str::to_owned),
            keyring: None,
        };
        let rows = [
            said(&os("debian", "bookworm"), "amd64", &[]),
            said(&os("ubuntu", "noble"), "amd64", &[]),
            said(&os("ubuntu", "noble"), "arm64", &[]),
            said(&os("debian", "bookworm"), "amd64", &[("debian", mirror("http://site/debian/", None))]),
            said(&os("debian", "bookworm"), "amd64", &[("debian", mirror("http://site/debian", Some("none")))]),
            said(&os("mint", "wilma"), "amd64", &[("debian", mirror("http://site/debian", None))]),
            said(&os("debian", ""), "amd64", &[]),
            said(&os("debian", "../x"), "amd64", &[]),
        ];
        insta::assert_snapshot!(rows.map(|row| row.join("\n")).join("\n\n"), @r#"
        https://deb.debian.org/debian bookworm main
        https://deb.debian.org/debian bookworm-updates main
        https://deb.debian.org/debian-security bookworm-security main

        http://archive.ubuntu.com/ubuntu noble main,universe
        http://archive.ubuntu.com/ubuntu noble-updates main,universe
        http://archive.ubuntu.com/ubuntu noble-security main,universe

        http://ports.ubuntu.com/ubuntu-ports noble main,universe
        http://ports.ubuntu.com/ubuntu-ports noble-updates main,universe
        http://ports.ubuntu.com/ubuntu-ports noble-security main,universe

        http://site/debian bookworm main
        http://site/debian bookworm-updates main
        http://site/debian-security bookworm-security main

        http://site/debian bookworm main
        http://site/debian bookworm-updates main

        no archive of mint wilma is known here

        nobody knows which release "debian " is: it says no VERSION_CODENAME

        nobody knows which release "debian ../x" is: it says no VERSION_CODENAME
        "#);
    }
}
