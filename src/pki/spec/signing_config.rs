//! cfssl's signing configuration: a default profile and named ones.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::json::{self, Fields};
use super::profile::Profile;
use super::profile_json;
use crate::error::{Error, Result};
use crate::lifetime::Lifetime;
use crate::pki::rules::Rules;
use crate::secret::Secret;
use crate::text::nearest;

/// A default profile and named ones, `{"signing": {"default": …, "profiles": {…}}}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SigningConfig {
    /// Used where no profile is named, and for what a named one leaves out (expiry and URLs).
    pub default: Option<Profile>,
    /// By name.
    pub profiles: BTreeMap<String, Profile>,
    /// Keys that requests over a network are signed with, by name: what profiles refer to.
    pub auth_keys: BTreeMap<String, AuthKey>,
    /// Servers that sign, by name.
    pub remotes: BTreeMap<String, String>,
}

/// One of `auth_keys`. `Debug` does not show the key.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthKey {
    /// `standard`, the only one that there is: HMAC-SHA-256.
    pub kind: String,
    /// Hexadecimal, `env:VARIABLE` or `file:PATH`.
    pub key: Secret,
}

impl std::fmt::Debug for AuthKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthKey").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl SigningConfig {
    /// What cfssl signs with when it gets no configuration: server and client, one year.
    pub fn built_in() -> Result<Self> {
        let usages = ["signing", "key encipherment", "server auth", "client auth"];
        Ok(SigningConfig { default: Some(Profile::new(&usages, Lifetime::hours(8760))?), ..SigningConfig::default() })
    }

    /// From JSON; `what` names the source in errors. Mistakes are named all at once.
    pub fn from_json(text: &[u8], what: &str) -> Result<Self> {
        Ok(Self::read_by(text, what, Rules::Strict)?.0)
    }

    /// As [`SigningConfig::from_json`], by the rules that are given; the second value is warnings.
    pub fn read_by(text: &[u8], what: &str, rules: Rules) -> Result<(Self, Vec<String>)> {
        let (config, warnings) = json::decode_by(text, what, rules, |f| {
            f.ignore("ocsp");
            let auth_keys = f.named("auth_keys", auth_key);
            let remotes = f.members("remotes").into_iter();
            let remotes = remotes.map(|(name, to)| (name, to.as_str().unwrap_or_default().to_owned())).collect();
            let (auth_keys, signing) = (auth_keys.into_iter().collect(), f.object("signing", Self::read));
            signing.map(|signing| SigningConfig { auth_keys, remotes, ..signing })
        })?;
        let config = config.ok_or_else(|| {
            Error::input(format!("{what}: there is no \"signing\" in it"))
                .hint("kbootstrap print-defaults config shows the form")
        })?;
        Error::all(config.mistakes().into_iter().map(|e| e.context(what)))?;
        Ok((config, warnings))
    }

    /// Indented JSON with a final newline, as for a file. Keys and servers of signing over a network are not in it:
    /// kbootstrap makes no such configuration.
    pub fn to_json(&self) -> String {
        // Structs of strings and numbers always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The profile of that name, or the default one, with what it inherits.
    ///
    /// # Errors
    /// `Usage`: there is no profile of that name, or no default one. `Input`: the profile has a mistake.
    pub fn profile(&self, name: Option<&str>) -> Result<Profile> {
        self.profile_by(name, Rules::Strict, &mut Vec::new())
    }

    /// As [`SigningConfig::profile`]; by lenient rules, as with cfssl, a name that does not exist means the default one,
    /// and where there is no default the built-in one.
    pub fn profile_by(&self, name: Option<&str>, rules: Rules, warnings: &mut Vec<String>) -> Result<Profile> {
        let built_in = Self::built_in()?.default;
        let lenient = rules == Rules::Lenient;
        let default = if lenient { self.default.as_ref().or(built_in.as_ref()) } else { self.default.as_ref() };
        let named = name.filter(|n| !n.is_empty() && (lenient || *n != "default"));
        let mut profile = match (named.map(|name| (name, self.profiles.get(name))), default) {
            (Some((_, Some(profile))), _) => profile.clone(),
            (Some((name, None)), Some(default)) => {
                rules.doubt(self.unknown(name), warnings)?;
                default.clone()
            }
            (Some((name, None)), None) => return Err(self.unknown(name)),
            (None, Some(default)) => default.clone(),
            (None, None) => {
                return Err(Error::usage("the signing configuration has no default profile").hint(self.known()));
            }
        };
        if let Some(default) = default {
            profile.expiry = profile.expiry.or(default.expiry);
            profile.ocsp_url = profile.ocsp_url.or_else(|| default.ocsp_url.clone());
            profile.crl_url = profile.crl_url.or_else(|| default.crl_url.clone());
            if profile.issuer_urls.is_empty() {
                profile.issuer_urls.clone_from(&default.issuer_urls);
            }
        }
        let named = name.filter(|n| !n.is_empty()).unwrap_or("default");
        let context = |e: Error| e.of_file().context(format!("profile {named}"));
        if let Some(remote) = &profile.remote {
            return Err(context(
                Error::pki(format!("it signs at the server `{remote}`, which is not supported"))
                    .hint("take \"remote\" and \"auth_remote\" out of the profile to sign with the CA's files"),
            ));
        }
        // The warnings are given when it signs.
        profile.check(rules, &mut Vec::new()).map_err(context)?;
        Ok(profile)
    }

    fn read(f: &mut Fields<'_>) -> Self {
        SigningConfig {
            default: f.object("default", profile_json::read),
            profiles: f.named("profiles", profile_json::read).into_iter().collect(),
            ..SigningConfig::default()
        }
    }

    fn mistakes(&self) -> Vec<Error> {
        let default_expiry = self.default.as_ref().and_then(|d| d.expiry);
        let mut mistakes = Vec::new();
        for (name, profile) in &self.profiles {
            let place = format!("signing.profiles.{name}");
            if profile.remote.is_some() {
                continue;
            }
            if profile.usages.is_empty() {
                mistakes.push(Error::input(format!("{place}: usages are missing")));
            }
            if profile.expiry.or(default_expiry).is_none() && profile.not_after.is_none() {
                mistakes
                    .push(Error::input(format!("{place}: the expiry is missing, and the default profile has none")));
            }
        }
        mistakes.extend(self.dangling());
        mistakes
    }

    /// References to keys and servers that are not there.
    fn dangling(&self) -> Vec<Error> {
        let default = self.default.iter().map(|profile| ("signing.default".to_owned(), profile));
        let named = self.profiles.iter().map(|(name, profile)| (format!("signing.profiles.{name}"), profile));
        let mut mistakes = Vec::new();
        for (place, profile) in default.chain(named) {
            if let Some(name) = &profile.auth_key {
                let problem = self.auth_keys.get(name).map(AuthKey::problem);
                let problem = problem.unwrap_or_else(|| Some("is not in \"auth_keys\"".to_owned()));
                mistakes.extend(problem.map(|p| Error::input(format!("{place}.auth_key: `{name}` {p}"))));
            }
            if let Some(name) = profile.remote.as_ref().filter(|name| !self.remotes.contains_key(*name)) {
                mistakes.push(Error::input(format!("{place}.remote: `{name}` is not in \"remotes\"")));
            }
        }
        mistakes
    }

    fn unknown(&self, name: &str) -> Error {
        let error = Error::usage(format!("there is no profile `{name}` in the signing configuration"));
        error.meant(nearest(name, self.profiles.keys().map(String::as_str)), || self.known())
    }

    fn known(&self) -> String {
        let names: Vec<_> = self.profiles.keys().map(String::as_str).collect();
        if names.is_empty() {
            "it names no profiles".to_owned()
        } else {
            format!("its profiles are: {}", names.join(", "))
        }
    }
}

impl AuthKey {
    /// What makes it of no use; where it is read from a variable or a file, that is not known here.
    fn problem(&self) -> Option<String> {
        if self.kind != "standard" {
            return Some(format!("is of the unknown type `{}`; there is only `standard`", self.kind));
        }
        let key = self.key.expose();
        let elsewhere = key.starts_with(b"env:") || key.starts_with(b"file:");
        let hexadecimal = key.len().is_multiple_of(2) && key.iter().all(u8::is_ascii_hexdigit);
        (!elsewhere && !hexadecimal).then(|| "is not hexadecimal".to_owned())
    }
}

fn auth_key(f: &mut Fields<'_>) -> AuthKey {
    let kind = f.string("type").unwrap_or_default();
    AuthKey { kind, key: Secret::new(f.string("key").unwrap_or_default()) }
}

impl Serialize for SigningConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Signing<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            default: &'a Option<Profile>,
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            profiles: &'a BTreeMap<String, Profile>,
        }
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("signing", &Signing { default: &self.default, profiles: &self.profiles })?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for SigningConfig {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Self::from_json(value.to_string().as_bytes(), "signing configuration").map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SigningConfig> {
        SigningConfig::from_json(text.as_bytes(), "ca-config.json")
    }

    #[test]
    fn round_trips_through_json() {
        let text = r#"{"signing":{"default":{"expiry":"1y","ocsp_url":"http://o"},"profiles":{"Server":{"usages":["signing","s/mime"],"expiry":"90d",
            "not_after":"2030-01-31T00:00:00Z","ca_constraint":{"is_ca":false,"max_path_len":-1},"copy_extensions":true,"allowed_extensions":["1.2.3"],
            "policies":[{"id":"1.2.3","qualifiers":[{"type":"id-qt-cps","value":"http://c"},{"type":"id-qt-unotice","value":"ü"}]}]}}},
            "auth_keys":{}}"#;
        let config = read(text).unwrap();
        assert_eq!(config.profiles["Server"].expiry, Some(Lifetime::hours(2160)));
        assert_eq!(read(&config.to_json()).unwrap(), config);
        assert_eq!(serde_json::from_str::<SigningConfig>(&config.to_json()).unwrap(), config);
    }

    #[test]
    fn named_profiles_inherit_expiry_and_urls_only() {
        let config = read(r#"{"signing":{"default":{"expiry":"2h","crl_url":"http://c","usages":["any"]},"profiles":{"a":{"usages":["signing"],"expiry":"0h"}}}}"#).unwrap();
        let profile = config.profile(Some("a")).unwrap();
        assert_eq!(profile.expiry, Some(Lifetime::hours(2)));
        assert_eq!(profile.crl_url.as_deref(), Some("http://c"));
        assert_eq!(format!("{:?}", profile.usages), r#"["signing"]"#);
    }

    #[test]
    fn mistakes_are_named_all_at_once() {
        let error = read(r#"{"signing":{"default":{"expiry":8760},"profiles":{"a":{"usages":["Server Auth"],"expiry":"8760"},"b":{"ct_log_servers":[],"usage":[]}}}}"#).unwrap_err();
        insta::assert_snapshot!(error.messages(), @r"
        ca-config.json: signing.default.expiry: expected a string, found a number
        ca-config.json: signing.profiles.a.usages[0]: unknown usage `Server Auth`
        ca-config.json: signing.profiles.a.expiry: `8760` is not a length of time: a unit is missing
        ca-config.json: signing.profiles.b.usage: unknown key
        ");
        let error = read(r#"{"signing":{"profiles":{"a":{}}}}"#).unwrap_err();
        assert_eq!(error.message, "ca-config.json: signing.profiles.a: usages are missing");
        assert_eq!(
            error.others[0].message,
            "ca-config.json: signing.profiles.a: the expiry is missing, and the default profile has none"
        );
        insta::assert_snapshot!(read("{}").unwrap_err(), @r#"ca-config.json: there is no "signing" in it"#);
    }

    #[test]
    fn references_must_lead_somewhere() {
        let error = |profile: &str, keys: &str| {
            let text = format!(r#"{{"signing":{{"default":{{"expiry":"1h",{profile}}}}},"auth_keys":{{{keys}}}}}"#);
            read(&text).err().map(|e| e.message).unwrap_or_default()
        };
        assert_eq!(error(r#""auth_key":"k""#, r#""k":{"type":"standard","key":"00ff"}"#), "");
        assert_eq!(error(r#""auth_key":"k""#, r#""k":{"type":"standard","key":"env:SECRET"}"#), "");
        insta::assert_snapshot!(error(r#""auth_key":"k""#, ""), @r#"ca-config.json: signing.default.auth_key: `k` is not in "auth_keys""#);
        insta::assert_snapshot!(error(r#""auth_key":"k""#, r#""k":{"type":"standard","key":"xyz"}"#), @"ca-config.json: signing.default.auth_key: `k` is not hexadecimal");
        insta::assert_snapshot!(error(r#""remote":"r""#, ""), @r#"ca-config.json: signing.default.remote: `r` is not in "remotes""#);
    }

    #[test]
    fn lenient_rules_pass_over_what_cfssl_passes_over() {
        let text =
            r#"{"signing":{"profiles":{"a":{"usages":["signing","Server Auth"],"expiry":"1h","usage":1}}},"x":1}"#;
        let (config, warnings) = SigningConfig::read_by(text.as_bytes(), "c.json", Rules::Lenient).unwrap();
        insta::assert_snapshot!(warnings.join("\n"), @r"
        c.json: signing.profiles.a.usages[1]: unknown usage `Server Auth` (did you mean `server auth`?)
        c.json: signing.profiles.a.usage: unknown key (did you mean `usages`?)
        c.json: x: unknown key (known here are: ocsp, auth_keys, remotes, signing)
        ");
        let mut warnings = Vec::new();
        let profile = config.profile_by(Some("b"), Rules::Lenient, &mut warnings).unwrap();
        assert_eq!(profile.usages.len(), 4, "the built-in one");
        insta::assert_snapshot!(warnings.join("\n"), @"there is no profile `b` in the signing configuration (its profiles are: a)");
    }

    #[test]
    fn a_profile_that_does_not_exist_is_refused() {
        let config = read(r#"{"signing":{"profiles":{"kubernetes":{"usages":["signing"],"expiry":"1h"}}}}"#).unwrap();
        let error = config.profile(Some("kubernets")).unwrap_err();
        insta::assert_snapshot!(error, @"there is no profile `kubernets` in the signing configuration");
        assert_eq!(error.hints, ["did you mean `kubernetes`?"]);
        insta::assert_snapshot!(config.profile(None).unwrap_err(), @"the signing configuration has no default profile");
    }
}
