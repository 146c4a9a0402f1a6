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
    hidden(&without_other_forms(text), if beside_key { PIECE } else { RUN }, |run| {
        !beside_key && (is_path(run) || is_identifier(run))
    })
}

/// The text with `*` in the place of what may be a key; as long as before. `beside_key`: it comes from a file with one.
pub fn hide(text: &str, beside_key: bool) -> String {
    hidden(text, if beside_key { PIECE } else { RUN }, |_| false)
}

/// What is written in hexadecimal has at least so many digits: 32 bytes.
const HEX: usize = 64;

/// The text with `*` in the place of what may be a key in hexadecimal or in base64 for URLs. A checksum or fingerprint that
/// says that it is one (`sha256:…`) is none.
fn without_other_forms(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (run, after) = rest.split_at(rest.find(|c| !is_base64_url(c)).unwrap_or(rest.len()));
        let before = out.to_ascii_lowercase();
        let is_digest = ["sha256:", "sha384:", "sha512:", "sha-256 "].iter().any(|word| before.ends_with(word));
        let encoded = is_base64_url_key(run);
        for piece in run.split_inclusive(['-', '_']) {
            let word = piece.trim_end_matches(['-', '_']);
            match !is_digest && (encoded || is_hex_key(word)) {
                true => out.extend(std::iter::repeat_n('*', piece.len())),
                false => out.push_str(piece),
            }
        }
        let other = after.find(is_base64_url).unwrap_or(after.len());
        out.push_str(&after[..other]);
        rest = &after[other..];
    }
    out
}

fn is_base64_url(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

fn is_hex_key(run: &str) -> bool {
    let digits = run.strip_prefix("0x").unwrap_or(run);
    digits.len() >= HEX
        && digits.bytes().all(|b| b.is_ascii_hexdigit())
        && digits.contains(|c: char| !c.is_ascii_digit())
}

/// Names have words between their hyphens: what is encoded has hardly one.
fn is_base64_url_key(run: &str) -> bool {
    if run.len() < RUN || !run.contains(['-', '_']) || !is_mixed(run) {
        return false;
    }
    let pieces = || run.split(['-', '_']);
    let random = |piece: &str| piece.len() >= PIECE && is_mixed(piece) && is_random(piece) && !is_identifier(piece);
    if pieces().any(random) {
        return true;
    }
    let encoded: usize = pieces().filter(|piece| piece.len() >= 4 && !is_word(piece)).map(str::len).sum();
    let (changes, letters) = changes(run);
    encoded * 2 > run.len() || (changes * 100 >= letters * 35 && run.contains(|c: char| c.is_ascii_digit()))
}

/// In one case, or with a capital first, and digits only behind; or words without a gap, as identifiers of programs.
fn is_word(piece: &str) -> bool {
    let letters = piece.trim_end_matches(|c: char| c.is_ascii_digit());
    let tail = letters.get(1..).unwrap_or_default();
    let one_case =
        |text: &str| text.bytes().all(|b| b.is_ascii_lowercase()) || text.bytes().all(|b| b.is_ascii_uppercase());
    // Random strings of programs: names of hosts and pods in one case.
    let plain = piece.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    (piece.len() <= WORD && (one_case(tail) || plain)) || is_identifier(piece)
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
        let like_a_piece = || is_random(run) || begins_as_der(run);
        let like_a_key = run.len() >= least && mixed || run.len() >= PIECE && mixed && like_a_piece();
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
    !begins_as_der(run)
        && letters == run.trim_end_matches(|c: char| c.is_ascii_digit()).len()
        && changes * 10 < letters * 4
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
    use proptest::test_runner::RngSeed;

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

    #[test]
    fn keys_in_hexadecimal_and_for_urls_are_masked() {
        let hex = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
        assert_eq!(masked(&format!("cannot read {hex}: no"), false), format!("cannot read {}: no", "*".repeat(64)));
        assert_eq!(masked(&format!("0x{hex}"), false), "*".repeat(66));
        assert_eq!(masked(&format!("key: {hex}-256"), false), format!("key: {}256", "*".repeat(65)));
        for readable in [
            &format!("registry.example/pause@sha256:{hex}"),
            "218753097043351013417224286901079954505418762036",
            "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
            "kube-apiserver-etcd-client-of-the-whole-Cluster-1.pem",
            "Prod-Cluster-3-Certificates-For-The-Whole-Company",
            "CIS_Kubernetes_Benchmark_V1_11_Control_Plane_Components",
            "coredns-7db6d8ff4d-x2x4z-of-a-node-in-the-Cluster",
            "fail-configMapAndSecretChangeDetectionStrategy-1",
        ] {
            assert_eq!(masked(readable, false), readable);
        }
    }

    proptest! {
        // A smaller example would be a word; the same keys each time, as every hundred thousandth could be one by chance.
        #![proptest_config(ProptestConfig { cases: 2000, max_shrink_iters: 0, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]
        /// Of 48 bytes no twelve characters in a row are shown.
        #[test]
        fn no_key_for_urls_is_shown(bytes in proptest::collection::vec(any::<u8>(), 48)) {
            use base64::Engine;
            // Keys are random: no long runs of one byte.
            prop_assume!(bytes.iter().collect::<std::collections::BTreeSet<_>>().len() > 30);
            let key = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&bytes);
            // Some hundred thousandth key is all short pieces that could be words.
            prop_assume!(key.matches(['-', '_']).count() <= 4);
            let shown = masked(&format!("cannot read {key}: no"), false);
            let piece = (0..key.len() - PIECE).map(|at| &key[at..at + PIECE]).find(|piece| shown.contains(piece));
            prop_assert_eq!(piece, None, "{}", shown);
        }
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
        let letters = "MHcCAQEEILonjjpddlfiaqbz";
        assert_eq!(masked(letters, false), "*".repeat(letters.len()), "the beginning of one that is all letters");
        assert!(is_suspect(letters));
        assert_eq!(hide("`AwEHoUQDQgAE`", true), "`************`", "the last line of a key is short");
    }
}
