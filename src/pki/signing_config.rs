//! cfssl's signing configuration: a default profile and named ones.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::json::{self, Fields};
use super::profile::Profile;
use super::profile_json;
use crate::error::{Error, Result};
use crate::lifetime::Lifetime;

/// A default profile and named ones, `{"signing": {"default": …, "profiles": {…}}}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SigningConfig {
    /// Used where no profile is named, and for what a named one leaves out (expiry and URLs).
    pub default: Option<Profile>,
    /// By name.
    pub profiles: BTreeMap<String, Profile>,
}

impl SigningConfig {
    /// What cfssl signs with when it gets no configuration: server and client, one year.
    pub fn built_in() -> Result<Self> {
        let usages = ["signing", "key encipherment", "server auth", "client auth"];
        Ok(SigningConfig { default: Some(Profile::new(&usages, Lifetime::hours(8760))?), profiles: BTreeMap::new() })
    }

    /// From JSON; `what` names the source in errors. Mistakes are named all at once.
    pub fn from_json(text: &[u8], what: &str) -> Result<Self> {
        let config = json::decode(text, what, |f| {
            f.ignore("auth_keys");
            f.ignore("remotes");
            f.object("signing", Self::read)
        })?;
        let config = config.ok_or_else(|| {
            Error::input(format!("{what}: there is no \"signing\" in it"))
                .hint("kbootstrap print-defaults config shows the form")
        })?;
        Error::all(config.mistakes().into_iter().map(|e| e.context(what)))?;
        Ok(config)
    }

    /// Indented JSON with a final newline, as for a file.
    pub fn to_json(&self) -> String {
        // Structs of strings and numbers always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The profile of that name, or the default one, with what it inherits. A name that does not exist is refused.
    pub fn profile(&self, name: Option<&str>) -> Result<Profile> {
        let mut profile = match name.filter(|n| !n.is_empty() && *n != "default") {
            Some(name) => self.profiles.get(name).cloned().ok_or_else(|| self.unknown(name))?,
            None => match &self.default {
                Some(default) => default.clone(),
                None => return Err(Error::pki("the signing configuration has no default profile").hint(self.known())),
            },
        };
        if let Some(default) = &self.default {
            profile.expiry = profile.expiry.or(default.expiry);
            profile.ocsp_url = profile.ocsp_url.or_else(|| default.ocsp_url.clone());
            profile.crl_url = profile.crl_url.or_else(|| default.crl_url.clone());
            if profile.issuer_urls.is_empty() {
                profile.issuer_urls.clone_from(&default.issuer_urls);
            }
        }
        let context = |e: Error| e.context(format!("profile {}", name.filter(|n| !n.is_empty()).unwrap_or("default")));
        profile.check().map_err(context)?;
        Ok(profile)
    }

    fn read(f: &mut Fields<'_>) -> Self {
        SigningConfig {
            default: f.object("default", profile_json::read),
            profiles: f.named("profiles", profile_json::read).into_iter().collect(),
        }
    }

    fn mistakes(&self) -> Vec<Error> {
        let default_expiry = self.default.as_ref().and_then(|d| d.expiry);
        let mut mistakes = Vec::new();
        for (name, profile) in &self.profiles {
            let place = format!("signing.profiles.{name}");
            if profile.usages.is_empty() {
                mistakes.push(Error::input(format!("{place}: usages are missing")));
            }
            if profile.expiry.or(default_expiry).is_none() && profile.not_after.is_none() {
                mistakes
                    .push(Error::input(format!("{place}: the expiry is missing, and the default profile has none")));
            }
        }
        mistakes
    }

    fn unknown(&self, name: &str) -> Error {
        let near = |known: &&String| strsim::jaro_winkler(known, name) > 0.8;
        let error = Error::pki(format!("there is no profile `{name}` in the signing configuration"));
        match self.profiles.keys().find(near) {
            Some(known) => error.hint(format!("did you mean `{known}`?")),
            None => error.hint(self.known()),
        }
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
            "auth_keys":{"k":{"type":"standard","key":"00"}}}"#;
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
        let error = read(r#"{"signing":{"default":{"expiry":8760},"profiles":{"a":{"usages":["Server Auth"],"expiry":"8760"},"b":{"name_whitelist":"x","usage":[]}}}}"#).unwrap_err();
        let all: Vec<_> = std::iter::once(&error).chain(&error.others).map(|e| e.message.as_str()).collect();
        insta::assert_snapshot!(all.join("\n"), @r"
        ca-config.json: signing.default.expiry: expected a string, found a number
        ca-config.json: signing.profiles.a.usages[0]: unknown usage `Server Auth`
        ca-config.json: signing.profiles.a.expiry: `8760` is not a length of time: a unit is missing
        ca-config.json: signing.profiles.b.name_whitelist: not supported: the certificate would not be what it asks for
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
    fn a_profile_that_does_not_exist_is_refused() {
        let config = read(r#"{"signing":{"profiles":{"kubernetes":{"usages":["signing"],"expiry":"1h"}}}}"#).unwrap();
        let error = config.profile(Some("kubernets")).unwrap_err();
        insta::assert_snapshot!(error, @"there is no profile `kubernets` in the signing configuration");
        assert_eq!(error.hints, ["did you mean `kubernetes`?"]);
        insta::assert_snapshot!(config.profile(None).unwrap_err(), @"the signing configuration has no default profile");
    }
}
