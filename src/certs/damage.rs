//! Whether a PEM block that says `CERTIFICATE` and cannot be read was one: a damaged certificate is worth an alarm, a
//! text with an example in it is not.

use std::path::Path;

/// As much as no example in a text has.
const BEGINNING: usize = 64;

/// By the name of its file, or as the base64 begins as that of a certificate does.
pub(crate) fn was_certificate(path: &Path, base64: &[u8]) -> bool {
    let called = path.extension().is_some_and(|end| ["pem", "crt", "cer", "cert"].iter().any(|known| end == *known));
    let is_base64 = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    // A SEQUENCE of at least 128 bytes.
    called || (base64.starts_with(b"MI") && base64.iter().take_while(is_base64).count() >= BEGINNING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_or_the_beginning_tells() {
        let long = "MIIB".to_owned() + &"A".repeat(60);
        for (name, base64, was) in [
            ("pki/ca.crt", "", true),
            ("ca.pem", "what?", true),
            ("ca", long.as_str(), true),
            ("README.md", "MIIB...", false),
            ("notes.txt", "paste it here", false),
            ("notes.txt", &"A".repeat(80), false),
        ] {
            assert_eq!(was_certificate(Path::new(name), base64.as_bytes()), was, "{name}");
        }
    }
}
