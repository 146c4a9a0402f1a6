//! Texts in the encodings that programs of Windows write: UTF-8 behind a mark is read as it is, UTF-16 is named.

use super::sh_word;
use crate::error::{Error, Result};

const MARK: &[u8] = b"\xef\xbb\xbf";

/// The text without the mark that Windows puts before UTF-8 (BOM).
pub fn unmarked(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(MARK).unwrap_or(bytes)
}

/// The text without its mark. `what` names the file in errors.
///
/// # Errors
/// Input: it is UTF-16; the hint has the command that converts it.
pub fn utf8<'a>(bytes: &'a [u8], what: &str) -> Result<&'a [u8]> {
    match utf16(bytes) {
        Some(encoding) => {
            let file = if what.contains(' ') { "FILE".to_owned() } else { sh_word(what) };
            Err(Error::input(format!("{what}: it is UTF-16, and not UTF-8"))
                .hint(format!("convert it: iconv -f {encoding} -t UTF-8 {file} > NEW")))
        }
        None => Ok(unmarked(bytes)),
    }
}

/// The encoding, as iconv names it, of a text in UTF-16: by its mark, or by every other byte at its beginning being 0.
pub fn utf16(bytes: &[u8]) -> Option<&'static str> {
    let is_text = |b: u8| (b' '..=b'~').contains(&b) || b.is_ascii_whitespace();
    match *bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        [a, 0, b, 0, ..] if is_text(a) && is_text(b) => Some("UTF-16LE"),
        [0, a, 0, b, ..] if is_text(a) && is_text(b) => Some("UTF-16BE"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_passed_over_and_utf16_is_named_with_the_command() {
        assert_eq!(utf8(b"\xef\xbb\xbfa", "x").unwrap(), b"a");
        assert_eq!(utf8(b"a\0", "x").unwrap(), b"a\0");
        let hint = |bytes: &[u8]| utf8(bytes, "x.json").unwrap_err().hints.remove(0);
        assert_eq!(hint(b"\xff\xfe{\0"), "convert it: iconv -f UTF-16 -t UTF-8 x.json > NEW");
        assert_eq!(hint(b"{\0\"\0"), "convert it: iconv -f UTF-16LE -t UTF-8 x.json > NEW");
        assert_eq!(hint(b"\0{\0\""), "convert it: iconv -f UTF-16BE -t UTF-8 x.json > NEW");
    }
}
