//! A key that the folder does not have any more goes from the API servers, where nothing is encrypted with it and nobody
//! writes with it.

use super::secrets_at_rest::Has;
use crate::error::{Error, Result};
use crate::health::{AtRest, Written};
use crate::state::EncryptionKey;

/// Names of keys that API servers have and the folder has not; they are about to go. `all` is none where no member of etcd
/// answers. That none of them is first on a host, trust has seen to.
///
/// # Errors
/// Refused: it is not known that nobody needs one of them.
pub(super) fn retired(
    keys: &[EncryptionKey],
    masters: &[(&str, Has<'_>)],
    all: Option<&AtRest>,
) -> Result<Vec<String>> {
    let mut names: Vec<&str> = masters.iter().flat_map(|(_, has)| has.keys.iter().copied()).collect();
    names.retain(|name| keys.iter().all(|key| key.name != *name));
    names.sort_unstable();
    names.dedup();
    let mut errors = Vec::new();
    for name in &names {
        let having = masters.iter().filter(|(_, has)| has.keys.contains(name));
        let unread: Vec<&str> =
            having.filter(|(_, has)| has.read.is_none() || has.read != has.lies).map(|(host, _)| *host).collect();
        let why = match all {
            None => "no member of etcd says whether Secrets are encrypted with it".to_owned(),
            Some(all) if all.secrets.contains_key(&Written::Otherwise) => {
                "Secrets are encrypted in a way that is none of kbootstrap's, with a key that etcd does not name"
                    .to_owned()
            }
            Some(_) if !unread.is_empty() => {
                format!("it is not known that nobody writes with it any more ({})", unread.join(", "))
            }
            Some(_) => continue,
        };
        errors.push(
            Error::pki(format!("API servers have {name}, which encryption.key does not have any more; {why}")).hint(
                format!("put {name} back into it, behind the key that writes, and run `kbootstrap up`: then it can go"),
            ),
        );
    }
    Error::all(errors)?;
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// What people are to know before they throw it away.
pub(super) fn warning(name: &str) -> String {
    format!(
        "{name} goes from the API servers; backups of etcd from before Secrets were written again need it: keep it with them"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn keys() -> Vec<EncryptionKey> {
        vec![EncryptionKey { name: "key2".into(), secret: Secret::new([2; 32]) }]
    }

    fn has<'a>(keys: &[&'a str], read: Option<&'a str>) -> Has<'a> {
        Has { runs: true, lies: Some("lies"), keys: keys.to_vec(), read }
    }

    fn nothing_with_it() -> AtRest {
        AtRest { secrets: [(Written::Secretbox("key2".into()), vec!["default/x".into()])].into() }
    }

    #[test]
    fn a_key_that_nobody_needs_goes() {
        let (both, one) = (has(&["key2", "key1"], Some("lies")), has(&["key2"], None));
        let masters = [("m1", both.clone()), ("m2", both), ("m3", one)];
        assert_eq!(retired(&keys(), &masters, Some(&nothing_with_it())).unwrap(), ["key1"]);
        assert!(retired(&keys(), &masters[2..], None).unwrap().is_empty(), "nobody has to be asked");
    }

    #[test]
    fn a_key_that_may_be_needed_stays() {
        let masters = [("m1", has(&["key2", "key1"], Some("lies"))), ("m2", has(&["key2", "key1"], Some("before")))];
        let said = |all| {
            let error = retired(&keys(), &masters, all).unwrap_err();
            [error.message, error.hints.join("\n")].join("\n")
        };
        let mut otherwise = nothing_with_it();
        otherwise.secrets.insert(Written::Otherwise, vec!["default/y".into()]);
        insta::assert_snapshot!([said(None), said(Some(&nothing_with_it())), said(Some(&otherwise))].join("\n"), @r"
        API servers have key1, which encryption.key does not have any more; no member of etcd says whether Secrets are encrypted with it
        put key1 back into it, behind the key that writes, and run `kbootstrap up`: then it can go
        API servers have key1, which encryption.key does not have any more; it is not known that nobody writes with it any more (m2)
        put key1 back into it, behind the key that writes, and run `kbootstrap up`: then it can go
        API servers have key1, which encryption.key does not have any more; Secrets are encrypted in a way that is none of kbootstrap's, with a key that etcd does not name
        put key1 back into it, behind the key that writes, and run `kbootstrap up`: then it can go
        ");
    }
}
