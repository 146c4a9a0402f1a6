//! Text → [`Record`]; one that a newer program wrote is refused, not guessed at.

use semver::Version;
use serde::Deserialize;

use super::{FORMAT, Record};
use crate::error::{Error, Result};

/// What is looked at before anything else.
#[derive(Deserialize)]
struct Head {
    format: u32,
    kbootstrap: Version,
}

/// Reads a record; `from` is where it was found, for errors.
///
/// # Errors
/// Input: it is no record. Usage: a newer kbootstrap wrote it, so this one does not know what it would undo.
pub fn parse(text: &str, from: &str) -> Result<Record> {
    let damaged = |e: serde_json::Error| {
        Error::input(format!("{from}: the record of the last `up` cannot be read: {e}"))
            .hint("it is only a memory: take it away, and the next `up` writes it again")
    };
    let head: Head = serde_json::from_str(text).map_err(damaged)?;
    let ours = Version::parse(env!("CARGO_PKG_VERSION")).map_err(|e| Error::internal(e.to_string()))?;
    if head.format > FORMAT {
        return Err(Error::usage(format!(
            "{from}: this record is of format {}, and kbootstrap {ours} knows formats up to {FORMAT}",
            head.format
        ))
        .hint("a newer kbootstrap was here last: use that one"));
    }
    if head.kbootstrap > ours {
        return Err(Error::usage(format!(
            "{from}: kbootstrap {} was here last, and this is {ours}: an older one would take back what it does not know",
            head.kbootstrap
        ))
        .hint(format!("use kbootstrap {} or a newer one", head.kbootstrap)));
    }
    serde_json::from_str(text).map_err(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn what_a_newer_program_wrote_is_refused_and_what_is_damaged_is_named() {
        let newer = parse(r#"{"format": 1, "kbootstrap": "99.0.0"}"#, "m1").unwrap_err();
        assert_eq!(newer.kind, Kind::Usage);
        assert!(newer.message.contains("kbootstrap 99.0.0"), "{}", newer.message);
        let other = parse(r#"{"format": 99, "kbootstrap": "0.1.0", "new": []}"#, "m1").unwrap_err();
        assert_eq!(other.kind, Kind::Usage);
        for text in ["", "{}", r#"{"format": 1, "kbootstrap": "0.1.0"}"#] {
            let damaged = parse(text, "m1").unwrap_err();
            assert_eq!(damaged.kind, Kind::Input);
            assert!(damaged.message.starts_with("m1: the record"));
        }
    }
}
