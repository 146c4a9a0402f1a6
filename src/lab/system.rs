//! Which system the hosts of a lab have.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A release of Debian.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Debian {
    /// Debian 11.
    #[serde(rename = "11")]
    Bullseye,
    /// Debian 12.
    #[default]
    #[serde(rename = "12")]
    Bookworm,
    /// Debian 13.
    #[serde(rename = "13")]
    Trixie,
}

impl Debian {
    /// All, the oldest first.
    pub const ALL: [Debian; 3] = [Debian::Bullseye, Debian::Bookworm, Debian::Trixie];

    /// As a mirror names it.
    pub fn suite(self) -> &'static str {
        match self {
            Debian::Bullseye => "bullseye",
            Debian::Bookworm => "bookworm",
            Debian::Trixie => "trixie",
        }
    }

    fn number(self) -> &'static str {
        match self {
            Debian::Bullseye => "11",
            Debian::Bookworm => "12",
            Debian::Trixie => "13",
        }
    }
}

impl fmt::Display for Debian {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.number())
    }
}

impl FromStr for Debian {
    type Err = String;

    /// By its number or its name.
    fn from_str(text: &str) -> Result<Self, String> {
        let known = Debian::ALL.into_iter().find(|release| [release.number(), release.suite()].contains(&text));
        known.ok_or_else(|| format!("`{text}` is no release of Debian that a lab has: use 11, 12, 13"))
    }
}

/// What the hosts' tree is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct System {
    /// The release.
    pub debian: Debian,
    /// Nothing but the minimal system, systemd and sshd.
    pub minimal: bool,
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Debian {}{}", self.debian, if self.minimal { ", minimal" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_has_a_number_and_a_name() {
        for release in Debian::ALL {
            assert_eq!(release.to_string().parse(), Ok(release));
            assert_eq!(release.suite().parse(), Ok(release));
            let stored = serde_json::to_string(&release).unwrap();
            assert_eq!(stored, format!("\"{release}\""));
        }
        assert!("10".parse::<Debian>().unwrap_err().contains("use 11, 12, 13"));
    }
}
