//! ASCII armor, and texts with their signature below (RFC 9580, sections 6 and 7).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const MESSAGE: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const SIGNATURE_END: &str = "-----END PGP SIGNATURE-----";
const KEY: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const KEY_END: &str = "-----END PGP PUBLIC KEY BLOCK-----";

/// The text, the form of it that is signed, and the bytes of the signatures. What stands before or behind is refused: it is
/// signed by nobody, and somebody could take it for the text.
pub fn message(message: &str) -> Result<(String, String, Vec<u8>), String> {
    let mut lines = message.lines().map(|line| line.trim_end_matches(['\r', '\t', ' ']));
    if lines.next() != Some(MESSAGE) {
        return Err("it does not begin as a signed text".into());
    }
    loop {
        match lines.next() {
            Some("") => break,
            // Which hashes there are, the signatures say themselves.
            Some(line) if line.starts_with("Hash: ") => {}
            _ => return Err("it has a header that a signed text has not".into()),
        }
    }
    let mut text: Vec<&str> = Vec::new();
    loop {
        match lines.next() {
            Some(SIGNATURE) => break,
            Some(line) if line.starts_with("- ") => text.push(&line[2..]),
            Some(line) if line.starts_with('-') => {
                return Err("a line of it begins with a dash that is not escaped".into());
            }
            Some(line) => text.push(line),
            None => return Err("it has no signature".into()),
        }
    }
    let signatures = block(&mut lines, SIGNATURE_END)?;
    if lines.any(|line| !line.is_empty()) {
        return Err("something stands behind its signature".into());
    }
    Ok((text.join("\n") + "\n", text.join("\r\n"), signatures))
}

/// The bytes of keys in ASCII armor; nothing where it is not that.
pub fn keys(bytes: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| text.contains(KEY)) else { return Ok(None) };
    let mut lines = text.lines().map(str::trim_end);
    let mut keys = Vec::new();
    while lines.any(|line| line == KEY) {
        keys.extend(block(&mut lines, KEY_END)?);
    }
    Ok(Some(keys))
}

/// What an armored block holds, whose first line was read. Its checksum vouches for nothing.
fn block<'a>(lines: &mut impl Iterator<Item = &'a str>, end: &str) -> Result<Vec<u8>, String> {
    // Headers end with an empty line.
    lines.find(|line| line.is_empty()).ok_or("a block is cut short")?;
    let mut base64 = String::new();
    for line in lines {
        match line {
            line if line == end => {
                return STANDARD.decode(base64).map_err(|_| "a block is no base64".to_owned());
            }
            line if line.starts_with('=') => {}
            line => base64.push_str(line),
        }
    }
    Err("a block has no end".into())
}
