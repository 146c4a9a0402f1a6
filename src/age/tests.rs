use base64::engine::general_purpose::STANDARD;

use super::*;

/// Made by age-keygen 1.3.2, for these tests only.
const FIRST: (&str, &str) = (
    "age1vn3hj3yjmku3chqrdd3fvye6azrn3vy8at6cvn3jdn3vug0j8ggstph5cr",
    "AGE-SECRET-KEY-1D9U0MNRNQM70GU7LTRTD76AV3CCLA66A9C6ME0F83RGCY45GD7GSWPL9XU",
);
const SECOND: (&str, &str) = (
    "age1mg6gytmg57lsluf8carfkp5u9uywwmvw442tgx5fj66v87ndz9ms4rml3a",
    "AGE-SECRET-KEY-12FQW7CMUC7KU28EF3L85RADL8C4HKXEEXUFN7UZUUY69ZEUZTC5QVD5QSY",
);
/// `printf 'written by age\n' | age -r SECOND -r FIRST`, by age 1.3.2.
const BY_AGE: &str = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBFYUlPcFdUOTM1VXhlN05SWWlQS0t2VGJKZ2dTbXBUdHJmcTJGWmxlcWtvCjVNRXU3QTVMb0cvNU5EbEhBL01SMndwZ0M2S1cyZTBoNTVHL0Q2KzR2dGsKLT4gWDI1NTE5IHJOWlpiN2F5UVovUGlIYmY0RGFzVFR3SzY1OGlaQXYvQXlKaEw5VHZ0akkKTHN0Z3FhZ1RNTlpKcGtDRi9FN0wxMGtLRUhXQUxSYnprZkIyVHFxL1ZmYwotLS0gMXZhRmFrUzVKNkxLam5FN3FvSlYvckh6d1pkUVQ3THRjSlRSSnM5TnluYwqanVcaI1THDVzGGTYFyscAwO7yREJD6bBgLoujKt2Hp3xFLYGxRwVpKzjn4PM/3w==";

fn identity(text: &str) -> Vec<Identity> {
    Identity::all_from_file(format!("# a comment\n\n{text}\n").as_bytes(), "key.txt").unwrap()
}

#[test]
fn what_age_has_written_is_read_with_either_key() {
    let file = STANDARD.decode(BY_AGE).unwrap();
    for (_, key) in [FIRST, SECOND] {
        assert_eq!(decrypt(&file, &identity(key), "it").unwrap().expose(), b"written by age\n");
    }
    // Whatever byte is another, it is noticed.
    for at in 0..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 1;
        assert!(decrypt(&damaged, &identity(FIRST.1), "it").is_err(), "byte {at}");
        assert!(decrypt(&file[..at], &identity(FIRST.1), "it").is_err(), "cut at {at}");
    }
}

#[test]
fn what_was_encrypted_comes_back_for_every_recipient_and_nobody_else() {
    let recipient = |(text, _): (&str, &str)| Recipient::parse(text).unwrap();
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 5] {
        let plain: Vec<u8> = (0..length).map(|n| n as u8).collect();
        let file = encrypt(&plain, &[recipient(FIRST), recipient(SECOND)]).unwrap();
        for (_, key) in [FIRST, SECOND] {
            assert!(decrypt(&file, &identity(key), "it").unwrap().expose() == plain, "{length}");
        }
    }
    let file = encrypt(b"for one", &[recipient(FIRST)]).unwrap();
    let error = decrypt(&file, &identity(SECOND.1), "recovery.age").unwrap_err();
    assert_eq!(error.message, "recovery.age is not encrypted to this identity");
    assert_ne!(file, encrypt(b"for one", &[recipient(FIRST)]).unwrap());
    assert!(!file.windows(7).any(|part| part == b"for one"));
}

#[test]
fn chunks_cannot_be_left_out_or_added() {
    let file = encrypt(&[7; 2 * CHUNK], &[Recipient::parse(FIRST.0).unwrap()]).unwrap();
    let payload = file.len() - 2 * (CHUNK + TAG);
    let cut = &file[..payload + CHUNK + TAG];
    assert!(decrypt(cut, &identity(FIRST.1), "it").is_err());
    let twice = [&file, &file[payload..]].concat();
    assert!(decrypt(&twice, &identity(FIRST.1), "it").is_err());
}

#[test]
fn keys_are_read_whole_or_not_at_all() {
    assert_eq!(Recipient::parse(FIRST.0).unwrap().to_string(), FIRST.0);
    for text in ["", "age1", FIRST.1, &FIRST.0[..61], &FIRST.0.replace("age1v", "age1w"), "ssh-ed25519 AAAA"] {
        assert_eq!(Recipient::parse(text), None, "{text}");
    }
    for (text, line) in [("", 1), ("# nothing\n", 1), (FIRST.0, 1), ("# a\nAGE-SECRET-KEY-1QQ\n", 2), ("\u{0}", 1)] {
        let error = Identity::all_from_file(text.as_bytes(), "key.txt").err().unwrap();
        assert_eq!(error.message, format!("key.txt:{line}: a line AGE-SECRET-KEY-1… is expected"));
    }
}
