//! Certificates wherever they are: files, folders, kubeconfigs, PKCS#12 stores, live servers; and whether their chains
//! verify.
//!
//! [`gather`] reads what a person names into [`Found`]s; [`judge`] makes an [`Entry`] of each, at a time that is passed
//! in.

mod chain;
mod content;
mod damage;
mod entry;
mod folder;
mod gather;
mod kubeconfig;
mod server;
mod source;
mod starttls;
pub mod tls;

pub use chain::{Pool, Verdict};
pub(crate) use damage::was_certificate;
pub use entry::{Entry, judge};
pub(crate) use folder::{LARGEST, files};
pub use gather::{Gathered, Settings, gather};
pub use server::{Client, Server, covers};
pub use source::Source;
pub(crate) use source::missing;
pub use starttls::StartTls;

use crate::pki::Certificate;

/// A certificate and where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// For people: a path, a path with a kubeconfig's user, `host:port`.
    pub place: String,
    /// The certificate.
    pub certificate: Certificate,
    /// Where it was, CAs are trusted by somebody.
    pub trust: Trust,
    /// The name or address that its server was asked by: its certificate must be for it.
    pub host: Option<String>,
}

/// What is signed in the same way and is no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A CSR.
    Request,
    /// A list of revoked certificates.
    Crl,
}

/// A CSR or CRL and where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// For people: a path.
    pub place: String,
    /// Which of them.
    pub sort: Sort,
    /// DER, which may be broken inside.
    pub der: Vec<u8>,
}

/// How a person came to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It is all that was named: it must hold something.
    Alone,
    /// It was named among others: `*.pem` names keys too.
    Among,
    /// It lies in a folder that was named: what cannot be read there is passed over.
    InFolder,
}

impl Asked {
    /// Of a file that is one of so many that were named.
    pub(crate) fn among(named: usize) -> Self {
        if named == 1 { Asked::Alone } else { Asked::Among }
    }
}

/// Whether a certificate may be the root of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Only when it is self-signed: an intermediate CA in a file is trusted by nobody.
    SelfSigned,
    /// Always: somebody named it as a CA.
    Always,
    /// Never: a server that sends its own root proves nothing.
    Never,
}
