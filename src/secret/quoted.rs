//! What must not be quoted: a file may be a key, or hold one, by mistake.

/// What stands in every private key that is written as PEM.
const MARK: &str = "PRIVATE KEY";
/// What a private key of age begins with, in capital letters and digits alone.
const AGE: &str = "AGE-SECRET-KEY-";
/// Encoded keys have at least so many characters in a row. Names that long have no small and capital letters mixed.
const RUN: usize = 32;
/// What is shorter is taken for a piece of one where it looks random, and in a file with a key in any case.
const PIECE: usize = 12;

/// Shorter names have shorter parts: `PreferNoSchedule`.
const WORD: usize = 20;

/// Whether there is a private key in a text.
pub fn is_in(text: &str) -> bool {
    text.contains(MARK) || text.to_ascii_uppercase().contains(AGE)
}

/// Whether a text is not to be quoted, not even its beginning.
pub fn is_suspect(text: &str) -> bool {
    is_in(text) || hide(text, false) != text
}

/// As [`hide`], for what people read who have typed it, or are to go on with it: paths and names of settings stay, however long
/// they are.
pub fn masked(text: &str, beside_key: bool) -> String {
    hidden(text, if beside_key { PIECE } else { RUN }, |run| !beside_key && (is_path(run) || is_identifier(run)))
}

/// The text with `*` in the place of what may be a key; as long as before. `beside_key`: it comes from a file with one.
pub fn hide(text: &str, beside_key: bool) -> String {
    hidden(text, if beside_key { PIECE } else { RUN }, |_| false)
}

fn hidden(text: &str, least: usize, stays: impl Fn(&str) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (run, after) = rest.split_at(rest.find(|c| !is_base64(c)).unwrap_or(rest.len()));
        let mixed = is_mixed(run);
        // The end alone is looked at: a line may be a megabyte.
        let end = &out.as_bytes()[out.len().saturating_sub(AGE.len())..];
        let of_age = end.eq_ignore_ascii_case(AGE.as_bytes());
        let like_a_key = run.len() >= least && mixed || run.len() >= PIECE && mixed && is_random(run);
        match of_age || like_a_key && !stays(run) {
            true => out.extend(std::iter::repeat_n('*', run.len())),
            false => out.push_str(run),
        }
        let other = after.find(is_base64).unwrap_or(after.len());
        out.push_str(&after[..other]);
        rest = &after[other..];
    }
    out
}

fn is_mixed(run: &str) -> bool {
    run.contains(|c: char| c.is_ascii_uppercase()) && run.contains(|c: char| c.is_ascii_lowercase())
}

/// What is DER begins with a SEQUENCE, and that as `MH`, `MI`, `MC`.
fn begins_as_der(run: &str) -> bool {
    run.starts_with('M') && run[1..].starts_with(|c: char| c.is_ascii_uppercase())
}

/// Names between slashes. Of what is encoded some piece between two of them is long and looks random, and capitals are
/// everywhere.
fn is_path(run: &str) -> bool {
    let random = |name: &str| name.len() >= PIECE && is_mixed(name) && is_random(name);
    let (changes, letters) = changes(run);
    run.contains('/') && !begins_as_der(run) && !run.split('/').any(random) && changes * 4 < letters
}

/// `configMapAndSecretChangeDetectionStrategy`, `failCgroupV1`: of what is encoded hardly a piece that long is all letters, and its case
/// changes at every other one.
fn is_identifier(run: &str) -> bool {
    let (changes, letters) = changes(run);
    letters == run.trim_end_matches(|c: char| c.is_ascii_digit()).len() && changes * 10 < letters * 4
}

/// How often the case changes from letter to letter, and how many letters there are.
fn changes(run: &str) -> (usize, usize) {
    let letters: Vec<char> = run.chars().filter(char::is_ascii_alphabetic).collect();
    let changes = letters.windows(2).filter(|two| two[0].is_ascii_uppercase() != two[1].is_ascii_uppercase());
    (changes.count(), letters.len())
}

/// Words and paths of people have few digits, and capitals at the beginning of their parts.
fn is_random(run: &str) -> bool {
    if run.contains('/') {
        return begins_as_der(run) || run.split('/').any(|name| name.len() >= PIECE && is_random(name));
    }
    let share = if run.len() < WORD { 4 } else { 3 };
    let (changes, letters) = changes(run);
    run.contains(|c: char| c.is_ascii_digit() || c == '+') || changes * 10 >= letters * share
}

fn is_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_stay_where_people_are_to_go_on_with_them() {
        for path in [
            "everything that was done is in clusters/production/log/20261127T093412.575Z-up.log",
            "/home/Kim/projects/Production/Certificates/of/the/whole/Cluster/ca.pem",
            "/Users/ann/Library/Application Support/KubernetesClusters/Prod/ca.pem",
            "/tmp/.tmplsCuuK/clusters/test/log/20261127T065341.076Z-up.log",
        ] {
            assert_eq!(masked(path, false), path);
        }
        for name in include_str!("../components/kubelet_fields.txt").lines().flat_map(|path| path.split('.')) {
            assert_eq!(masked(name, false), name);
        }
        let key = "IBlkX0v3rYqkJ2mXbq1g3v0aP8b/Zt/0Vf9C3S1oDQsgoAoGCCqGSM49";
        assert_eq!(masked(key, false), "*".repeat(key.len()));
        assert_ne!(
            masked("/home/Kim/projects/Production/Certificates/ca.pem", true),
            "/home/Kim/projects/Production/Certificates/ca.pem"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
        /// A line of a key is none, wherever its slashes are.
        #[test]
        fn no_line_of_a_key_is_taken_for_a_path(bytes in proptest::collection::vec(any::<u8>(), 48)) {
            use base64::Engine;
            let line = base64::engine::general_purpose::STANDARD.encode(&bytes);
            prop_assert!(!is_path(&line) && !is_identifier(&line), "{line}");
        }
    }

    #[test]
    fn keys_are_hidden_and_names_are_not() {
        let key = "MHcCAQEEIBlkX0v3rYqkJ2mXbq1g3v0aP8b+Zt/0Vf9C3S1oDQsgoAoGCCqGSM49";
        assert_eq!(hide(&format!("key: {key}, a"), false), format!("key: {}, a", "*".repeat(key.len())));
        let age = "AGE-SECRET-KEY-1D9U0MNRNQM70GU7LTRTD76AV3CCLA66A9C6ME0F83RGCY45GD7GSWPL9XU";
        assert_eq!(hide(age, false), format!("AGE-SECRET-KEY-{}", "*".repeat(59)));
        assert!(is_in(&age.to_lowercase()) && is_suspect(age));
        for name in [
            "worker-1.eu-west-1.compute.internal.example.com",
            "/etc/kubernetes/certificates/of/the/whole/cluster/ca.pem",
            "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
            "Every word of a sentence that is long enough is short.",
            "主机，a",
            "controlPlaneEndpoint",
            "insecureSkipTLSVerify",
            "/home/Kim/k8s/prod",
            "tmpQx3fGh/my/etcd",
            "PreferNoSchedule",
            "feature-gates: InitialCorruptCheck=true",
        ] {
            assert_eq!(hide(name, false), name);
            assert!(!is_suspect(name));
        }
        assert!(is_suspect(key) && is_suspect("-----BEGIN EC PRIVATE KEY-----"));
        assert!(is_suspect("-----BEGIN MIGHAgEAMBMGByqGSM49-----"), "a piece of one");
        assert!(is_suspect("MHcCAQEEIFp/kdmwoaqr"), "it begins as a key, and is no path");
        assert!(is_suspect("AwEHoUQDQgAE"));
        assert_eq!(hide("`AwEHoUQDQgAE`", true), "`************`", "the last line of a key is short");
    }
}
