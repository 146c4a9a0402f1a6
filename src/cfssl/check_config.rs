//! What cfssl says against a signing configuration, before the engine reads it.

use serde_json::Value;

use super::failure::Failure;
use super::{go_duration, go_json, go_types};
use crate::pki::{self, NameWhitelist, Usage};

/// The first mistake that cfssl finds. Profiles are looked at in the order of their names; cfssl has none.
pub fn check(text: &[u8]) -> Result<(), Failure> {
    let unreadable = |words: String| Failure::policy(&format!("failed to unmarshal configuration: {words}"));
    let json = go_json::parse(text).map_err(unreadable)?;
    go_types::check(&json, &go_types::CONFIG).map_err(unreadable)?;
    let config = pki::parse_json(text, "the configuration")?;
    let Some(signing) = config.get("signing").filter(|signing| !signing.is_null()) else {
        return Err(Failure::text("No \"signing\" field present"));
    };
    let default = signing.get("default").filter(|default| !default.is_null());
    if let Some(default) = default {
        check_profile(default, &config)?;
    }
    let profiles: Vec<_> = signing.get("profiles").and_then(Value::as_object).into_iter().flatten().collect();
    for (_, profile) in &profiles {
        check_profile(profile, &config)?;
    }
    let valid = default.is_none_or(|profile| remote(profile).is_some() || lives(profile))
        && profiles.iter().all(|(_, profile)| remote(profile).is_some() || has_usage(profile));
    if valid { Ok(()) } else { Err(Failure::policy("invalid configuration")) }
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The server that a profile signs at.
fn remote(profile: &Value) -> Option<&str> {
    let authenticated = profile.get("auth_remote").map_or("", |remote| text(remote, "remote"));
    [text(profile, "remote"), authenticated].into_iter().find(|name| !name.is_empty())
}

fn lives(profile: &Value) -> bool {
    !text(profile, "expiry").parse::<pki::Lifetime>().is_ok_and(pki::Lifetime::is_zero)
}

fn has_usage(profile: &Value) -> bool {
    let usages = profile.get("usages").and_then(Value::as_array).into_iter().flatten();
    usages.filter_map(Value::as_str).any(|usage| Usage::parse(usage).is_ok())
}

fn check_profile(profile: &Value, config: &Value) -> Result<(), Failure> {
    if profile.is_null() {
        return Err(Failure::policy("can't parse nil profile"));
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
        go_duration::check(duration).map_err(|words| Failure::policy(&words))?;
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
        Some(("file", path)) => std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned()),
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
        check(text.as_bytes()).err().map(|e| e.to_string()).unwrap_or_default()
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
