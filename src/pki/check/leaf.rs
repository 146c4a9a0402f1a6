//! Which of the certificates of a file is the one that the others belong to.

use crate::error::{Error, Result};
use crate::pki::x509::certificate::Certificate;

/// The certificate that issued none of the others, and those others. Where there are several, the only one that is no
/// CA. The order is of no matter.
pub fn leaf_and_rest(given: &[Certificate]) -> Result<(Certificate, Vec<Certificate>)> {
    let mut all: Vec<&Certificate> = Vec::new();
    for certificate in given {
        if !all.contains(&certificate) {
            all.push(certificate);
        }
    }
    let issued_none = |one: &Certificate| all.iter().all(|other| *other == one || !issued(one, other));
    let mut candidates: Vec<&Certificate> = all.iter().copied().filter(|one| issued_none(one)).collect();
    if candidates.len() > 1 && candidates.iter().any(|one| !one.is_ca()) {
        candidates.retain(|one| !one.is_ca());
    }
    match candidates.as_slice() {
        [leaf] => {
            let rest = all.iter().filter(|other| *other != leaf).map(|other| (*other).clone());
            Ok(((*leaf).clone(), rest.collect()))
        }
        [] => Err(Error::pki("there is no certificate in it that issued none of the others")),
        several => {
            let names = several.iter().map(|one| format!("`{}`", one.subject())).collect::<Vec<_>>().join(" and ");
            Err(Error::pki(format!("the chain could be that of {names}")).hint("leave one of them in the file"))
        }
    }
}

/// By name, and by signature as far as that can be checked: a leaf may have its CA's name.
fn issued(ca: &Certificate, certificate: &Certificate) -> bool {
    let made = || ca.public_key().ok().and_then(|key| certificate.made_with(key)).unwrap_or(true);
    ca.subject() == certificate.issuer() && made()
}
