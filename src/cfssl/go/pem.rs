//! PEM as Go's `pem.Decode` reads it: a BEGIN line counts only with its whole block, and what is no block is passed over.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// Go does not ask whether unused bits are zero.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// One block. It may be a key: its bytes are wiped when dropped.
#[derive(Debug)]
pub struct Block<'a> {
    /// `CERTIFICATE`, for one.
    pub label: &'a str,
    /// From its BEGIN line to its END line.
    pub text: &'a str,
    /// It has a header that says it is encrypted.
    pub encrypted: bool,
    /// What the base64 holds.
    pub der: Zeroizing<Vec<u8>>,
}

/// The first block and what follows its END line.
pub fn decode(text: &str) -> Option<(Block<'_>, &str)> {
    let mut from = 0;
    loop {
        let found = from + text[from..].find(BEGIN)?;
        from = found + BEGIN.len();
        let begins_line = found == 0 || text[..found].ends_with('\n');
        if let Some(found) = begins_line.then(|| block(&text[found..])).flatten() {
            return Some(found);
        }
    }
}

/// The block that a BEGIN line begins.
fn block(text: &str) -> Option<(Block<'_>, &str)> {
    let (first, mut rest) = line(&text[BEGIN.len()..]);
    let label = first.strip_suffix(DASHES)?;
    let (mut headers, mut encrypted) = (false, false);
    while let (header, after) = line(rest)
        && let Some((name, value)) = header.split_once(':')
    {
        headers = true;
        encrypted |= name.trim() == "Proc-Type" && value.contains("ENCRYPTED");
        rest = after;
    }
    // Without headers and content, END follows at once.
    let length = if !headers && rest.starts_with(END) { 0 } else { rest.find(&format!("\n{END}"))? + 1 };
    let (body, end) = rest.split_at(length);
    let after = end[END.len()..].strip_prefix(label)?.strip_prefix(DASHES)?;
    let (trailer, after) = line(after);
    if !trailer.is_empty() {
        return None;
    }
    // As long as it can get, so that no copy of a key is left behind by growing.
    let mut base64 = Zeroizing::new(Vec::with_capacity(body.len()));
    base64.extend(body.bytes().filter(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n')));
    let der = Zeroizing::new(BASE64.decode(base64.as_slice()).ok()?);
    let whole = text.len() - after.len();
    Some((Block { label, text: &text[..whole], encrypted, der }, after))
}

/// A line without its end and the blanks before that, and what follows.
fn line(text: &str) -> (&str, &str) {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    (line.strip_suffix('\r').unwrap_or(line).trim_end_matches([' ', '\t']), rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seen(text: &str) -> String {
        let Some((block, rest)) = decode(text) else { return "none".to_owned() };
        format!("{} {:?} encrypted {} then {rest:?}", block.label, block.der.as_slice(), block.encrypted)
    }

    #[test]
    fn blocks_are_found_between_other_text() {
        insta::assert_snapshot!(seen("junk\n-----BEGIN A-----\nAAEC\n-----END A-----\nrest"), @r#"A [0, 1, 2] encrypted false then "rest""#);
        insta::assert_snapshot!(seen("-----BEGIN A-----  \t\r\n AA \nEC\n-----END A----- \n"), @r#"A [0, 1, 2] encrypted false then """#);
        insta::assert_snapshot!(seen("-----BEGIN A-----\n-----END A-----"), @r#"A [] encrypted false then """#);
        insta::assert_snapshot!(seen("-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\nX: y\n\nAAEC\n-----END A-----"), @r#"A [0, 1, 2] encrypted true then """#);
    }

    #[test]
    fn what_is_no_block_is_passed_over() {
        const GOOD: &str = "-----BEGIN B-----\nAw==\n-----END B-----\n";
        for before in [
            "-----BEGIN A-----\n",
            "-----BEGIN A-----\n-----BEGIN A-----\nAAEC\n",
            "-----BEGIN A-----\n?\n-----END A-----\n",
            "-----BEGIN A----- x\nAAEC\n-----END A-----\n",
            "-----BEGIN A-----\nAAEC\n-----END A----- x\n",
            " -----BEGIN A-----\nAAEC\n-----END A-----\n",
        ] {
            assert_eq!(seen(&format!("{before}{GOOD}")), r#"B [3] encrypted false then """#, "{before}");
            assert_eq!(seen(before), "none", "{before}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "(-----BEGIN |-----END |A-----|AAEC|X: y|\n|\r| |é|x){0,12}") {
            let _ = decode(&text);
        }
    }
}
