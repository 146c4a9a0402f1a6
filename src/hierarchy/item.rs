//! A specification with everything decided: one entry per CA and certificate, CAs before what they issue.

use std::path::PathBuf;

use serde::Serialize;
use time::OffsetDateTime;

use crate::lifetime::Lifetime;
use crate::pki::{CaConstraint, CsrSpec, KeyKind, Profile};

/// All CAs and certificates; each CA stands before what it issues.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hierarchy {
    /// In that order.
    pub items: Vec<Item>,
}

/// A CA or a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name; no other has it.
    pub name: String,
    /// The CA that issues it, by its place in the list; none: it is a root.
    pub issuer: Option<usize>,
    /// What it is.
    pub kind: Kind,
    /// It is brought by a person.
    pub external: bool,
    /// What is reason enough to issue it again.
    pub upkeep: Upkeep,
    /// Subject, names and key.
    pub spec: CsrSpec,
    /// The key that `spec` asks for.
    pub key: KeyKind,
    /// A new key is written as PKCS#8.
    pub pkcs8: bool,
    /// Usages, life and addresses, as its CA writes them into it.
    pub profile: Profile,
    /// How long before its end it is due; none: by [`Item::due_from`]'s default.
    pub renew_before: Option<Lifetime>,
    /// Where it lies.
    pub files: Files,
}

/// What is reason enough to issue an item again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Upkeep {
    /// Any difference from its specification, and that its end comes.
    #[default]
    Specified,
    /// That it does not do what its specification needs: further names, another kind of key, another life are none, and an
    /// end that has come is a person's to mend.
    Needed,
    /// Nothing, it is a person's own: where it does not do what is needed, that is a problem.
    Brought,
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A certificate authority.
    Authority,
    /// A certificate.
    Certificate,
}

/// Where an item's files lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Files {
    /// Certificate.
    pub certificate: PathBuf,
    /// Key.
    pub key: PathBuf,
    /// Certificate and intermediate CAs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<PathBuf>,
    /// CAs up to the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
}

impl Files {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.certificate, &self.key].into_iter().chain(&self.chain).chain(&self.ca)
    }
}

impl Kind {
    /// As messages name it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Authority => "CA",
            Kind::Certificate => "certificate",
        }
    }
}

impl Item {
    /// `CA root`, `certificate web`.
    pub fn title(&self) -> String {
        format!("{} {}", self.kind.word(), self.name)
    }

    /// From when on a certificate of this item with this life is due: `renewBefore` before its end. By default a third of its
    /// life, at most 30 days, of CAs at most a year. Never before half of its life is over, whatever is written: a
    /// certificate would otherwise be due the moment it is issued.
    pub fn due_from(&self, begin: OffsetDateTime, end: OffsetDateTime) -> OffsetDateTime {
        let life = end - begin;
        let most = match self.kind {
            Kind::Authority => time::Duration::days(365),
            Kind::Certificate => time::Duration::days(30),
        };
        let third: time::Duration = life / 3;
        let before = self.renew_before.map_or(third.min(most), Lifetime::duration);
        end - before.min(life / 2)
    }

    /// The constraint of a CA with this path length, on all names.
    pub(super) fn constraint(path_length: Option<u32>) -> CaConstraint {
        CaConstraint {
            is_ca: true,
            max_path_len: path_length.map_or(-1, i64::from),
            max_path_len_zero: path_length == Some(0),
            ..CaConstraint::default()
        }
    }
}
