//! The Go types that cfssl decodes JSON into, for the words with which Go refuses a value of another type.

use crate::cfssl::go::json::Json;

/// A type of a value.
#[derive(Debug)]
pub enum Type {
    /// `string`.
    Text,
    /// `bool`.
    Bool,
    /// `int`.
    Int,
    /// `[]uint8`, in base64.
    Bytes,
    /// Whatever it is.
    Any,
    /// A list, with its Go name.
    List(&'static str, &'static Type),
    /// A map from strings, with its Go name.
    Map(&'static str, &'static Type),
    /// A struct: its name, its name with the package, its fields.
    Struct(&'static str, &'static str, &'static [(&'static str, &'static Type)]),
    /// cfssl's own reader of object identifiers.
    Oid,
}

use Type::{Any, Bool, Bytes, Int, List, Map, Struct, Text};

/// A CSR spec.
pub static CSR: Type = Struct(
    "CertificateRequest",
    "csr.CertificateRequest",
    &[
        ("CN", &Text),
        ("names", &NAMES),
        ("hosts", &TEXTS),
        ("key", &Struct("KeyRequest", "csr.KeyRequest", &[("algo", &Text), ("size", &Int)])),
        ("ca", &CA),
        ("serialnumber", &Text),
        ("delegation_enabled", &Bool),
        ("extensions", &List("[]pkix.Extension", &EXTENSION)),
        ("crl_url", &Text),
    ],
);

/// The subject file of `sign`.
pub static SUBJECT: Type =
    Struct("Subject", "signer.Subject", &[("CN", &Text), ("names", &NAMES), ("SerialNumber", &Text)]);

/// A signing configuration.
pub static CONFIG: Type = Struct(
    "Config",
    "config.Config",
    &[
        ("signing", &SIGNING),
        ("ocsp", &Any),
        ("auth_keys", &Map("map[string]config.AuthKey", &AUTH_KEY)),
        ("remotes", &Map("map[string]string", &Text)),
    ],
);

/// What cfssljson reads without `-bare`.
pub static RESPONSE: Type = Struct(
    "Response",
    "main.Response",
    &[
        ("success", &Bool),
        ("result", &Map("map[string]interface {}", &Any)),
        ("errors", &List("[]main.ResponseMessage", &MESSAGE)),
        ("messages", &List("[]main.ResponseMessage", &MESSAGE)),
    ],
);

/// What cfssljson reads with `-bare`.
pub static BARE: Type = Map("map[string]interface {}", &Any);

static TEXTS: Type = List("[]string", &Text);
static MESSAGE: Type = Struct("ResponseMessage", "main.ResponseMessage", &[("int", &Int), ("message", &Text)]);
static NAMES: Type = List(
    "[]csr.Name",
    &Struct(
        "Name",
        "csr.Name",
        &[
            ("C", &Text),
            ("ST", &Text),
            ("L", &Text),
            ("O", &Text),
            ("OU", &Text),
            ("E", &Text),
            ("SerialNumber", &Text),
            ("OID", &Map("map[string]string", &Text)),
        ],
    ),
);
static CA: Type = Struct(
    "CAConfig",
    "csr.CAConfig",
    &[("pathlen", &Int), ("pathlenzero", &Bool), ("expiry", &Text), ("backdate", &Text)],
);
static EXTENSION: Type = Struct(
    "Extension",
    "pkix.Extension",
    &[("Id", &List("asn1.ObjectIdentifier", &Int)), ("Critical", &Bool), ("Value", &Bytes)],
);
static AUTH_KEY: Type = Struct("AuthKey", "config.AuthKey", &[("type", &Text), ("key", &Text)]);
static SIGNING: Type = Struct(
    "Signing",
    "config.Signing",
    &[("profiles", &Map("map[string]*config.SigningProfile", &PROFILE)), ("default", &PROFILE)],
);
static PROFILE: Type = Struct(
    "SigningProfile",
    "config.SigningProfile",
    &[
        ("usages", &TEXTS),
        ("issuer_urls", &TEXTS),
        ("ocsp_url", &Text),
        ("crl_url", &Text),
        ("ca_constraint", &CONSTRAINT),
        ("ocsp_no_check", &Bool),
        ("expiry", &Text),
        ("backdate", &Text),
        ("auth_key", &Text),
        ("copy_extensions", &Bool),
        ("prev_auth_key", &Text),
        ("remote", &Text),
        ("not_before", &Any),
        ("not_after", &Any),
        ("name_whitelist", &Text),
        ("auth_remote", &Struct("AuthRemote", "config.AuthRemote", &[("remote", &Text), ("auth_key", &Text)])),
        ("ct_log_servers", &TEXTS),
        ("allowed_extensions", &List("[]config.OID", &Type::Oid)),
        ("cert_store", &Text),
        ("ignored_lints", &TEXTS),
        ("ignored_lint_sources", &TEXTS),
        ("Policies", &List("[]config.CertificatePolicy", &POLICY)),
        ("CSRWhitelist", &WHITELIST),
        ("ClientProvidesSerialNumbers", &Bool),
    ],
);
static CONSTRAINT: Type = Struct(
    "CAConstraint",
    "config.CAConstraint",
    &[("is_ca", &Bool), ("max_path_len", &Int), ("max_path_len_zero", &Bool)],
);
static POLICY: Type = Struct(
    "CertificatePolicy",
    "config.CertificatePolicy",
    &[("ID", &Type::Oid), ("Qualifiers", &List("[]config.CertificatePolicyQualifier", &QUALIFIER))],
);
static QUALIFIER: Type =
    Struct("CertificatePolicyQualifier", "config.CertificatePolicyQualifier", &[("Type", &Text), ("Value", &Text)]);
static WHITELIST: Type = Struct(
    "CSRWhitelist",
    "config.CSRWhitelist",
    &[
        ("Subject", &Bool),
        ("PublicKeyAlgorithm", &Bool),
        ("PublicKey", &Bool),
        ("SignatureAlgorithm", &Bool),
        ("DNSNames", &Bool),
        ("IPAddresses", &Bool),
        ("EmailAddresses", &Bool),
        ("URIs", &Bool),
    ],
);

/// The first value of another type, in Go's words.
pub fn check(json: &Json, expected: &Type) -> Result<(), String> {
    Place { holder: "", path: Vec::new() }.check(json, expected)
}

/// Where a value stands: the innermost struct, and the names of fields from the outermost.
#[derive(Clone)]
struct Place {
    holder: &'static str,
    path: Vec<&'static str>,
}

impl Place {
    fn check(&self, json: &Json, expected: &Type) -> Result<(), String> {
        match (expected, json) {
            (_, Json::Null) | (Any, _) | (Text, Json::Text(_)) | (Bool, Json::Bool) => Ok(()),
            (Bytes, Json::Text(text)) => base64_problem(text.as_bytes())
                .map_or(Ok(()), |at| Err(format!("illegal base64 data at input byte {at}"))),
            (Type::Oid, Json::Text(text)) => check_oid(text),
            (Type::Oid, Json::Number(text)) => Err(format!("OID JSON string not wrapped in quotes.{text}")),
            (Type::Oid, _) => Err("OID JSON string not wrapped in quotes.".to_owned()),
            (Int, Json::Number(text)) => match text.parse::<i64>() {
                Ok(_) => Ok(()),
                Err(_) => Err(self.mismatch(&format!("number {text}"), expected)),
            },
            (List(_, item), Json::List(list)) => list.iter().try_for_each(|value| self.check(value, item)),
            (Map(_, item), Json::Object(members)) => members.iter().try_for_each(|(_, value)| self.check(value, item)),
            (Struct(name, _, fields), Json::Object(members)) => members.iter().try_for_each(|(key, value)| {
                // An exact name before one in another case.
                let exact = fields.iter().find(|(field, _)| field == key);
                let Some((field, item)) = exact.or_else(|| fields.iter().find(|(f, _)| f.eq_ignore_ascii_case(key)))
                else {
                    return Ok(());
                };
                let path = self.path.iter().copied().chain([*field]).collect();
                Place { holder: name, path }.check(value, item)
            }),
            (_, Json::Bool) => Err(self.mismatch("bool", expected)),
            (_, Json::Number(_)) => Err(self.mismatch("number", expected)),
            (_, Json::Text(_)) => Err(self.mismatch("string", expected)),
            (_, Json::List(_)) => Err(self.mismatch("array", expected)),
            (_, Json::Object(_)) => Err(self.mismatch("object", expected)),
        }
    }

    fn mismatch(&self, found: &str, expected: &Type) -> String {
        let name = match expected {
            Text => "string",
            Bool => "bool",
            Int => "int",
            Bytes => "[]uint8",
            Any | Type::Oid => "interface {}",
            List(name, _) | Map(name, _) | Struct(_, name, _) => name,
        };
        if self.path.is_empty() {
            return format!("json: cannot unmarshal {found} into Go value of type {name}");
        }
        let field = self.path.join(".");
        format!("json: cannot unmarshal {found} into Go struct field {}.{field} of type {name}", self.holder)
    }
}

/// Where Go's `base64.StdEncoding` finds fault: it passes over line ends, and wants whole quanta with their padding.
fn base64_problem(text: &[u8]) -> Option<usize> {
    let digit = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
    let mut bytes = text.iter().copied().enumerate().filter(|(_, b)| !matches!(b, b'\r' | b'\n'));
    loop {
        let (mut begin, mut count) = (None, 0);
        while count < 4 {
            match bytes.next() {
                None => return begin,
                Some((at, b)) if digit(b) => {
                    begin = begin.or(Some(at));
                    count += 1;
                }
                Some((at, b'=')) if count >= 2 => {
                    let second = if count == 2 { bytes.next() } else { None };
                    return match (count, second) {
                        (2, None) => Some(text.len()),
                        (2, Some((_, b))) if b != b'=' => Some(at),
                        _ => bytes.next().map(|(at, _)| at),
                    };
                }
                Some((at, _)) => return Some(at),
            }
        }
    }
}

/// As cfssl reads an object identifier: it wants a digit somewhere, and Go whole numbers between the dots.
fn check_oid(text: &str) -> Result<(), String> {
    if !text.bytes().any(|b| b.is_ascii_digit()) {
        return Err("Invalid OID".to_owned());
    }
    let number = |part: &str| part.parse::<i64>().map_err(|e| (part.to_owned(), e));
    match text.split('.').try_for_each(|part| number(part).map(drop)) {
        Ok(()) => Ok(()),
        Err((part, e)) => {
            use std::num::IntErrorKind::{NegOverflow, PosOverflow};
            let why =
                if matches!(e.kind(), PosOverflow | NegOverflow) { "value out of range" } else { "invalid syntax" };
            Err(format!("strconv.Atoi: parsing {part:?}: {why}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cfssl::go::json::parse;

    fn error(expected: &Type, text: &str) -> String {
        check(&parse(text.as_bytes()).unwrap(), expected).err().unwrap_or_default()
    }

    #[test]
    fn broken_base64_is_found_where_go_finds_it() {
        for good in ["", "BQA=", "BQ==", "BQAB", "BQ\n=\n=\n"] {
            assert_eq!(base64_problem(good.as_bytes()), None, "{good}");
        }
        let broken =
            [("BQAE=", 4), ("QA=", 3), ("BQA,", 3), ("BQA=0", 4), ("BQ}A=", 2), ("BQ=A", 2), ("BQA", 0), ("=", 0)];
        for (text, at) in broken {
            assert_eq!(base64_problem(text.as_bytes()), Some(at), "{text}");
        }
    }

    #[test]
    fn speaks_as_go_does() {
        insta::assert_snapshot!(error(&CSR, "[]"), @"json: cannot unmarshal array into Go value of type csr.CertificateRequest");
        insta::assert_snapshot!(error(&CSR, r#"{"CN":1}"#), @"json: cannot unmarshal number into Go struct field CertificateRequest.CN of type string");
        insta::assert_snapshot!(error(&CSR, r#"{"hosts":"a"}"#), @"json: cannot unmarshal string into Go struct field CertificateRequest.hosts of type []string");
        insta::assert_snapshot!(error(&CSR, r#"{"Key":{"Size":"2048"}}"#), @"json: cannot unmarshal string into Go struct field KeyRequest.key.size of type int");
        insta::assert_snapshot!(error(&CSR, r#"{"key":{"size":2048.0}}"#), @"json: cannot unmarshal number 2048.0 into Go struct field KeyRequest.key.size of type int");
        insta::assert_snapshot!(error(&CSR, r#"{"names":{"C":"x"}}"#), @"json: cannot unmarshal object into Go struct field CertificateRequest.names of type []csr.Name");
        insta::assert_snapshot!(error(&CONFIG, r#"{"signing":{"default":{"expiry":8760}}}"#), @"json: cannot unmarshal number into Go struct field SigningProfile.signing.default.expiry of type string");
        insta::assert_snapshot!(error(&CONFIG, r#"{"signing":{"profiles":{"a":{"Policies":[{"ID":1}]}}}}"#), @"OID JSON string not wrapped in quotes.1");
        insta::assert_snapshot!(error(&CONFIG, r#"{"signing":{"default":{"allowed_extensions":["1.x"]}}}"#), @r#"strconv.Atoi: parsing "x": invalid syntax"#);
        assert_eq!(error(&CSR, r#"{"CN":null,"hosts":null,"other":1,"key":null}"#), "");
    }
}
