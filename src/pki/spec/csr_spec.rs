//! cfssl's CSR spec: the JSON that says what a key and certificate are to be.

use std::collections::BTreeMap;

use base64::Engine;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::json::{self, Fields};
use super::subtrees_json;
use crate::error::{Error, Reason, Result};
use crate::lifetime::Lifetime;
use crate::pki::encoding::oid;
use crate::pki::key::kind::KeyKind;
use crate::pki::names::hidden;
use crate::pki::names::name::{Attribute, Name, NameParts};
use crate::pki::names::san::classify;
use crate::pki::names::subtrees::Subtrees;
use crate::pki::rules::Rules;
use crate::pki::x509::extension::BasicConstraints;

/// What a key and certificate are to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CsrSpec {
    /// Common name.
    #[serde(rename = "CN", skip_serializing_if = "String::is_empty")]
    pub cn: String,
    /// Names and addresses, each classified by [`super::San::classify`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// The key; default ECDSA P-256.
    pub key: KeySpec,
    /// The rest of the subject; values of one attribute in several entries make one multi-valued RDN.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<NameSpec>,
    /// Only for self-signed CAs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<CaSpec>,
    /// The subject's serialNumber attribute.
    #[serde(rename = "serialnumber", skip_serializing_if = "String::is_empty")]
    pub serial_number: String,
    /// CRL distribution point; only for self-signed CAs.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub crl_url: String,
    /// Marks the certificate for TLS delegated credentials.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub delegation_enabled: bool,
    /// Further extensions of the CSR; they reach a certificate only by a profile with `copy_extensions`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<ExtensionSpec>,
}

/// The key of a [`CsrSpec`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeySpec {
    /// `ecdsa`, `rsa` or `ed25519`.
    pub algo: String,
    /// Bits; 0 (Ed25519) is not written.
    #[serde(skip_serializing_if = "is_zero")]
    pub size: u32,
}

/// Attributes of a subject, as in cfssl's `names`.
// Empty values do not count. cfssl's JSON is read by `read`, kbootstrap's own specifications by serde.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Name")]
pub struct NameSpec {
    /// Country, two letters.
    #[serde(rename = "C", skip_serializing_if = "String::is_empty")]
    pub c: String,
    /// State or province.
    #[serde(rename = "ST", skip_serializing_if = "String::is_empty")]
    pub st: String,
    /// Locality.
    #[serde(rename = "L", skip_serializing_if = "String::is_empty")]
    pub l: String,
    /// Organization; for Kubernetes a group.
    #[serde(rename = "O", skip_serializing_if = "String::is_empty")]
    pub o: String,
    /// Organizational unit.
    #[serde(rename = "OU", skip_serializing_if = "String::is_empty")]
    pub ou: String,
    /// E-mail address.
    #[serde(rename = "E", skip_serializing_if = "String::is_empty")]
    pub e: String,
    /// Other attributes by their dotted type.
    #[serde(rename = "OID", skip_serializing_if = "BTreeMap::is_empty")]
    pub oid: BTreeMap<String, String>,
}

/// The `ca` of a [`CsrSpec`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CaSpec {
    /// Life; default five years (43800h), as cfssl.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry: Option<Lifetime>,
    /// How many CAs may stand below; 0 means no limit, unless `pathlenzero`.
    #[serde(rename = "pathlen", skip_serializing_if = "is_zero")]
    pub path_length: u32,
    /// No CA may stand below.
    #[serde(rename = "pathlenzero", skip_serializing_if = "std::ops::Not::not")]
    pub path_length_zero: bool,
    /// How long before now it begins; default five minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backdate: Option<Lifetime>,
    /// The only names that it may issue for, by kinds.
    #[serde(skip_serializing_if = "Subtrees::is_empty")]
    pub permitted: Subtrees,
    /// Names that it may not issue for.
    #[serde(skip_serializing_if = "Subtrees::is_empty")]
    pub excluded: Subtrees,
}

/// A raw extension of a [`CsrSpec`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExtensionSpec {
    /// Type, as a list of numbers.
    #[serde(rename = "Id")]
    pub id: Vec<u64>,
    /// Critical.
    #[serde(rename = "Critical")]
    pub critical: bool,
    /// DER of the value, base64.
    #[serde(rename = "Value", serialize_with = "as_base64")]
    pub value: Vec<u8>,
}

/// The subject of a [`CsrSpec`], and the file that `sign` takes to override a CSR's subject.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// Common name.
    pub cn: String,
    /// The rest.
    pub names: Vec<NameSpec>,
    /// serialNumber attribute.
    pub serial_number: String,
}

impl CsrSpec {
    /// From JSON; `what` names the source in errors. Keys in any case; unknown keys and wrong types are refused, all at once.
    pub fn from_json(text: &[u8], what: &str) -> Result<Self> {
        json::decode(text, what, Self::read)
    }

    /// As [`CsrSpec::from_json`], by the rules that are given; the second value is warnings.
    pub fn read_by(text: &[u8], what: &str, rules: Rules) -> Result<(Self, Vec<String>)> {
        json::decode_by(text, what, rules, Self::read)
    }

    /// Indented JSON with a final newline, as for a file.
    pub fn to_json(&self) -> String {
        // A struct of strings and numbers always serialises.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The key that it asks for.
    pub fn key_kind(&self) -> Result<KeyKind> {
        KeyKind::from_spec(&self.key.algo, self.key.size)
    }

    /// Its subject.
    pub fn subject(&self) -> Subject {
        Subject { cn: self.cn.clone(), names: self.names.clone(), serial_number: self.serial_number.clone() }
    }

    /// Whether its subject and hosts can stand in a certificate: what can be known before there is a key. `what` names
    /// the source in errors.
    pub fn check(&self, what: &str) -> Result<()> {
        let name = self.subject().to_name();
        let hosts = classify(&self.hosts, Rules::Strict).map(|_| ()).err();
        let nobody = || {
            Error::input("it names nobody: neither a subject nor hosts")
                .hint("give it a \"CN\", \"names\" or \"hosts\"")
        };
        let nobody = (self.hosts.is_empty() && name.as_ref().is_ok_and(Name::is_empty)).then(nobody);
        let deceives = name.as_ref().ok().and_then(hidden::deceptive);
        let errors = name.err().into_iter().chain(deceives).chain(hosts).chain(nobody).flat_map(|mut first| {
            let others = std::mem::take(&mut first.others);
            std::iter::once(first).chain(others)
        });
        Error::all(errors.map(|e| e.of_file().context(what)))
    }

    fn read(f: &mut Fields<'_>) -> Self {
        CsrSpec {
            cn: f.string("CN").unwrap_or_default(),
            hosts: f.strings("hosts"),
            key: f.object("key", KeySpec::read).unwrap_or_default(),
            names: f.objects("names", NameSpec::read),
            ca: f.object("ca", CaSpec::read),
            serial_number: f.string("serialnumber").unwrap_or_default(),
            crl_url: f.string("crl_url").unwrap_or_default(),
            delegation_enabled: f.bool("delegation_enabled"),
            extensions: f.objects("extensions", ExtensionSpec::read),
        }
    }
}

impl<'de> Deserialize<'de> for CsrSpec {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Self::from_json(value.to_string().as_bytes(), "CSR spec").map_err(serde::de::Error::custom)
    }
}

impl Default for KeySpec {
    fn default() -> Self {
        KeySpec { algo: "ecdsa".into(), size: 256 }
    }
}

impl From<KeyKind> for KeySpec {
    fn from(kind: KeyKind) -> Self {
        let (algo, size) = kind.spec();
        KeySpec { algo: algo.into(), size }
    }
}

impl KeySpec {
    fn read(f: &mut Fields<'_>) -> Self {
        let algo = f.string("algo").unwrap_or_else(|| "ecdsa".into());
        let size = f.integer("size").map(|size| u32::try_from(size).unwrap_or(0));
        let default = match algo.as_str() {
            "rsa" => 2048,
            "ed25519" => 0,
            _ => 256,
        };
        let size = if algo == "ed25519" { 0 } else { size.unwrap_or(default) };
        if let Err(e) = KeyKind::from_spec(&algo, size) {
            f.error(if e.is(Reason::Algorithm) { "algo" } else { "size" }, e);
        }
        KeySpec { algo, size }
    }
}

impl NameSpec {
    fn read(f: &mut Fields<'_>) -> Self {
        let mut text = |name| f.string(name).unwrap_or_default();
        let mut spec = NameSpec {
            c: text("C"),
            st: text("ST"),
            l: text("L"),
            o: text("O"),
            ou: text("OU"),
            e: text("E"),
            oid: BTreeMap::new(),
        };
        f.ignore("SerialNumber");
        for (key, value) in f.members("OID") {
            match (oid::parse(&key), value) {
                (Ok(_), serde_json::Value::String(value)) => drop(spec.oid.insert(key, value)),
                (Ok(_), _) => f.error(&format!("OID.{key}"), Error::input("expected a string")),
                (Err(e), _) => f.error("OID", e),
            }
        }
        spec
    }
}

impl CaSpec {
    fn read(f: &mut Fields<'_>) -> Self {
        let expiry = f.parsed_unless_empty("expiry", str::parse::<Lifetime>);
        if expiry.is_some_and(|e| e.is_negative() || e.is_zero()) {
            f.error("expiry", Error::input("a CA must live longer than no time at all"));
        }
        let path_length = f.integer("pathlen").unwrap_or(0);
        if !(0..=255).contains(&path_length) {
            f.error("pathlen", Error::input(format!("{path_length} is not between 0 and 255")));
        }
        let (path_length_zero, backdate) = (f.bool("pathlenzero"), f.parsed_unless_empty("backdate", str::parse));
        let (permitted, excluded) = subtrees_json::read(f);
        let path_length = u32::try_from(path_length).unwrap_or(0);
        CaSpec { expiry, path_length, path_length_zero, backdate, permitted, excluded }
    }

    /// A `pathlen` wins over `pathlenzero`.
    pub(crate) fn constraints(&self) -> BasicConstraints {
        let path_length = match self.path_length {
            0 => self.path_length_zero.then_some(0),
            length => Some(length),
        };
        BasicConstraints::Ca { path_length }
    }
}

impl ExtensionSpec {
    fn read(f: &mut Fields<'_>) -> Self {
        let id: Vec<_> = f.values("Id").iter().map(serde_json::Value::as_u64).collect();
        let id = id.into_iter().collect::<Option<Vec<_>>>().filter(|id| oid::parse(&oid::dotted(id)).is_ok());
        if id.is_none() {
            f.error("Id", Error::input("expected an object identifier as a list of numbers, such as [1, 2, 3, 4]"));
        }
        let decode = |text: &str| {
            let engine = base64::engine::general_purpose::STANDARD;
            engine.decode(text).map_err(|_| Error::input("expected base64"))
        };
        ExtensionSpec {
            id: id.unwrap_or_default(),
            critical: f.bool("Critical"),
            value: f.parsed("Value", decode).unwrap_or_default(),
        }
    }
}

impl Subject {
    /// From JSON: `{"CN", "names", "SerialNumber"}`.
    pub fn from_json(text: &[u8], what: &str) -> Result<Self> {
        Ok(Self::read_by(text, what, Rules::Strict)?.0)
    }

    /// As [`Subject::from_json`], by the rules that are given; the second value is warnings.
    pub fn read_by(text: &[u8], what: &str, rules: Rules) -> Result<(Self, Vec<String>)> {
        json::decode_by(text, what, rules, |f| Subject {
            cn: f.string("CN").unwrap_or_default(),
            names: f.objects("names", NameSpec::read),
            serial_number: f.string("SerialNumber").unwrap_or_default(),
        })
    }

    /// Refuses what deceives whoever reads it.
    pub fn check(&self) -> Result<()> {
        hidden::deceptive(&self.to_name()?).map_or(Ok(()), Err)
    }

    /// The encoded name.
    pub fn to_name(&self) -> Result<Name> {
        self.to_name_by(Rules::Strict)
    }

    /// The encoded name; by lenient rules as Go encodes it.
    pub fn to_name_by(&self, rules: Rules) -> Result<Name> {
        Ok(self.parts()?.encode(rules))
    }

    pub(crate) fn parts(&self) -> Result<NameParts> {
        let values = |get: fn(&NameSpec) -> &String| {
            self.names.iter().map(get).filter(|v| !v.is_empty()).cloned().collect::<Vec<_>>()
        };
        let one = |value: &String| if value.is_empty() { Vec::new() } else { vec![value.clone()] };
        let mut parts = NameParts::default();
        parts.set(oid::COUNTRY, values(|n| &n.c));
        parts.set(oid::PROVINCE, values(|n| &n.st));
        parts.set(oid::LOCALITY, values(|n| &n.l));
        parts.set(oid::ORGANIZATION, values(|n| &n.o));
        parts.set(oid::ORGANIZATIONAL_UNIT, values(|n| &n.ou));
        parts.set(oid::COMMON_NAME, one(&self.cn));
        parts.set(oid::SERIAL_NUMBER, one(&self.serial_number));
        for name in &self.names {
            for (key, value) in &name.oid {
                parts.extra.push(Attribute { oid: oid::parse(key)?, value: value.clone() });
            }
            if !name.e.is_empty() {
                parts.extra.push(Attribute { oid: oid::EMAIL_ADDRESS.to_vec(), value: name.e.clone() });
            }
        }
        Ok(parts.with_extra_in_place())
    }

    /// Whether it names anybody: a CN, or something in every entry of `names`.
    pub(crate) fn is_somebody(&self) -> bool {
        let named = |n: &NameSpec| [&n.c, &n.st, &n.l, &n.o, &n.ou].iter().any(|v| !v.is_empty());
        !self.cn.is_empty() || (!self.names.is_empty() && self.names.iter().all(named))
    }
}

fn is_zero(size: &u32) -> bool {
    *size == 0
}

fn as_base64<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&base64::engine::general_purpose::STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<CsrSpec> {
        CsrSpec::from_json(text.as_bytes(), "csr.json")
    }

    #[test]
    fn round_trips_through_json() {
        let text = r#"{"CN":"a","hosts":["b"],"key":{"algo":"rsa","size":4096},"names":[{"C":"CN","O":"k8s","OID":{"1.2.3":"v"}}],
            "ca":{"expiry":"10y","pathlen":1},"extensions":[{"Id":[1,2,3],"Critical":true,"Value":"BQA="}]}"#;
        let spec = read(text).unwrap();
        assert_eq!(spec.ca.as_ref().unwrap().expiry, Some(Lifetime::hours(87600)));
        assert_eq!(read(&spec.to_json()).unwrap(), spec);
        assert_eq!(serde_json::from_str::<CsrSpec>(&spec.to_json()).unwrap(), spec);
    }

    #[test]
    fn reads_as_go_does() {
        let spec = read(r#"{"cn":"x","Hosts":null,"KEY":{"Algo":"ed25519","size":7},"Names":[{"o":"k8s"}]}"#).unwrap();
        assert_eq!(
            (spec.cn.as_str(), spec.key_kind().unwrap(), spec.names[0].o.as_str()),
            ("x", KeyKind::Ed25519, "k8s")
        );
        assert_eq!(read("null").unwrap(), CsrSpec::default());
        assert_eq!(read("{}").unwrap().key_kind().unwrap(), KeyKind::EcdsaP256);
        assert_eq!(read(r#"{"key":{"algo":"rsa"}}"#).unwrap().key_kind().unwrap(), KeyKind::Rsa(2048));
    }

    #[test]
    fn all_mistakes_are_named_at_once() {
        let error = read(r#"{"CN":1,"host":["a"],"names":{"C":"x"},"key":{"size":2048.5,"algo":"rsa"},"ca":{"expiry":"1w","pathlen":-1}}"#)
            .unwrap_err();
        insta::assert_snapshot!(error.messages(), @r"
        csr.json: CN: expected a string, found a number
        csr.json: key.size: expected a whole number, found a number with a fraction
        csr.json: names: expected a list, found an object
        csr.json: ca.expiry: `1w` is not a length of time: there is no unit `w`
        csr.json: ca.pathlen: -1 is not between 0 and 255
        csr.json: host: unknown key
        ");
        assert_eq!(error.others[4].hints, ["did you mean `hosts`?"]);
        insta::assert_snapshot!(read(r#"{"names":[{"OID":{"x":"v"}}]}"#).unwrap_err(), @"csr.json: names[0].OID: `x` is not an object identifier such as 1.2.840.1");
        insta::assert_snapshot!(read("[]").unwrap_err(), @"csr.json: the document: expected an object, found a list");
        insta::assert_snapshot!(read(r#"{"key":{"size":2048}}"#).unwrap_err(), @"csr.json: key.size: there is no ECDSA curve of 2048 bits");
    }
}
