//! What a file is that was named in the place of a JSON document, and what takes it.

use serde_json::{Map, Value};

use crate::error::Error;
use crate::pki::encoding::forms;

/// A file that is no JSON at all; none where it is merely broken.
pub(super) fn other_form(text: &[u8], what: &str) -> Option<Error> {
    let is = |is: &str, hint: &str| Some(Error::input(format!("{what}: it is {is}, and no JSON")).hint(hint));
    if text.trim_ascii().is_empty() {
        let error = Error::input(format!("{what}: it is empty"));
        return Some(
            error.hint("`kbootstrap print-defaults` prints a CSR spec or signing configuration to start from"),
        );
    }
    // Damaged keys are keys, too.
    let label = match forms::each(text, "").into_iter().next() {
        Some(Ok(block)) => block.label,
        Some(Err(damaged)) => damaged.label,
        None => String::new(),
    };
    match label.as_str() {
        "" if is_yaml(text) => is("YAML", "cfssl's files are JSON; `kbootstrap pki apply` takes YAML, of another form"),
        "" => None,
        label if label.ends_with("REQUEST") => is("a CSR", "`kbootstrap sign` takes CSRs"),
        label if label.ends_with("CERTIFICATE") => is("a certificate", "what one is to be is said by a CSR spec"),
        label if label.ends_with("PRIVATE KEY") => {
            is("a private key", "`kbootstrap gencsr -key` makes a CSR for a key that is there")
        }
        _ => is("PEM", "what a certificate is to be is said by a CSR spec"),
    }
}

/// Its first line with something in it is `key:` or `key: value`.
fn is_yaml(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let written = |line: &&str| !line.is_empty() && !line.starts_with('#') && *line != "---";
    let Some(line) = text.lines().map(str::trim).find(written) else { return false };
    let key = line
        .strip_prefix("- ")
        .unwrap_or(line)
        .split_once(':')
        .filter(|(_, rest)| rest.is_empty() || rest.starts_with(' '));
    key.is_some_and(|(key, _)| !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c)))
}

/// A JSON document of another sort, by members that are not known where it was read.
pub(super) fn other_document(unknown: &Map<String, Value>) -> Option<Error> {
    let has = |key: &str| unknown.contains_key(key);
    let (is, hint) = if has("signing") {
        ("a signing configuration", "it is named with -config")
    } else if has("cert") || has("csr") {
        ("what cfssl prints", "make files of it: kbootstrap cfssljson -bare NEW < FILE")
    } else if has("authorities") {
        ("a specification of CAs and certificates", "`kbootstrap pki apply` takes it")
    } else if has("cn") {
        ("a CSR spec", "it is the argument of gencert, genkey and gencsr")
    } else {
        return None;
    };
    Some(Error::input(format!("it is {is}")).hint(hint))
}

#[cfg(test)]
mod tests {
    use crate::pki::{CsrSpec, SigningConfig};

    #[test]
    fn what_is_no_json_is_named_with_what_takes_it() {
        let said = |text: &str| {
            let error = CsrSpec::from_json(text.as_bytes(), "x.json").unwrap_err();
            format!("{}; {}", error.messages(), error.hints.join("; "))
        };
        let pem = |label: &str| format!("-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n");
        insta::assert_snapshot!(said(&pem("CERTIFICATE REQUEST")), @"x.json: it is a CSR, and no JSON; `kbootstrap sign` takes CSRs");
        insta::assert_snapshot!(said(&pem("CERTIFICATE")), @"x.json: it is a certificate, and no JSON; what one is to be is said by a CSR spec");
        insta::assert_snapshot!(said(&pem("EC PRIVATE KEY")), @"x.json: it is a private key, and no JSON; `kbootstrap gencsr -key` makes a CSR for a key that is there");
        insta::assert_snapshot!(said("# a\nCN: x\nhosts: [a]\n"), @"x.json: it is YAML, and no JSON; cfssl's files are JSON; `kbootstrap pki apply` takes YAML, of another form");
        insta::assert_snapshot!(said(" \n"), @"x.json: it is empty; `kbootstrap print-defaults` prints a CSR spec or signing configuration to start from");
        // Broken JSON stays broken JSON.
        for text in ["{\"CN\": \"x\"", "{CN: x}", "hello", "// CN: x\n{}"] {
            assert!(said(text).contains("not valid JSON"), "{text}: {}", said(text));
        }
    }

    #[test]
    fn another_document_is_named_once() {
        let spec = |text: &str| CsrSpec::from_json(text.as_bytes(), "x.json").unwrap_err().messages();
        let config = |text: &str| SigningConfig::from_json(text.as_bytes(), "x.json").unwrap_err().messages();
        insta::assert_snapshot!(spec(r#"{"signing": {}}"#), @"x.json: it is a signing configuration");
        insta::assert_snapshot!(spec(r#"{"cert": "", "csr": "", "key": ""}"#), @"x.json: it is what cfssl prints");
        insta::assert_snapshot!(spec(r#"{"authorities": []}"#), @"x.json: it is a specification of CAs and certificates");
        insta::assert_snapshot!(config(r#"{"CN": "x", "hosts": 1, "names": []}"#), @"x.json: it is a CSR spec");
        insta::assert_snapshot!(spec(r#"{"CN": "x", "host": []}"#), @"x.json: host: unknown key");
    }
}
