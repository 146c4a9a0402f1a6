//! Identities of the tool's own for as long as the folder has none: a lost or expired certificate of the operator must not
//! keep anybody from asking the cluster what it is. They live in memory, and for an hour.

use time::OffsetDateTime;

use super::{Pair, Trust};
use crate::error::Result;
use crate::lifetime::Lifetime;
use crate::pki::{self, Certificate, CsrSpec, Key, KeyAlgorithm, KeyKind, NameSpec, Profile, Request, Serial};

/// How long one counts, from now.
const LIFE: Lifetime = Lifetime::hours(1);

/// Issues those of `names` that are to be issued and whose CA can sign; they are not written anywhere.
pub(super) fn issue(trust: &mut Trust, names: &[&str], now: OffsetDateTime) -> Result<()> {
    for name in names.iter().filter(|name| trust.to_issue.iter().any(|other| other == *name)) {
        if let Some(pair) = one(trust, name, now)? {
            trust.meanwhile.insert((*name).to_owned(), pair);
        }
    }
    Ok(())
}

fn one(trust: &Trust, name: &str, now: OffsetDateTime) -> Result<Option<Pair>> {
    let Some(row) = trust.table.iter().find(|row| row.name == name) else { return Ok(None) };
    let ca = trust.authority_table.iter().find(|ca| ca.serves.contains(&row.authority));
    let Some((ca, pair)) = ca.and_then(|ca| Some((ca, trust.pairs.get(&ca.name)?))) else { return Ok(None) };
    let Some(key) = &pair.key else { return Ok(None) };
    let certificate = Certificate::from_pem(pair.certificate.as_bytes(), &ca.name)?;
    let authority = pki::Authority::new(certificate, Key::from_pem(key.expose(), &ca.name)?, now)?;
    let group = NameSpec { o: row.organization.clone(), ..NameSpec::default() };
    let names = if row.organization.is_empty() { Vec::new() } else { vec![group] };
    let spec = CsrSpec { cn: row.common_name.clone(), names, ..CsrSpec::default() };
    let key = Key::generate(KeyKind::of(KeyAlgorithm::Ecdsa, Some(256))?)?;
    let request = Request::from_spec(&spec, key.public())?;
    let issued =
        authority.issue(&request, &Profile::new(&["signing", "client auth"], LIFE)?, now, Serial::random()?)?;
    let not_after = issued.certificate.validity().not_after;
    Ok(Some(Pair { certificate: issued.certificate.to_pem(), key: Some(key.to_pem()), not_after }))
}
