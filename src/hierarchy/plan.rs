//! What is to be done, as data.

use std::path::PathBuf;

use serde::Serialize;
use time::OffsetDateTime;

use super::item::Kind;
use crate::error::{Error, Result};

/// What is to be done about every item, in the order of the hierarchy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// One per item.
    pub steps: Vec<Step>,
    /// Why nothing can be done at all; each names its item.
    pub problems: Vec<Error>,
}

/// What is to be done about one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The item's name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// How it is.
    pub state: State,
    /// What is to be done.
    pub action: Action,
    /// Why, one sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// What a person should look at, although nothing is done about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// When the certificate that is there ends.
    #[serde(skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub not_after: Option<OffsetDateTime>,
    /// Where its certificate lies.
    pub certificate: PathBuf,
}

/// How an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it is to be.
    Good,
    /// Not there.
    Missing,
    /// About to expire.
    Due,
    /// Expired.
    Expired,
    /// Not as it is specified.
    Changed,
    /// Something with it is wrong.
    Wrong,
    /// There, but its CA is wrong: nothing more can be said before that is mended.
    Unknown,
}

/// What is to be done about an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Nothing.
    Keep,
    /// Make a key and a certificate.
    Make,
    /// Issue a certificate for the key that is there.
    Issue,
    /// Issue a CA's certificate once more, with the same key and subject.
    Renew,
    /// Write its chain files; the certificate stays.
    Chain,
}

impl Plan {
    /// Nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.changes() == 0
    }

    /// How many items something is to be done about.
    pub fn changes(&self) -> usize {
        self.steps.iter().filter(|step| step.action != Action::Keep).count()
    }

    /// Something that a person should look at, and that is done only when a flag asks for it.
    pub fn warns(&self) -> bool {
        self.steps.iter().any(|step| !step.warnings.is_empty())
    }

    /// Every problem at once.
    ///
    /// # Errors
    /// PKI.
    pub fn check(&self) -> Result<()> {
        Error::all(self.problems.clone())
    }
}
