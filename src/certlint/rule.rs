//! What a rule is, and what it finds.

use serde::Serialize;
use time::OffsetDateTime;

use super::cas::Constrained;
use super::view::{KeyFile, View};
use crate::pki::TooMuch;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Notice,
    /// A standard is broken, or somebody trips over it.
    Warning,
    /// Somebody that matters refuses it.
    Error,
}

impl Severity {
    /// `error`, `warning`, `notice`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Notice => "notice",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// One defect that is looked for.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Rule {
    /// For `--ignore`.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in general.
    pub title: &'static str,
    /// Who refuses it or trips over it.
    pub rejected_by: &'static str,
    /// Where it is written.
    pub reference: &'static str,
    #[serde(skip)]
    pub(super) check: Check,
}

/// A pure function from what is looked at to a sentence for each defect in it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Check {
    /// Of a certificate.
    Certificate(fn(&View<'_>, &Context<'_>) -> Vec<String>),
    /// Of a private key in a file.
    Key(fn(&KeyFile, &[u8]) -> Vec<String>),
    /// Of the certificates of one file, in their order.
    Chain(fn(&[View<'_>]) -> Vec<String>),
    /// Of bytes that should be a certificate: done where they are read.
    Reading,
}

/// What a certificate is looked at with.
#[derive(Debug, Clone)]
pub(super) struct Context<'a> {
    pub(super) now: OffsetDateTime,
    /// What the server was asked by that showed it.
    pub(super) asked: Option<&'a str>,
    /// The CAs above it as far as they are among the inputs: first the one that signed it.
    pub(super) above: Vec<&'a View<'a>>,
    /// What those of them that have name constraints say to its names.
    pub(super) constrained: Vec<Constrained<'a>>,
    /// So many of the inputs may have signed it that not all were tried.
    pub(super) too_much: Option<TooMuch>,
    /// A CA of the issuer's name is among the inputs, and none of that name signed it.
    pub(super) forged: bool,
    /// It says that it was signed with its own key, and was not.
    pub(super) broken: bool,
    /// It was signed with its own key.
    pub(super) self_signed: bool,
    /// It is no CA, and this CA has its key.
    pub(super) same_key: Option<&'a View<'a>>,
}

impl<'a> Context<'a> {
    /// Nothing else is at hand.
    pub(super) fn alone(now: OffsetDateTime) -> Self {
        let (asked, too_much, same_key) = (None, None, None);
        let (above, constrained) = (Vec::new(), Vec::new());
        let (forged, broken, self_signed) = (false, false, false);
        Context { now, asked, above, constrained, too_much, forged, broken, self_signed, same_key }
    }

    /// The CA that signed it, where it is among the inputs.
    pub(super) fn issuer(&self) -> Option<&'a View<'a>> {
        self.above.first().copied()
    }
}

/// A defect that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which rule.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// File or server.
    pub place: String,
    /// The certificate's subject, or what else it is.
    pub subject: String,
    /// What is wrong.
    pub what: String,
    /// Who refuses it.
    pub rejected_by: &'static str,
    /// Where it is written.
    pub reference: &'static str,
}

/// For tables of rules.
pub(super) const fn certificate(
    id: &'static str,
    severity: Severity,
    title: &'static str,
    rejected_by: &'static str,
    reference: &'static str,
    check: fn(&View<'_>, &Context<'_>) -> Vec<String>,
) -> Rule {
    Rule { id, severity, title, rejected_by, reference, check: Check::Certificate(check) }
}

/// One sentence, if it holds.
pub(super) fn when(holds: bool, what: impl Into<String>) -> Vec<String> {
    if holds { vec![what.into()] } else { Vec::new() }
}
