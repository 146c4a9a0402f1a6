//! Certificates: key algorithm and size, lifetimes.

use crate::cluster::{Authorities, KeyAlgorithm, Pki};
use crate::inventory::{Inventory, Mistake, Path};
use crate::lifetime::Lifetime;

const EXPIRY: &str = "8760h";
const CA_EXPIRY: &str = "87600h";

/// Decides the PKI settings; mistakes are added to `mistakes`.
pub fn resolve(inventory: &Inventory, mistakes: &mut Vec<Mistake>) -> Option<Pki> {
    let settings = &inventory.pki;
    let at = Path::root().key("pki");
    let algorithm = settings.key.as_ref().map_or(KeyAlgorithm::Ecdsa, |key| key.algo);
    let size = settings.key.as_ref().and_then(|key| key.size);
    let key_size = match key_size(algorithm, size) {
        Ok(size) => Some(size),
        Err(mistake) => {
            mistakes.push(Mistake::at(at.key("key").key("size"), mistake.0).hint(mistake.1));
            None
        }
    };
    let expiry = lifetime(&at.key("expiry"), settings.expiry.as_deref().unwrap_or(EXPIRY), mistakes);
    let ca_expiry = lifetime(&at.key("caExpiry"), settings.ca_expiry.as_deref().unwrap_or(CA_EXPIRY), mistakes);
    if let (Some(leaf), Some(ca)) = (expiry, ca_expiry)
        && leaf > ca
    {
        let field = if settings.expiry.is_some() { "expiry" } else { "caExpiry" };
        let message = format!("certificates of {leaf} outlive their CA of {ca}");
        mistakes.push(Mistake::at(at.key(field), message).hint("make caExpiry the longer one"));
    }
    Some(Pki {
        authorities: settings.authorities.unwrap_or(Authorities::Separate),
        algorithm,
        key_size: key_size?,
        expiry: expiry?.to_string(),
        ca_expiry: ca_expiry?.to_string(),
        extra_sans: settings.extra_sans.clone(),
    })
}

/// Bits, or what is wrong and what to do.
fn key_size(algorithm: KeyAlgorithm, size: Option<u32>) -> Result<u32, (String, &'static str)> {
    match (algorithm, size) {
        (KeyAlgorithm::Rsa, None) => Ok(2048),
        (KeyAlgorithm::Rsa, Some(size @ 2048..=8192)) if size.is_multiple_of(2) => Ok(size),
        (KeyAlgorithm::Rsa, Some(size)) => {
            Err((format!("rsa keys of {size} bits are not made"), "use an even number from 2048 to 8192"))
        }
        (KeyAlgorithm::Ecdsa, None) => Ok(256),
        (KeyAlgorithm::Ecdsa, Some(size @ (256 | 384 | 521))) => Ok(size),
        (KeyAlgorithm::Ecdsa, Some(size)) => {
            Err((format!("there is no ecdsa curve of {size} bits"), "use 256, 384 or 521"))
        }
        (KeyAlgorithm::Ed25519, None) => Ok(0),
        (KeyAlgorithm::Ed25519, Some(_)) => Err(("ed25519 keys have one size only".into(), "leave `size` out")),
    }
}

/// Shorter ones expire before anybody can renew them.
const LEAST: Lifetime = Lifetime::hours(1);
/// What Go's `time.Duration` can hold, whole hours: about 292 years.
const MOST: Lifetime = Lifetime::hours(2_562_047);

fn lifetime(path: &Path, text: &str, mistakes: &mut Vec<Mistake>) -> Option<Lifetime> {
    let message = match text.parse::<Lifetime>() {
        Ok(lifetime) if lifetime >= LEAST && lifetime <= MOST => return Some(lifetime),
        Ok(lifetime) if lifetime < LEAST => format!("`{text}` is less than an hour"),
        Ok(_) => format!("`{text}` is longer than {MOST}, the longest that Go programs can hold"),
        Err(error) => error.message,
    };
    mistakes.push(Mistake::at(path.clone(), message).hint("for example 8760h, 365d or 1y"));
    None
}
