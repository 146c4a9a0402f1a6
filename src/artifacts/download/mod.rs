//! The download source.
use super::source::{Job, Supplied, Supplier};
use super::store::OriginKind;
use super::wanted::Wanted;
use crate::error::{Error, Result};
use crate::inventory::Download;

/// The download source.
pub struct DownloadSource;
impl DownloadSource {
    /// With settings.
    pub fn new(_settings: &Download) -> Self {
        DownloadSource
    }
}
impl Supplier for DownloadSource {
    fn title(&self) -> String {
        "download".into()
    }
    fn kind(&self) -> OriginKind {
        OriginKind::Download
    }
    fn supply(&self, wanted: &[Wanted], _job: &Job<'_>) -> Vec<(Wanted, Result<Supplied>)> {
        wanted.iter().map(|t| (t.clone(), Err(Error::artifact("no network")))).collect()
    }
}
