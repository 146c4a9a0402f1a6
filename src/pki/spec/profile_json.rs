//! Reading a [`Profile`] from cfssl's JSON.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::json::Fields;
use super::profile::{CaConstraint, Profile};
use super::subtrees_json;
use super::whitelist::{CsrWhitelist, NameWhitelist};
use crate::error::{Error, Result};
use crate::lifetime::Lifetime;
use crate::pki::encoding::oid;
use crate::pki::x509::extension::{Policy, Qualifier};
use crate::pki::x509::usage::Usage;

pub(crate) fn read(f: &mut Fields<'_>) -> Profile {
    let profile = Profile {
        usages: f.known_parsed("usages", Usage::parse),
        expiry: f.parsed("expiry", expiry).filter(|e| !e.is_zero()),
        backdate: f.parsed("backdate", optional_lifetime).flatten(),
        not_before: f.parsed("not_before", moment).flatten(),
        not_after: f.parsed("not_after", moment).flatten(),
        issuer_urls: f.all_parsed("issuer_urls", url),
        ocsp_url: f.parsed("ocsp_url", url).filter(|u| !u.is_empty()),
        crl_url: f.parsed("crl_url", url).filter(|u| !u.is_empty()),
        ocsp_no_check: f.bool("ocsp_no_check"),
        ca_constraint: f.object("ca_constraint", ca_constraint).unwrap_or_default(),
        copy_extensions: f.bool("copy_extensions"),
        allowed_extensions: f.all_parsed("allowed_extensions", oid::parse),
        policies: f.objects("Policies", policy),
        name_whitelist: f.parsed("name_whitelist", name_whitelist).flatten(),
        csr_whitelist: f.object("CSRWhitelist", csr_whitelist),
        client_provides_serial_numbers: f.bool("ClientProvidesSerialNumbers"),
        auth_key: f.string("auth_key").filter(|name| !name.is_empty()),
        remote: remote(f),
    };
    let logs = f.strings("ct_log_servers");
    if !logs.is_empty() {
        f.error("ct_log_servers", Error::input("not supported: no certificate is sent to a transparency log"));
    }
    // What a database and a linter would use: signing here needs none of them.
    for name in ["prev_auth_key", "cert_store", "lint_error_level", "ignored_lints", "ignored_lint_sources"] {
        f.ignore(name);
    }
    profile
}

fn name_whitelist(text: &str) -> Result<Option<NameWhitelist>> {
    if text.is_empty() { Ok(None) } else { NameWhitelist::new(text).map(Some) }
}

fn csr_whitelist(f: &mut Fields<'_>) -> CsrWhitelist {
    CsrWhitelist {
        subject: f.bool("Subject"),
        public_key_algorithm: f.bool("PublicKeyAlgorithm"),
        public_key: f.bool("PublicKey"),
        signature_algorithm: f.bool("SignatureAlgorithm"),
        dns_names: f.bool("DNSNames"),
        ip_addresses: f.bool("IPAddresses"),
        email_addresses: f.bool("EmailAddresses"),
        uris: f.bool("URIs"),
    }
}

/// `remote`, or the one in `auth_remote`.
fn remote(f: &mut Fields<'_>) -> Option<String> {
    let plain = f.string("remote").filter(|name| !name.is_empty());
    let authenticated = f.object("auth_remote", |f| {
        f.ignore("auth_key");
        f.string("remote").filter(|name| !name.is_empty())
    });
    plain.or(authenticated.flatten())
}

fn expiry(text: &str) -> Result<Lifetime> {
    let lifetime: Lifetime = text.parse()?;
    if lifetime.is_negative() {
        return Err(Error::input(format!("`{text}` is negative: the certificate would have ended before it begins")));
    }
    Ok(lifetime)
}

fn optional_lifetime(text: &str) -> Result<Option<Lifetime>> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}

fn moment(text: &str) -> Result<Option<OffsetDateTime>> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = |_| Error::input(format!("`{text}` is not a time")).hint("write for example 2030-01-31T00:00:00Z");
    OffsetDateTime::parse(text, &Rfc3339).map(Some).map_err(wrong)
}

/// A URL stands in an IA5String.
fn url(text: &str) -> Result<String> {
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        None => Ok(text.to_owned()),
        Some(bad) => Err(Error::input(format!("URL `{}` has the character {bad:?}", text.escape_debug()))),
    }
}

fn ca_constraint(f: &mut Fields<'_>) -> CaConstraint {
    let max_path_len = f.integer("max_path_len").unwrap_or(0);
    if !(-1..=255).contains(&max_path_len) {
        f.error("max_path_len", Error::input(format!("{max_path_len} is not between -1 and 255")));
    }
    let (is_ca, max_path_len_zero) = (f.bool("is_ca"), f.bool("max_path_len_zero"));
    let (permitted, excluded) = subtrees_json::read(f);
    CaConstraint { is_ca, max_path_len, max_path_len_zero, permitted, excluded }
}

fn policy(f: &mut Fields<'_>) -> Policy {
    let id = f.parsed("ID", oid::parse);
    if id.is_none() {
        f.error("ID", Error::input("a policy needs an identifier such as \"1.2.3\""));
    }
    let qualifiers = f.objects("Qualifiers", qualifier).into_iter().flatten().collect();
    Policy { id: id.unwrap_or_default(), qualifiers }
}

fn qualifier(f: &mut Fields<'_>) -> Option<Qualifier> {
    let value = f.string("Value").unwrap_or_default();
    match f.string("Type").as_deref() {
        Some("id-qt-cps") if value.is_ascii() => Some(Qualifier::Cps(value)),
        Some("id-qt-cps") => {
            f.error("Value", Error::input("a CPS URL is plain ASCII"));
            None
        }
        Some("id-qt-unotice") => Some(Qualifier::Notice(value)),
        other => {
            let other = other.unwrap_or_default();
            f.error("Type", Error::input(format!("`{other}` is neither id-qt-cps nor id-qt-unotice")));
            None
        }
    }
}
