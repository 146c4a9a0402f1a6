//! Certificates: key algorithm and size, lifetimes.

use crate::cluster::{Authorities, Pki};
use crate::inventory::{Inventory, Mistake, Path};
use crate::lifetime::Lifetime;
use crate::pki::KeyKind;

const EXPIRY: &str = "8760h";
const CA_EXPIRY: &str = "87600h";

/// Decides the PKI settings; mistakes are added to `mistakes`.
pub fn resolve(inventory: &Inventory, mistakes: &mut Vec<Mistake>) -> Option<Pki> {
    let settings = &inventory.pki;
    let at = Path::root().key("pki");
    let key = settings.key.as_ref().map_or(Ok(KeyKind::EcdsaP256), |key| KeyKind::of(key.algo, key.size));
    let key = key.map_err(|error| {
        let mistake = Mistake::at(at.key("key").key("size"), error.message);
        mistakes.push(error.hints.iter().fold(mistake, Mistake::hint));
    });
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
        key: key.ok()?,
        expiry: expiry?,
        ca_expiry: ca_expiry?,
        extra_sans: settings.extra_sans.clone(),
    })
}

/// Shorter ones expire before anybody can renew them.
const LEAST: Lifetime = Lifetime::hours(1);
const MOST: Lifetime = Lifetime::MOST_IN_GO;

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
