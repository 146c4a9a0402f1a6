//! What cfssl says against a signing configuration, before the engine reads it.

use serde_json::Value;

use crate::cfssl::answers::failure::Failure;
use crate::cfssl::answers::log::Log;
use crate::cfssl::go;
use crate::pki::{self, NameWhitelist, Usage};

/// The first mistake that cfssl finds. Profiles are looked at in the order of their names; cfssl has none. Logs what cfssl
/// says of profiles that point to a server.
pub fn check(text: &[u8], log: &Log) -> Result<(), Failure> {
    let unreadable = |words: String| Failure::policy(&format!("failed to unmarshal configuration: {words}"));
    let json = go::json::parse(text).map_err(unreadable)?;
    go::types::check(&json, &go::types::CONFIG).map_err(unreadable)?;
    let config = pki::parse_json(text, "the configuration", pki::Rules::Lenient)?;
    let Some(signing) = config.get("signing").filter(|signing| !signing.is_null()) else {
        return Err(Failure::text("No \"signing\" field present"));
    };
    let default = signing.get("default").filter(|default| !default.is_null());
    if let Some(default) = default {
        check_profile(default, &config, log)?;
    }
    let profiles: Vec<_> = signing.get("profiles").and_then(Value::as_object).into_iter().flatten().collect();
    for (_, profile) in &profiles {
        check_profile(profile, &config, log)?;
    }
    let valid = default.is_none_or(|profile| is_valid(profile, lives))
        && profiles.iter().all(|(_, profile)| is_valid(profile, has_usage));
    if !valid {
        return Err(Failure::policy("invalid configuration"));
    }
    if default.is_some_and(is_skipped) {
        log.warning(&format!("default profile points to a remote signer: {SKIPPED}"));
    }
    for (name, _) in profiles.iter().filter(|(_, profile)| is_skipped(profile)) {
        log.warning(&format!("Profiles[{name}] points to a remote signer: {SKIPPED}"));
    }
    Ok(())
}

/// cfssl's words.
const SKIPPED: &str = "The configuration value by \"usages\", \"issuer_urls\", \"ocsp_url\", \"crl_url\", \
    \"ca_constraint\", \"expiry\", \"backdate\", \"not_before\", \"not_after\", \"cert_store\" and \
    \"ct_log_servers\" are skipped";

/// A profile that points to a server, and has settings that only those have who sign here.
fn is_skipped(profile: &Value) -> bool {
    let texts = ["ocsp_url", "expiry", "backdate", "not_before", "not_after", "name_whitelist"];
    let lists = ["usages", "issuer_urls"];
    let is_ca = profile.get("ca_constraint").and_then(|constraint| constraint.get("is_ca")?.as_bool());
    let logs = profile.get("ct_log_servers").and_then(Value::as_array);
    remote(profile).is_some()
        && (texts.iter().any(|name| !text(profile, name).is_empty())
            || lists.iter().any(|name| profile.get(name).is_some_and(|list| !list.is_null()))
            || is_ca == Some(true)
            || logs.is_some_and(|logs| !logs.is_empty()))
}

/// Whether cfssl takes the profile; `local` is what one needs that points to no server.
fn is_valid(profile: &Value, local: fn(&Value) -> bool) -> bool {
    let (server, key) = (authenticated(profile, "remote"), authenticated(profile, "auth_key"));
    match (text(profile, "remote"), server) {
        ("", "") => key.is_empty() && local(profile),
        ("", _) => !key.is_empty(),
        (_, server) => server.is_empty() && key.is_empty(),
    }
}

/// A member of `auth_remote`.
fn authenticated<'a>(profile: &'a Value, name: &str) -> &'a str {
    profile.get("auth_remote").map_or("", |remote| text(remote, name))
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The server that a profile signs at.
fn remote(profile: &Value) -> Option<&str> {
    [text(profile, "remote"), authenticated(profile, "remote")].into_iter().find(|name| !name.is_empty())
}

fn lives(profile: &Value) -> bool {
    !text(profile, "expiry").parse::<pki::Lifetime>().is_ok_and(pki::Lifetime::is_zero)
}

fn has_usage(profile: &Value) -> bool {
    let usages = profile.get("usages").and_then(Value::as_array).into_iter().flatten();
    usages.filter_map(Value::as_str).any(|usage| Usage::parse(usage).is_ok())
}

fn check_profile(profile: &Value, config: &Value, log: &Log) -> Result<(), Failure> {
    if profile.is_null() {
        return Err(Failure::policy("can't parse nil profile"));
    }
    if !text(profile, "remote").is_empty() && !authenticated(profile, "remote").is_empty() {
        log.error("profile has both a remote and an auth remote specified");
        return Err(Failure::policy("Invalid or unknown policy"));
    }
    match remote(profile) {
        Some(name) if config.get("remotes").map_or("", |remotes| text(remotes, name)).is_empty() => {
            return Err(Failure::policy("failed to find remote in remotes section"));
        }
        Some(_) => {}
        None => check_life(profile)?,
    }
    check_auth_key(text(profile, "auth_key"), "auth_key", config)?;
    check_auth_key(text(profile, "prev_auth_key"), "prev_auth_key", config)?;
    check_auth_key(authenticated(profile, "auth_key"), "auth_remote's auth_key", config)?;
    let whitelist = text(profile, "name_whitelist");
    if !whitelist.is_empty() && NameWhitelist::new(whitelist).is_err() {
        return Err(Failure::policy("failed to compile name whitelist section"));
    }
    Ok(())
}

fn check_life(profile: &Value) -> Result<(), Failure> {
    let expiry = text(profile, "expiry");
    if expiry.is_empty() {
        return Err(Failure::policy("empty expiry string"));
    }
    let backdate = Some(text(profile, "backdate")).filter(|text| !text.is_empty());
    for duration in [Some(expiry), backdate].into_iter().flatten() {
        go::duration::check(duration).map_err(|words| Failure::policy(&words))?;
    }
    let policies = profile.get("policies").and_then(Value::as_array).into_iter().flatten();
    let qualifiers = policies.filter_map(|policy| policy.get("qualifiers")?.as_array()).flatten();
    let known = |kind: &str| matches!(kind, "" | "id-qt-unotice" | "id-qt-cps");
    if qualifiers.map(|qualifier| text(qualifier, "type")).all(known) {
        return Ok(());
    }
    Err(Failure::policy("invalid policy qualifier type"))
}

fn check_auth_key(name: &str, field: &str, config: &Value) -> Result<(), Failure> {
    if name.is_empty() {
        return Ok(());
    }
    let Some(key) = config.get("auth_keys").and_then(|keys| keys.get(name)) else {
        return Err(Failure::policy(&format!("failed to find {field} in auth_keys section")));
    };
    if text(key, "type") != "standard" {
        return Err(Failure::policy("unknown authentication type"));
    }
    let key = text(key, "key");
    let value = match key.split_once(':') {
        None => Some(key.to_owned()),
        Some(("env", variable)) => Some(std::env::var(variable).unwrap_or_default()),
        Some(("file", path)) => {
            crate::files::bounded::text(std::path::Path::new(path)).ok().map(|text| text.trim().to_owned())
        }
        Some(_) => None,
    };
    let value = value.map(zeroize::Zeroizing::new);
    match value {
        Some(value) if value.len().is_multiple_of(2) && value.bytes().all(|b| b.is_ascii_hexdigit()) => Ok(()),
        _ => Err(Failure::policy("failed to create new standard auth provider")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        check(text.as_bytes(), &Log::new(9)).err().map(|e| e.to_string()).unwrap_or_default()
    }

    #[test]
    fn speaks_as_cfssl_does() {
        insta::assert_snapshot!(error("{}"), @r#"No "signing" field present"#);
        insta::assert_snapshot!(error(r#"{"signing":{"default":{}}}"#), @r#"{"code":5200,"message":"empty expiry string"}"#);
        insta::assert_snapshot!(error(r#"{"signing":{"default":{"expiry":"1y"}}}"#), @r#"{"code":5200,"message":"time: unknown unit \"y\" in duration \"1y\""}"#);
        insta::assert_snapshot!(error(r#"{"signing":{"profiles":{"a":{"expiry":"1h"}}}}"#), @r#"{"code":5200,"message":"invalid configuration"}"#);
        insta::assert_snapshot!(error(r#"{"signing":{"default":{"expiry":"0h"}}}"#), @r#"{"code":5200,"message":"invalid configuration"}"#);
        insta::assert_snapshot!(error(r#"{"signing":{"default":{"expiry":"1h","auth_key":"k"}}}"#), @r#"{"code":5200,"message":"failed to find auth_key in auth_keys section"}"#);
        assert_eq!(error(r#"{"signing":{"profiles":{"a":{"expiry":"1h","usages":["x","any"]}}}}"#), "");
        assert_eq!(error(r#"{"signing":{"default":{"remote":"r"}},"remotes":{"r":"h:1"}}"#), "");
    }
}
