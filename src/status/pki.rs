//! Certificates and keys on a host against the cluster's folder: what is damaged there is seen before it is read again.

use std::collections::BTreeMap;

use super::{Component, State};
use crate::digest::sha256;
use crate::facts::{FileFact, HostFacts};
use crate::pki::Certificate;
use crate::state::{Content, File};

/// The pairs that a host must hold, as paths of certificate and key.
pub(super) type Pairs = Vec<(String, String)>;

/// What is wrong with a host's certificates, as a component of it; nothing where all are as in the folder.
pub(super) fn judge(pairs: &Pairs, expected: &BTreeMap<String, File>, facts: &HostFacts) -> Option<Component> {
    let mut problems: Vec<(State, &str, String)> = Vec::new();
    for (state, text) in pairs.iter().filter_map(|pair| problem(pair, expected, facts)) {
        problems.push((state, if state == State::Bad { "damaged" } else { "not the folder's" }, text));
    }
    let modes = expected.iter().filter_map(|(path, file)| mode(path, file, facts.files.get(path)?));
    problems
        .extend(modes.map(|(state, text)| {
            (state, if state == State::Bad { "open to others" } else { "of another mode" }, text)
        }));
    let bad = problems.iter().find(|(state, ..)| *state == State::Bad);
    let (state, word, _) = *bad.or(problems.first())?;
    let detail = problems.into_iter().map(|(.., text)| text).collect::<Vec<_>>().join("; ");
    let detail = format!("{detail}: `kbootstrap up` mends it");
    Some(Component {
        name: "certificates".into(),
        state,
        word: word.into(),
        version: String::new(),
        detail,
        remedy: Vec::new(),
    })
}

/// A file that others may read, or whose owner cannot: worse where it is secret.
fn mode(path: &str, file: &File, fact: &FileFact) -> Option<(State, String)> {
    let is_right = fact.mode == file.mode && fact.owner == file.owner && fact.group == file.owner;
    let secret = matches!(file.content, Content::Secret(_)) && fact.mode & !file.mode != 0;
    let text = || {
        let (mode, owner, group) = (fact.mode, &fact.owner, &fact.group);
        format!(
            "{path} has mode {mode:04o} and belongs to {owner}:{group}, not {:04o} and {1}:{1}",
            file.mode, file.owner
        )
    };
    (!is_right).then(|| (if secret { State::Bad } else { State::Warning }, text()))
}

fn problem(
    (certificate, key): &(String, String),
    expected: &BTreeMap<String, File>,
    facts: &HostFacts,
) -> Option<(State, String)> {
    let (ours, our_key) = (text(expected, certificate)?, sum(expected, key)?);
    let bad = |text: String| Some((State::Bad, text));
    let is_same = |fact: &FileFact, hash: &str| fact.sha256 == hash;
    let (Some(cert_fact), Some(key_fact)) = (facts.files.get(certificate), facts.files.get(key)) else {
        let gone = if facts.files.contains_key(certificate) { key } else { certificate };
        return bad(format!("{gone} is not there"));
    };
    let (same, same_key) = (is_same(cert_fact, &sha256(ours.as_bytes())), is_same(key_fact, &our_key));
    let theirs = facts.certificates.get(certificate).map(String::as_str).unwrap_or_default();
    match (same, same_key, Certificate::from_pem(theirs.as_bytes(), certificate)) {
        (true, true, _) => None,
        (true, false, _) => bad(format!("{key} is not the key of {certificate}")),
        (false, _, Err(_)) => bad(format!("{certificate} is no certificate")),
        (false, true, Ok(theirs)) => {
            let fits =
                Certificate::from_pem(ours.as_bytes(), certificate).is_ok_and(|ours| ours.spki() == theirs.spki());
            match fits {
                true => Some((State::Warning, format!("{certificate} is an older or newer one"))),
                false => bad(format!("{key} is not the key of {certificate}")),
            }
        }
        (false, false, Ok(_)) => Some((State::Warning, format!("{certificate} is another one"))),
    }
}

fn text<'e>(expected: &'e BTreeMap<String, File>, path: &str) -> Option<&'e str> {
    match &expected.get(path)?.content {
        Content::Text(text) => Some(text),
        Content::Secret(_) | Content::Artifact(_) | Content::ToIssue => None,
    }
}

fn sum(expected: &BTreeMap<String, File>, path: &str) -> Option<String> {
    match &expected.get(path)?.content {
        Content::Secret(secret) => Some(sha256(secret.expose())),
        Content::Text(_) | Content::Artifact(_) | Content::ToIssue => None,
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use time::macros::datetime;

    use super::*;
    use crate::pki::{CsrSpec, Key, KeyKind, Serial, self_signed};
    use crate::secret::Secret;

    const NOW: OffsetDateTime = datetime!(2026-11-21 10:00 UTC);

    fn certificate(key: &Key, serial: u8) -> String {
        let spec = CsrSpec { cn: "kubelet".into(), ..CsrSpec::default() };
        self_signed(&spec, key, NOW, Serial::from_random([serial; 20])).unwrap().certificate.to_pem()
    }

    /// What is said of a host that has these instead of `ours` and its key.
    fn said(ours: &str, mine: &Key, certificate: Option<&str>, key: Option<&Key>) -> String {
        let file = |content| File { content, mode: 0o600, owner: "root".into() };
        let expected = BTreeMap::from([
            ("a.crt".to_owned(), file(Content::Text(ours.into()))),
            ("a.key".to_owned(), file(Content::Secret(mine.to_pem()))),
        ]);
        let fact = |bytes: &[u8]| FileFact {
            sha256: sha256(bytes),
            mode: 0o600,
            owner: "root".into(),
            group: "root".into(),
            written: 0,
        };
        let mut facts = HostFacts::default_host();
        if let Some(text) = certificate {
            facts.files.insert("a.crt".into(), fact(text.as_bytes()));
            facts.certificates.insert("a.crt".into(), text.to_owned());
        }
        if let Some(key) = key {
            facts.files.insert("a.key".into(), fact(key.to_pem().expose()));
        }
        let pairs = vec![("a.crt".to_owned(), "a.key".to_owned())];
        let judged = judge(&pairs, &expected, &facts);
        judged.map_or(String::new(), |c| format!("{:?} {}", c.state, c.detail.split(": `").next().unwrap_or_default()))
    }

    #[test]
    fn a_key_that_others_may_read_is_bad_and_another_owner_of_a_certificate_is_not() {
        let fact =
            |mode, group: &str| FileFact { mode, owner: "root".into(), group: group.into(), ..FileFact::default() };
        let key = File { content: Content::Secret(Secret::new(*b"k")), mode: 0o600, owner: "root".into() };
        let certificate = File { content: Content::Text("c".into()), ..key.clone() };
        assert_eq!(mode("a.key", &key, &fact(0o600, "root")), None);
        let open = mode("a.key", &key, &fact(0o644, "root")).unwrap();
        let said = "a.key has mode 0644 and belongs to root:root, not 0600 and root:root";
        assert_eq!(open, (State::Bad, said.to_owned()));
        assert_eq!(mode("a.crt", &certificate, &fact(0o644, "adm")).unwrap().0, State::Warning);
        assert_eq!(mode("a.key", &key, &fact(0o400, "root")).unwrap().0, State::Warning);
    }

    #[test]
    fn what_is_damaged_is_told_from_what_is_only_another() {
        let (mine, another) = (Key::generate(KeyKind::EcdsaP256).unwrap(), Key::generate(KeyKind::EcdsaP256).unwrap());
        let (text, renewed, foreign) = (certificate(&mine, 1), certificate(&mine, 2), certificate(&another, 3));
        let cut = &text[..text.len() / 2];
        let told = [
            said(&text, &mine, Some(&text), Some(&mine)),
            said(&text, &mine, Some(cut), Some(&mine)),
            said(&text, &mine, Some(""), Some(&mine)),
            said(&text, &mine, Some(&text), Some(&another)),
            said(&text, &mine, Some(&foreign), Some(&mine)),
            said(&text, &mine, Some(&renewed), Some(&mine)),
            said(&text, &mine, Some(&foreign), Some(&another)),
            said(&text, &mine, Some(&text), None),
            said(&text, &mine, None, Some(&mine)),
        ];
        insta::assert_snapshot!(told.join("\n"), @r"

        Bad a.crt is no certificate
        Bad a.crt is no certificate
        Bad a.key is not the key of a.crt
        Bad a.key is not the key of a.crt
        Warning a.crt is an older or newer one
        Warning a.crt is another one
        Bad a.key is not there
        Bad a.crt is not there
        ");
    }
}
