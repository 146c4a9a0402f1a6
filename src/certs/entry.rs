//! What is reported of each certificate that was found.

use serde::Serialize;
use time::OffsetDateTime;

use super::chain::{Pool, Verdict};
use super::{Found, server};
use crate::error::Result;
use crate::parallel;
use crate::pki::{Certificate, CertificateInfo};

/// A certificate, where it was, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Where it was.
    pub place: String,
    /// Whole days until it ends; once it has, the whole days since then, negative.
    pub days_left: i64,
    /// It has ended.
    pub ended: bool,
    /// Whether its chain verifies.
    pub chain: Verdict,
    /// What is in it.
    pub certificate: CertificateInfo,
    /// It.
    #[serde(skip)]
    pub whole: Certificate,
}

/// All that were found, those that end first first. `named` are the CAs to be trusted in place of those found.
pub fn judge(found: Vec<Found>, named: &[Certificate], now: OffsetDateTime) -> Result<Vec<Entry>> {
    let infos = parallel::each(&found, parallel::cores(), |found| Ok(CertificateInfo::of(&found.certificate)));
    let found = found.into_iter().zip(infos).map(|(found, info)| Ok((found, info?))).collect::<Result<Vec<_>>>()?;
    let pool = Pool::new(&found, named, now)?;
    let verdicts = parallel::each(&found, parallel::cores(), |(found, info)| verdict(&pool, found, info));
    let entries = found.into_iter().zip(verdicts).map(|((found, certificate), chain)| {
        let days_left = certificate.days_left(now);
        let ended = certificate.not_after < now;
        Entry { place: found.place, days_left, ended, chain, certificate, whole: found.certificate }
    });
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by(|a, b| (a.certificate.not_after, &a.place).cmp(&(b.certificate.not_after, &b.place)));
    Ok(entries)
}

fn verdict(pool: &Pool, found: &Found, info: &CertificateInfo) -> Verdict {
    let verdict = pool.verdict(&found.certificate, info);
    match &found.host {
        Some(host) if verdict.verified && !server::covers(&info.sans, host) => {
            Verdict::bad(format!("it is not for {host}"))
        }
        _ => verdict,
    }
}
