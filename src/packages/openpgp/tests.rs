//! Texts that are signed rightly, and those that are not.

use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use super::*;
pub use signer::Signer;

#[path = "../../../tests/common/signer.rs"]
mod signer;

const TEXT: &str = "Suite: bookworm\n- a dash\n--- more\ntrailing \t\nSHA256:\n aa 1 x\n";
const NOW: u64 = 1_795_000_000;

fn keyring(bytes: &[u8]) -> Keyring {
    Keyring::read(bytes).unwrap()
}

#[test]
fn what_was_signed_is_read_and_nothing_else() {
    let signer = Signer::new(1);
    let message = signer.sign(TEXT, NOW);
    let signed = keyring(&signer.keyring()).verify(&message, NOW).unwrap();
    assert_eq!(signed.text, "Suite: bookworm\n- a dash\n--- more\ntrailing\nSHA256:\n aa 1 x\n");
    assert_eq!(signed.by, signer.fingerprint());
    let windows = message.replace('\n', "\r\n");
    assert_eq!(keyring(&signer.keyring()).verify(&windows, NOW).unwrap().text, signed.text);
}

#[test]
fn a_text_that_was_touched_is_refused() {
    let signer = Signer::new(1);
    let message = signer.sign(TEXT, NOW);
    let refused = |message: String| keyring(&signer.keyring()).verify(&message, NOW).unwrap_err().join("; ");
    let wrong = format!("the signature by {} is wrong", signer.fingerprint());
    assert_eq!(refused(message.replace("aa 1 x", "bb 1 x")), wrong);
    assert_eq!(refused(message.replace("Suite: bookworm\n", "")), wrong);
    assert_eq!(refused(format!("Suite: evil\n{message}")), "it does not begin as a signed text");
    assert_eq!(refused(format!("{message}Suite: evil\n")), "something stands behind its signature");
    assert_eq!(
        refused(message.replace("Hash: SHA512\n", "Hash: SHA512\nSuite: evil\n")),
        "it has a header that a signed text has not"
    );
    assert_eq!(
        refused(message.replace("- --- more", "--- more")),
        "a line of it begins with a dash that is not escaped"
    );
    assert_eq!(refused(message.split("-----BEGIN PGP SIGNATURE").next().unwrap().to_owned()), "it has no signature");
    assert_eq!(refused(TEXT.to_owned()), "it does not begin as a signed text");
    let other = Signer::new(2).sign(TEXT, NOW);
    let stranger = Signer::new(2).fingerprint();
    assert_eq!(refused(other), format!("signed by {stranger}, which is not trusted here"));
}

#[test]
fn a_key_that_has_expired_and_a_signature_of_tomorrow_do_not_count() {
    let signer = Signer::living(3, 1000);
    let refused = |signer: &Signer, made| {
        keyring(&signer.keyring()).verify(&signer.sign(TEXT, made), NOW).unwrap_err().join("; ")
    };
    assert!(refused(&signer, NOW).starts_with(&format!("the key {} has expired", signer.fingerprint())));
    let signer = Signer::new(3);
    assert_eq!(refused(&signer, NOW + 1_000_000), "it was signed in the future: is the clock of this machine right?");
    assert_eq!(refused(&signer, 5), format!("the signature is older than its key {}", signer.fingerprint()));
}

#[test]
fn a_subkey_signs_if_it_says_itself_whose_it_is() {
    let (primary, subkey) = (Signer::new(4), Signer::new(5));
    let message = subkey.sign(TEXT, NOW);
    let signed = keyring(&primary.keyring_with(&subkey, true)).verify(&message, NOW).unwrap();
    assert_eq!(signed.by, primary.fingerprint(), "what is pinned is the certificate");
    let refused = keyring(&primary.keyring_with(&subkey, false)).verify(&message, NOW).unwrap_err();
    assert_eq!(refused, [format!("signed by {}, which is not trusted here", subkey.fingerprint())]);
}

#[test]
fn only_wanted_keys_are_taken_from_a_file() {
    let (one, other) = (Signer::new(1), Signer::new(2));
    let both = [one.keyring(), other.keyring()].concat();
    let mut keys = Keyring::default();
    keys.add(keyring(&both), |fingerprint| fingerprint == one.fingerprint());
    assert!(keys.fingerprints().into_iter().eq([one.fingerprint().as_str()]));
    assert!(keys.verify(&other.sign(TEXT, NOW), NOW).is_err());
    assert!(Keyring::read(b"no key").is_err() && Keyring::read(b"").is_err());
}

/// What is believed here gpgv believes, too.
#[test]
fn gpgv_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (primary, subkey) = (Signer::new(6), Signer::new(7));
    let at = |name: &str| folder.path().join(name);
    fs::write(at("keys.gpg"), primary.keyring_with(&subkey, true)).unwrap();
    for (name, signer) in [("primary", &primary), ("subkey", &subkey)] {
        fs::write(at(name), signer.sign(TEXT, 1_700_000_000)).unwrap();
        let gpgv = Command::new("gpgv").arg("--keyring").args([at("keys.gpg"), at(name)]).output();
        // It is in every Debian and Ubuntu: apt needs it.
        let Ok(gpgv) = gpgv else { return };
        assert!(gpgv.status.success(), "{name}: {gpgv:?}");
    }
}

/// Debian's own keys, RSA and Ed25519, with their subkeys, where this machine has them.
#[test]
fn the_keys_of_debian_are_read_and_known() {
    let path = Path::new("/usr/share/keyrings/debian-archive-keyring.gpg");
    let Ok(bytes) = fs::read(path) else { return };
    let keys = keyring(&bytes);
    let fingerprints = keys.fingerprints();
    let known = crate::packages::known::FINGERPRINTS.iter().filter(|(_, about)| about.starts_with("Debian 12"));
    for (fingerprint, about) in known {
        assert!(fingerprints.contains(fingerprint), "{about}");
        let certificate = keys.certificates.iter().find(|one| one.primary.fingerprint == *fingerprint).unwrap();
        let subkeys = if about.ends_with("release") { 0 } else { 1 };
        assert_eq!(certificate.signing().count(), 1 + subkeys, "{about}: its subkey is bound to it");
    }
}

proptest! {
    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..400), at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let _ = Keyring::read(&bytes);
        let signer = Signer::new(1);
        let mut key = signer.keyring();
        let place = at.index(key.len());
        key[place] ^= with;
        let message = signer.sign(TEXT, NOW);
        if let Ok(keys) = Keyring::read(&key) {
            let _ = keys.verify(&message, NOW);
        }
        let mut message = message.into_bytes();
        let place = at.index(message.len());
        message[place] ^= with;
        let read = keyring(&signer.keyring()).verify(&String::from_utf8_lossy(&message), NOW);
        if let Ok(signed) = read {
            prop_assert_eq!(signed.text, keyring(&signer.keyring()).verify(&signer.sign(TEXT, NOW), NOW).unwrap().text);
        }
    }
}
