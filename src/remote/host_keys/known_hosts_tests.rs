use proptest::prelude::*;
use ring::hmac;

use super::*;

const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";
const OTHER: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIP//////////////////////////////////////////";

fn read(text: &str) -> KnownHosts {
    let mut known = KnownHosts::default();
    known.add(Path::new("known_hosts"), text);
    known
}

fn key(text: &str) -> Vec<u8> {
    decode_key(text).unwrap()
}

#[test]
fn judges_by_name_and_port() {
    let known =
        read(&format!("# a comment\n\nweb1,10.0.0.1 ssh-ed25519 {KEY} root@web1\n[web1]:2222 ssh-ed25519 {OTHER}\n"));
    assert_eq!(known.judge("web1", &key(KEY)), Verdict::Known);
    assert_eq!(known.judge("10.0.0.1", &key(KEY)), Verdict::Known);
    assert_eq!(known.judge(&lookup_name("WEB1", 2222), &key(OTHER)), Verdict::Known);
    assert_eq!(known.judge("web2", &key(KEY)), Verdict::Unknown);
    let Verdict::Changed(entries) = known.judge("web1", &key(OTHER)) else { panic!("not noticed") };
    assert_eq!(entries[0].place.to_string(), "known_hosts:3");
}

#[test]
fn names_are_those_of_openssh() {
    assert_eq!(lookup_name("Web1.Example.org", 22), "web1.example.org");
    assert_eq!(lookup_name("[fe80::1]", 22), "fe80::1");
    assert_eq!(lookup_name("fe80::1", 2222), "[fe80::1]:2222");
}

#[test]
fn a_key_of_another_type_is_a_changed_key() {
    let known = read(&format!("web1 ssh-ed25519 {KEY}\n"));
    let ecdsa = b"\0\0\0\x13ecdsa-sha2-nistp256rest";
    assert!(matches!(known.judge("web1", ecdsa), Verdict::Changed(_)));
}

#[test]
fn several_keys_of_a_host_are_all_good() {
    let known = read(&format!("web1 ssh-ed25519 {KEY}\nweb1 ssh-ed25519 {OTHER}\n"));
    assert_eq!(known.judge("web1", &key(KEY)), Verdict::Known);
    assert_eq!(known.judge("web1", &key(OTHER)), Verdict::Known);
}

#[test]
fn a_revoked_key_is_refused_even_where_it_is_known() {
    let known = read(&format!("web1 ssh-ed25519 {KEY}\n@revoked * ssh-ed25519 {KEY}\n"));
    assert_eq!(known.revoked("web1", &key(KEY)).map(|entry| entry.place.line), Some(2));
    assert_eq!(known.revoked("web1", &key(OTHER)), None);
    assert_eq!(known.judge("web9", &key(OTHER)), Verdict::Unknown);
}

#[test]
fn an_authority_is_no_host_key() {
    let known = read(&format!("@cert-authority *.example.org ssh-ed25519 {KEY}\n@other x ssh-ed25519 {KEY}\n"));
    assert_eq!(known.judge("web1.example.org", &key(KEY)), Verdict::Unknown);
}

#[test]
fn patterns_and_their_exceptions() {
    let known = read(&format!("*.example.org,!db?.example.org,[10.0.*]:22?? ssh-ed25519 {KEY}\n"));
    assert_eq!(known.judge("web1.example.org", &key(KEY)), Verdict::Known);
    assert_eq!(known.judge("db1.example.org", &key(KEY)), Verdict::Unknown);
    assert_eq!(known.judge("example.org", &key(KEY)), Verdict::Unknown);
    assert_eq!(known.judge("[10.0.3.4]:2222", &key(KEY)), Verdict::Known);
    assert_eq!(known.judge("10.0.3.4", &key(KEY)), Verdict::Unknown);
    assert_eq!(read(&format!("!web1 ssh-ed25519 {KEY}")).judge("web2", &key(KEY)), Verdict::Unknown);
}

#[test]
fn a_hashed_name_is_found() {
    // `ssh-keygen -H` of "web1" and of "[web1]:2222" with the salt of twenty bytes 0x07.
    let salt = [7u8; 20];
    let hmac_key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
    let hashed = |name: &str| {
        format!("|1|{}|{}", STANDARD.encode(salt), STANDARD.encode(hmac::sign(&hmac_key, name.as_bytes())))
    };
    let known = read(&format!("{} ssh-ed25519 {KEY}\n{} ssh-ed25519 {OTHER}\n", hashed("web1"), hashed("[web1]:2222")));
    assert_eq!(known.judge("web1", &key(KEY)), Verdict::Known);
    assert_eq!(known.judge("[web1]:2222", &key(OTHER)), Verdict::Known);
    assert_eq!(known.judge("web2", &key(KEY)), Verdict::Unknown);
}

#[test]
fn lines_that_cannot_be_read_are_passed_over() {
    let known =
        read(&format!("web1\nweb1 ssh-ed25519\nweb1 ssh-ed25519 !!!\n|1|x ssh-ed25519 {KEY}\nweb1 ssh-ed25519 {KEY}"));
    assert_eq!(known.of("web1").count(), 1);
    assert_eq!(known.judge("web1", &key(KEY)), Verdict::Known);
}

#[test]
fn fingerprints_are_those_of_ssh_keygen() {
    // printf 'x ssh-ed25519 %s' KEY | ssh-keygen -lf -
    insta::assert_snapshot!(fingerprint(&key(KEY)), @"SHA256:mKqU+0K8OhKmA8bBQi9Rz0Q5l7/g160hIP+rJYSTNj4");
}

/// The obvious recursion, to hold the quick one against.
fn slow_glob(glob: &[u8], name: &[u8]) -> bool {
    match (glob.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => slow_glob(rest, name) || (!name.is_empty() && slow_glob(glob, &name[1..])),
        (Some((b'?', rest)), Some((_, tail))) => slow_glob(rest, tail),
        (Some((a, rest)), Some((b, tail))) => a == b && slow_glob(rest, tail),
        _ => false,
    }
}

proptest! {
    #[test]
    fn nothing_makes_the_parser_fall_over(text in "([@|!*?,\\[\\]:a-z0-9+/= \t#\n]|\\PC){0,200}", name in "\\PC{0,20}") {
        let known = read(&text);
        let _ = known.judge(&name, b"key");
    }

    #[test]
    fn what_is_appended_is_known(host in "[a-z0-9][a-z0-9.-]{0,20}", port in 1u16.., bytes in prop::collection::vec(any::<u8>(), 1..40)) {
        let mut wire = b"\0\0\0\x0bssh-ed25519".to_vec();
        wire.extend_from_slice(&bytes);
        let name = lookup_name(&host, port);
        let known = read(&line(&name, &wire));
        prop_assert_eq!(known.judge(&name, &wire), Verdict::Known);
        prop_assert_eq!(known.judge("other.host.name", &wire), Verdict::Unknown);
    }

    #[test]
    fn globs_agree_with_the_obvious_way(glob in "[ab*?]{0,8}", name in "[ab]{0,8}") {
        prop_assert_eq!(glob_matches(glob.as_bytes(), name.as_bytes()), slow_glob(glob.as_bytes(), name.as_bytes()));
    }
}

/// As OpenSSH does (`sshkey_read`); of a key that must never be accepted nothing is passed over.
#[test]
fn a_line_that_calls_a_key_by_another_type_is_none() {
    let known = read(&format!("web1 ssh-rsa {KEY}\n@cert-authority web1 sqh-ed25519 {KEY}\n"));
    assert_eq!((known.judge("web1", &key(KEY)), known.is_empty()), (Verdict::Unknown, true));
    let known = read(&format!("web1 ssh-ed25519 {KEY}\n@revoked * sqh-ed25519 {KEY}\n"));
    assert_eq!(known.revoked("web1", &key(KEY)).map(|entry| entry.key_type.as_str()), Some("ssh-ed25519"));
}
