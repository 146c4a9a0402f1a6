//! Signing configurations (JSON): refused, or written and read back the same, with every profile usable or refused.
#![no_main]

use kbootstrap::pki::SigningConfig;
use libfuzzer_sys::fuzz_target;
use time::OffsetDateTime;

fuzz_target!(|data: &[u8]| {
    let Ok(config) = SigningConfig::from_json(data, "fuzz") else { return };
    // Keys and servers of signing over a network are read, and never written.
    if config.auth_keys.is_empty() && config.remotes.is_empty() {
        let again = SigningConfig::from_json(config.to_json().as_bytes(), "again").unwrap();
        assert_eq!(again, config);
    }
    for name in config.profiles.keys().map(|name| Some(name.as_str())).chain([None, Some("nobody")]) {
        if let Ok(profile) = config.profile(name) {
            let _ = profile.validity(OffsetDateTime::UNIX_EPOCH);
        }
    }
});
