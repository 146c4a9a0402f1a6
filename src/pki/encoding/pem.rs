//! PEM (RFC 7468), read leniently and written as OpenSSL and Go write it: 64 columns, `\n`.

use std::iter::Peekable;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::error::{Error, Reason, Result};

const BEGIN: &[u8] = b"-----BEGIN ";
const DASHES: &[u8] = b"-----";
/// The longest word of a label is `CERTIFICATE`. What is longer may be a piece of a key, and is not quoted.
const LONGEST_WORD: usize = 11;
const LONGEST_LABEL: usize = 40;

/// One PEM block. Its bytes may be a key, so they are wiped when dropped.
pub(crate) struct Block {
    /// `CERTIFICATE`, `PRIVATE KEY`, …
    pub(crate) label: String,
    /// It has RFC 1421 headers that say it is encrypted.
    pub(crate) encrypted: bool,
    /// The value of its `DEK-Info` header: cipher and initialisation vector.
    pub(crate) dek_info: Option<String>,
    /// Its text without white space.
    pub(crate) base64: Zeroizing<Vec<u8>>,
    /// What the base64 holds.
    pub(crate) der: Zeroizing<Vec<u8>>,
}

/// A block that cannot be read.
pub(crate) struct Damaged {
    /// As in [`Block`].
    pub(crate) label: String,
    /// As in [`Block`], as far as it goes.
    pub(crate) base64: Zeroizing<Vec<u8>>,
    /// Why, and where; nothing of what stands in it.
    pub(crate) error: Box<Error>,
}

/// All blocks of a text; whatever stands between them is skipped. `what` names the source in errors.
pub(crate) fn decode(text: &[u8], what: &str) -> Result<Vec<Block>> {
    each(text, what).into_iter().collect::<Result<_, _>>().map_err(|damaged| *damaged.error)
}

/// The same, with what is damaged among them.
pub(crate) fn each(text: &[u8], what: &str) -> Vec<Result<Block, Damaged>> {
    let mut blocks = Vec::new();
    let mut lines = text.split(|&b| b == b'\n').enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        if let Some(label) = boundary(line, BEGIN) {
            blocks.push(block(label, number + 1, &mut lines, what));
        } else if let Some((label, rest)) = joined(line) {
            let base64 = Zeroizing::new(rest.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect());
            let problem = format!("{what}: line {}: the line ends of the {label} block are lost", number + 1);
            blocks.push(Err(Damaged { label, base64, error: Box::new(Error::pki(problem).hint(restore(rest))) }));
        }
    }
    blocks
}

fn block<'a>(
    label: String,
    start: usize,
    lines: &mut Peekable<impl Iterator<Item = (usize, &'a [u8])>>,
    what: &str,
) -> Result<Block, Damaged> {
    let mut base64 = Zeroizing::new(Vec::new());
    let (mut encrypted, mut dek_info) = (false, None);
    // The next block is not this one's.
    while let Some((_, line)) = lines.next_if(|(_, line)| boundary(line, BEGIN).is_none()) {
        if let Some(end) = boundary(line, b"-----END ") {
            let problem = match STANDARD.decode(base64.as_slice()) {
                _ if end != label => format!("BEGIN {label} ends with END {end}"),
                Ok(der) => return Ok(Block { label, encrypted, dek_info, base64, der: Zeroizing::new(der) }),
                Err(_) => format!("the {label} block is not valid base64"),
            };
            return Err(Damaged {
                label,
                base64,
                error: Box::new(Error::pki(format!("{what}: line {start}: {problem}"))),
            });
        }
        if line.contains(&b':') {
            encrypted |= line.starts_with(b"Proc-Type:") && line.windows(9).any(|w| w == b"ENCRYPTED");
            if let Some(value) = line.strip_prefix(b"DEK-Info:") {
                dek_info = Some(String::from_utf8_lossy(value.trim_ascii()).into_owned());
            }
        } else {
            base64.extend(line.iter().filter(|b| !b.is_ascii_whitespace()));
        }
    }
    let reason = if lines.peek().is_some() { " before the next BEGIN" } else { ": the file is cut off" };
    let error = Error::pki(format!("{what}: line {start}: BEGIN {label} has no END{reason}"));
    Err(Damaged { label, base64, error: Box::new(error) })
}

fn boundary(line: &[u8], prefix: &[u8]) -> Option<String> {
    label(line.trim_ascii().strip_prefix(prefix)?.strip_suffix(DASHES)?)
}

/// What is between `BEGIN` and dashes, where it can be a label: a key without line ends stands there, too.
fn label(text: &[u8]) -> Option<String> {
    let is_word = |word: &[u8]| {
        word.len() <= LONGEST_WORD && word.iter().all(|b| b.is_ascii_alphanumeric() || b".#-_".contains(b))
    };
    let fits = text.len() <= LONGEST_LABEL && text.split(|b| *b == b' ').all(is_word);
    fits.then(|| String::from_utf8_lossy(text).into_owned())
}

/// A block whose lines are one line: its label and what follows.
fn joined(line: &[u8]) -> Option<(String, &[u8])> {
    let rest = line.trim_ascii_start().strip_prefix(BEGIN)?;
    let end = rest.windows(DASHES.len()).position(|window| window == DASHES)?;
    Some((label(&rest[..end])?, &rest[end + DASHES.len()..]))
}

/// How a file gets its line ends back, by what stands where they were.
fn restore(after_label: &[u8]) -> &'static str {
    match after_label {
        [b'\r', ..] => r"they are carriage returns: tr '\r' '\n' < FILE > NEW",
        [b'\\', b'n', ..] => r"they are written as \n: sed 's/\\n/\n/g' FILE > NEW",
        [b'\\', b'r', ..] => r"they are written as \r\n: sed 's/\\r\\n/\n/g' FILE > NEW",
        _ => r"put them back: sed -E 's/ *(-----(BEGIN|END) [A-Z0-9 ]+-----) */\n\1\n/g' FILE | fold -w 64 > NEW",
    }
}

/// Whether bytes look like a PKCS#12 file: a SEQUENCE that begins with version 3 and a ContentInfo.
pub fn is_pkcs12(bytes: &[u8]) -> bool {
    let header = match bytes {
        [0x30, length, ..] if *length < 0x80 => 2,
        // 0x80 is the indefinite length of older Java and Windows files.
        [0x30, length, ..] => 2 + usize::from(length & 0x7f),
        _ => return false,
    };
    bytes.get(header..).is_some_and(|inside| inside.starts_with(&[2, 1, 3, 0x30]))
}

/// What a wrong password looks like: padding or structure that is none. A damaged file looks the same.
pub(crate) fn wrong_password(what: &str) -> Error {
    Error::pki(format!("{what}: the password is not the right one, or the file is damaged")).because(Reason::Password)
}

/// One block. The text may hold a key: it is wiped when dropped.
pub(crate) fn encode(label: &str, der: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(STANDARD.encode(der));
    let mut text = String::with_capacity(base64.len() + base64.len() / 64 + 2 * label.len() + 40);
    text.push_str("-----BEGIN ");
    text.push_str(label);
    text.push_str("-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    Zeroizing::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn skips_text_around_blocks_and_takes_windows_line_ends() {
        let text =
            b"junk\r\n-----BEGIN A-----\r\nAAEC\r\n-----END A-----\r\nmore\n-----BEGIN B-----\nAw==\n-----END B-----";
        let blocks = decode(text, "x").unwrap();
        let seen: Vec<_> = blocks.iter().map(|b| (b.label.as_str(), b.der.as_slice())).collect();
        assert_eq!(seen, [("A", &[0u8, 1, 2][..]), ("B", &[3u8][..])]);
    }

    #[test]
    fn says_where_a_block_is_broken() {
        let error = |text: &[u8]| decode(text, "ca.pem").err().unwrap().message;
        insta::assert_snapshot!(error(b"\n-----BEGIN A-----\nAA"), @"ca.pem: line 2: BEGIN A has no END: the file is cut off");
        insta::assert_snapshot!(error(b"-----BEGIN A-----\n?\n-----END A-----"), @"ca.pem: line 1: the A block is not valid base64");
        insta::assert_snapshot!(error(b"-----BEGIN A-----\n-----END B-----"), @"ca.pem: line 1: BEGIN A ends with END B");
    }

    #[test]
    fn a_damaged_block_hides_no_other() {
        let text = b"-----BEGIN A-----\nAA\n-----BEGIN B-----\nAw==\n-----END B-----\n-----BEGIN C-----\n?\n-----END C-----\n-----BEGIN D-----\n-----END D-----\n";
        let seen: Vec<_> = each(text, "x")
            .into_iter()
            .map(|block| block.map_or_else(|damaged| damaged.error.message, |block| block.label))
            .collect();
        insta::assert_snapshot!(seen.join("\n"), @r"
        x: line 1: BEGIN A has no END before the next BEGIN
        B
        x: line 6: the C block is not valid base64
        D
        ");
    }

    #[test]
    fn a_block_in_one_line_is_not_quoted_and_can_be_mended() {
        for between in ["", " ", "\r", "\\n", "\\r\\n"] {
            let text = ["-----BEGIN EC PRIVATE KEY-----", "MHcCAQEEIBlk", "X0v3", "-----END EC PRIVATE KEY-----"]
                .join(between);
            let error = decode(text.as_bytes(), "x").err().unwrap();
            insta::allow_duplicates! {
                insta::assert_snapshot!(error, @"x: line 1: the line ends of the EC PRIVATE KEY block are lost");
            }
            assert!(error.hints[0].ends_with("> NEW"), "{:?}", error.hints);
        }
        assert!(decode(b"-----BEGIN MHcCAQEEIBlkX0v3-----\n", "x").unwrap().is_empty(), "too long for a label");
        assert!(
            decode(b"-----BEGIN A-----\n-----END MHcCAQEEIBlkX0v3-----\n", "x")
                .is_err_and(|e| !e.message.contains("MHc"))
        );
    }

    proptest! {
        #[test]
        fn decode_reads_what_encode_writes(der in proptest::collection::vec(any::<u8>(), 0..300)) {
            let text = encode("X", &der);
            prop_assert!(text.lines().all(|line| line.len() <= 64));
            let blocks = decode(text.as_bytes(), "x").unwrap();
            prop_assert_eq!(blocks.len(), 1);
            prop_assert_eq!(blocks[0].der.as_slice(), der.as_slice());
        }

        #[test]
        fn decode_never_panics(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&text, "x");
            let _ = decode(&[b"-----BEGIN A-----\n".as_slice(), &text].concat(), "x");
        }
    }
}
