//! What stands further up and holds below, unless something else is written there.

use std::path::{Path as FilePath, PathBuf};

use super::super::model::{self, Defaults, FileNames};
use super::{CA_EXPIRY, Resolving};
use crate::document::Path;
use crate::lifetime::Lifetime;
use crate::pki::KeyKind;

/// What is inherited at a place.
#[derive(Clone)]
pub(super) struct Inherited {
    pub(super) key: (KeyKind, bool),
    pub(super) names: Vec<model::Name>,
    pub(super) expiry: Option<Lifetime>,
    pub(super) ca_expiry: Lifetime,
    pub(super) renew_before: Option<Lifetime>,
    pub(super) ca_renew_before: Option<Lifetime>,
    pub(super) profile: String,
    pub(super) files: FileNames,
    pub(super) folder: PathBuf,
    pub(super) urls: Urls,
}

/// What a CA writes into all that it issues.
#[derive(Clone, Default)]
pub(super) struct Urls {
    pub(super) crl: Option<String>,
    pub(super) ocsp: Option<String>,
    pub(super) issuer: Vec<String>,
}

impl Inherited {
    pub(super) fn top(folder: &FilePath) -> Self {
        Inherited {
            key: (KeyKind::EcdsaP256, false),
            names: Vec::new(),
            expiry: None,
            ca_expiry: CA_EXPIRY,
            renew_before: None,
            ca_renew_before: None,
            profile: "peer".into(),
            files: FileNames {
                certificate: Some("{name}.pem".into()),
                key: Some("{name}-key.pem".into()),
                ..FileNames::default()
            },
            folder: folder.to_owned(),
            urls: Urls::default(),
        }
    }

    pub(super) fn with(&self, defaults: &Defaults, at: &Path, resolving: &mut Resolving) -> Self {
        let mut time = |text: &Option<String>, name: &str| resolving.lifetime(text.as_deref(), &at.key(name));
        let (expiry, ca_expiry) = (time(&defaults.expiry, "expiry"), time(&defaults.ca_expiry, "caExpiry"));
        let renew = time(&defaults.renew_before, "renewBefore");
        let ca_renew = time(&defaults.ca_renew_before, "caRenewBefore");
        if let Some(name) = &defaults.profile {
            resolving.profile(name, &at.key("profile"));
        }
        Inherited {
            key: resolving.key(defaults.key.as_ref(), self.key, &at.key("key")),
            names: defaults.names.clone().unwrap_or_else(|| self.names.clone()),
            expiry: expiry.or(self.expiry),
            ca_expiry: ca_expiry.unwrap_or(self.ca_expiry),
            renew_before: renew.or(self.renew_before),
            ca_renew_before: ca_renew.or(self.ca_renew_before),
            profile: defaults.profile.clone().unwrap_or_else(|| self.profile.clone()),
            files: over(&defaults.files, &self.files),
            folder: self.folder.clone(),
            urls: self.urls.clone(),
        }
    }
}

/// What is written, and below it what is inherited.
pub(super) fn over(written: &FileNames, inherited: &FileNames) -> FileNames {
    FileNames {
        certificate: written.certificate.clone().or_else(|| inherited.certificate.clone()),
        key: written.key.clone().or_else(|| inherited.key.clone()),
        chain: written.chain.clone().or_else(|| inherited.chain.clone()),
        ca: written.ca.clone().or_else(|| inherited.ca.clone()),
    }
}
