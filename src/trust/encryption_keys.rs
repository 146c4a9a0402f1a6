//! `encryption.key`: what Secrets in etcd are encrypted with.
//!
//! 32 bytes and nothing else are one key, named `key1`. Several are a text, a line `NAME BASE64` each: the first one writes,
//! all read. What is written with a key says the key's name, so a key must keep its name wherever it stands.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::secret::Secret;
use crate::state::EncryptionKey;

/// Bytes of a key: secretbox takes no others.
pub(super) const LENGTH: usize = 32;

/// The keys of a file, in its order; `what` names it in errors, which never show what is in it.
pub(super) fn parse(bytes: &[u8], what: &str) -> Result<Vec<EncryptionKey>> {
    if bytes.len() == LENGTH {
        return Ok(vec![EncryptionKey { name: "key1".into(), secret: Secret::new(bytes) }]);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| refused(what, "it is neither 32 bytes nor text"))?;
    let mut keys: Vec<EncryptionKey> = Vec::new();
    for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let key = key(line).map_err(|problem| refused(what, &format!("line {}: {problem}", n + 1)))?;
        if keys.iter().any(|other| other.name == key.name) {
            return Err(refused(what, &format!("line {}: another key has this name already", n + 1)));
        }
        keys.push(key);
    }
    if keys.is_empty() { Err(refused(what, "it is empty")) } else { Ok(keys) }
}

fn key(line: &str) -> Result<EncryptionKey, &'static str> {
    let mut words = line.split_whitespace();
    let (Some(name), Some(encoded), None) = (words.next(), words.next(), words.next()) else {
        return Err("a name and a key in base64 are expected");
    };
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        return Err("a name is made of letters, digits, `-`, `_` and `.`");
    }
    let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| "its key is not valid base64")?);
    match bytes.len() {
        LENGTH => Ok(EncryptionKey { name: name.to_owned(), secret: Secret::new(bytes.as_slice()) }),
        _ => Err("its key is not of 32 bytes"),
    }
}

/// The file of keys from an API server's configuration, which `what` names in errors. What stands there must be as
/// kbootstrap writes it: with keys that lie elsewhere there is nothing that could be taken.
pub fn encryption_file(configuration: &[u8], what: &str) -> Result<Secret> {
    let unknown = || Error::pki(format!("{what}: there is no key in it, or it is not of kbootstrap's form"));
    let text = std::str::from_utf8(configuration).map_err(|_| unknown())?;
    let mut name = None;
    let mut lines = Zeroizing::new(String::with_capacity(configuration.len()));
    for line in text.lines().map(|line| line.trim_start().trim_start_matches("- ")) {
        if let Some(value) = line.strip_prefix("name:") {
            name = Some(value.trim());
        } else if let Some(value) = line.strip_prefix("secret:") {
            [name.take().ok_or_else(unknown)?, " ", value.trim(), "\n"]
                .into_iter()
                .for_each(|part| lines.push_str(part));
        }
    }
    let keys = parse(lines.as_bytes(), what).map_err(|_| unknown())?;
    match keys.as_slice() {
        [only] if only.name == "key1" => Ok(only.secret.clone()),
        _ => Ok(Secret::new(lines.as_bytes())),
    }
}

fn refused(what: &str, problem: &str) -> Error {
    Error::pki(format!("{what}: {problem}"))
        .hint("it holds 32 bytes, or a line NAME BASE64 for each key of 32 bytes, the one that writes first")
        .hint("the key that a cluster was set up with is key1: bring the file back from your backup of the cluster's folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &[u8]) -> String {
        match parse(text, "encryption.key") {
            Ok(keys) => {
                keys.iter().map(|k| format!("{} {}", k.name, k.secret.expose()[0])).collect::<Vec<_>>().join(", ")
            }
            Err(error) => error.message,
        }
    }

    #[test]
    fn bytes_are_key1_and_lines_have_their_names() {
        let (seven, eight) = (STANDARD.encode([7; 32]), STANDARD.encode([8; 32]));
        assert_eq!(names(&[7; 32]), "key1 7");
        assert_eq!(names(&[b'\n'; 32]), "key1 10", "whatever the bytes are");
        assert_eq!(names(format!("key2 {eight}\n\n  key1\t{seven}\r\n").as_bytes()), "key2 8, key1 7");
    }

    #[test]
    fn the_file_comes_back_from_a_configuration() {
        let file = |text: &str| encryption_file(text.as_bytes(), "it").map(|file| file.expose().to_vec());
        let head = "providers:\n  - identity: {}\n  - secretbox:\n      keys:\n";
        let key = |name: &str, byte| format!("      - name: {name}\n        secret: {}\n", STANDARD.encode([byte; 32]));
        assert_eq!(file(&(head.to_owned() + &key("key1", 7))).unwrap(), [7; 32]);
        let two = file(&(head.to_owned() + &key("key2", 8) + &key("key1", 7))).unwrap();
        assert_eq!(names(&two), "key2 8, key1 7");
        let renamed = file(&(head.to_owned() + &key("key2", 8))).unwrap();
        assert_eq!(names(&renamed), "key2 8", "it keeps its name");
        for text in ["", head, "  - kms:\n      name: vault\n", "  secret: x\n", "- name: a\n  secret: short\n"] {
            assert_eq!(file(text).unwrap_err().message, "it: there is no key in it, or it is not of kbootstrap's form");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_key() {
        let (seven, short) = (STANDARD.encode([7; 32]), STANDARD.encode([7; 31]));
        let told = [
            Vec::new(),
            vec![0xff; 31],
            seven.clone().into_bytes(),
            format!("key1 {seven}\nkey1 {seven}").into_bytes(),
            format!("a:b {seven}").into_bytes(),
            format!("key1 {short}").into_bytes(),
            format!("key1 ?{seven}").into_bytes(),
            format!("key1 {seven} x").into_bytes(),
        ]
        .map(|text| names(&text));
        insta::assert_snapshot!(told.join("\n"), @r"
        encryption.key: it is empty
        encryption.key: it is neither 32 bytes nor text
        encryption.key: line 1: a name and a key in base64 are expected
        encryption.key: line 2: another key has this name already
        encryption.key: line 1: a name is made of letters, digits, `-`, `_` and `.`
        encryption.key: line 1: its key is not of 32 bytes
        encryption.key: line 1: its key is not valid base64
        encryption.key: line 1: a name and a key in base64 are expected
        ");
        assert!(!told.concat().contains(&seven[..8]));
    }
}
