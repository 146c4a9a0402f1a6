//! Checksum files as projects publish them.

use crate::digest::is_sha256;

/// The SHA-256 of `file` in the text: `sha256sum` output for one or many files (perhaps inside a PGP-signed message),
/// or a hash alone.
pub fn find(text: &str, file: &str) -> Option<String> {
    let mut entries = text.lines().filter_map(entry);
    let named = |(_, name): &(String, String)| name.rsplit('/').next() == Some(file);
    if let Some((hash, _)) = entries.clone().find(named) {
        return Some(hash);
    }
    // A file beside just one other file may name it by another path, or not at all.
    match (entries.next(), entries.next()) {
        (Some((hash, name)), None) if name.is_empty() => Some(hash),
        _ => None,
    }
}

fn entry(line: &str) -> Option<(String, String)> {
    let (hash, name) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
    let hash = hash.to_ascii_lowercase();
    is_sha256(&hash).then(|| (hash, name.trim_start().trim_start_matches('*').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_are_understood() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        assert_eq!(find(&a, "kubelet"), Some(a.clone()));
        assert_eq!(find(&format!("{a}\n"), "kubelet"), Some(a.clone()));
        let many = format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{a} *runc.amd64\n{b} *runc.arm64\n");
        assert_eq!(find(&many, "runc.arm64"), Some(b.clone()));
        assert_eq!(find(&format!("{}  release/x.tgz", b.to_uppercase()), "x.tgz"), Some(b));
    }

    #[test]
    fn the_hash_of_another_file_is_no_hash() {
        assert_eq!(find(&format!("{}  other", "a".repeat(64)), "kubelet"), None);
        assert_eq!(find("<html>not found</html>", "kubelet"), None);
    }
}
