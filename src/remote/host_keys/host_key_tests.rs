use std::process::Command;

use super::*;
use crate::remote::{Operator, SshTarget};

const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";
const OTHER: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIP//////////////////////////////////////////";

fn target(known_hosts: &Path, host_key: Option<&str>) -> Destination {
    let target = SshTarget {
        address: "10.0.0.1".into(),
        port: Some(2222),
        user: None,
        keys: Vec::new(),
        known_hosts: Some(known_hosts.to_owned()),
        host_key: host_key.map(str::to_owned),
        accept_new: false,
        connect_timeout: None,
    };
    Destination::decide(&target, None, &Operator::default()).unwrap()
}

fn keys(text: &str, host_key: Option<&str>) -> Result<HostKeys> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known_hosts");
    fs::write(&file, text).unwrap();
    let mut keys = HostKeys::load("web1", &target(&file, host_key))?;
    keys.file = Some("known_hosts".into());
    Ok(keys)
}

fn key(text: &str) -> Vec<u8> {
    known_hosts::decode_key(text).unwrap()
}

fn shown(error: &Error) -> String {
    let lines = error.details.iter().map(|line| format!("  {line}"));
    let hints = error.hints.iter().map(|hint| format!("hint: {hint}"));
    std::iter::once(error.message.clone()).chain(lines).chain(hints).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_unknown_host_is_refused_with_what_to_do() {
    let error = keys("", None).unwrap().check(&key(KEY)).unwrap_err();
    insta::assert_snapshot!(shown(&error), @r#"
    web1: the host key of [10.0.0.1]:2222 is not known
      it offers ssh-ed25519 SHA256:mKqU+0K8OhKmA8bBQi9Rz0Q5l7/g160hIP+rJYSTNj4
    hint: compare that with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the host; when it is the same: ssh-keyscan -p 2222 10.0.0.1 >> known_hosts
    hint: or pin it at the host in the inventory: `ssh: {hostKey: "SHA256:mKqU+0K8OhKmA8bBQi9Rz0Q5l7/g160hIP+rJYSTNj4"}`
    hint: or, on a network that you trust, let the first contact decide: --accept-new-host-keys
    "#);
}

#[test]
fn a_changed_key_is_refused_loudly() {
    let mut keys = keys("", None).unwrap();
    keys.known.add(Path::new("known_hosts"), &format!("# mine\n[10.0.0.1]:2222 ssh-ed25519 {OTHER}\n"));
    insta::assert_snapshot!(shown(&keys.check(&key(KEY)).unwrap_err()), @"
    web1: THE HOST KEY OF [10.0.0.1]:2222 HAS CHANGED: somebody may be listening in, or the host was reinstalled
      it offers ssh-ed25519 SHA256:mKqU+0K8OhKmA8bBQi9Rz0Q5l7/g160hIP+rJYSTNj4
      known_hosts:2 has ssh-ed25519 SHA256:48D9sC7DVJMSGpOHcSS3/AKz/VOmo26MOgXADP9uFHk
    hint: only when you know why it changed: remove known_hosts:2 and connect again
    ");
}

#[test]
fn a_revoked_key_is_refused_even_when_it_is_pinned() {
    let mut keys = keys("", Some(&format!("ssh-ed25519 {KEY} a comment"))).unwrap();
    assert_eq!(keys.check(&key(KEY)), Ok(()));
    keys.known.add(Path::new("known_hosts"), &format!("@revoked * ssh-ed25519 {KEY}\n"));
    insta::assert_snapshot!(shown(&keys.check(&key(KEY)).unwrap_err()), @"
    web1: the host key of [10.0.0.1]:2222 is marked @revoked in known_hosts:1
      it offers ssh-ed25519 SHA256:mKqU+0K8OhKmA8bBQi9Rz0Q5l7/g160hIP+rJYSTNj4
    hint: give the host a new key (`ssh-keygen -A` after removing the old one) and make that one known
    ");
}

#[test]
fn a_pin_outweighs_known_hosts() {
    let line = format!("[10.0.0.1]:2222 ssh-ed25519 {OTHER}\n");
    let pinned = keys(&line, Some("SHA256:mKqU+0K8OhKmA8bBQi9Rz0Q5l7/g160hIP+rJYSTNj4=")).unwrap();
    assert_eq!(pinned.check(&key(KEY)), Ok(()));
    insta::assert_snapshot!(shown(&pinned.check(&key(OTHER)).unwrap_err()), @"
    web1: the host key of [10.0.0.1]:2222 is not the one that the inventory pins
      it offers ssh-ed25519 SHA256:48D9sC7DVJMSGpOHcSS3/AKz/VOmo26MOgXADP9uFHk
      hostKey: SHA256:mKqU+0K8OhKmA8bBQi9Rz0Q5l7/g160hIP+rJYSTNj4
    hint: a host has a key of each type: pin `ssh-ed25519 AAAA…` from /etc/ssh/ssh_host_ed25519_key.pub, or correct hostKey when you know why it changed
    ");
}

#[test]
fn a_pin_that_is_none_is_explained() {
    for text in ["", "SHA256:short", "ssh-rsa AAAA", &format!("ssh-rsa {KEY}"), "MD5:aa:bb"] {
        let Err(error) = keys("", Some(text)) else { panic!("{text} was taken for a key") };
        assert_eq!(error.kind, crate::error::Kind::Input);
    }
}

#[test]
fn a_host_of_an_authority_must_show_a_certificate() {
    let mut keys = keys("", None).unwrap();
    keys.accept_new = true;
    keys.known.add(Path::new("known_hosts"), &format!("@cert-authority [10.0.0.*]:2222 ssh-ed25519 {OTHER}\n"));
    assert!(keys.algorithms().starts_with("ssh-ed25519-cert-v01@openssh.com,"));
    insta::assert_snapshot!(shown(&keys.check(&key(KEY)).unwrap_err()), @"
    web1: [10.0.0.1]:2222 shows no certificate of the authority that it is known by
      it offers ssh-ed25519 SHA256:mKqU+0K8OhKmA8bBQi9Rz0Q5l7/g160hIP+rJYSTNj4
      known_hosts:1 has @cert-authority ssh-ed25519 SHA256:48D9sC7DVJMSGpOHcSS3/AKz/VOmo26MOgXADP9uFHk
    hint: name the certificate in the host's sshd_config (`HostCertificate /etc/ssh/ssh_host_ed25519_key-cert.pub`), or pin the host's key in the inventory (`hostKey`)
    ");
    keys.known.add(Path::new("known_hosts"), &format!("[10.0.0.1]:2222 ssh-ed25519 {KEY}\n"));
    assert_eq!(keys.check(&key(KEY)), Ok(()), "its plain key may be known besides");
}

#[test]
fn known_types_are_proposed_first() {
    let line = "[10.0.0.1]:2222 ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQM=\n";
    insta::assert_snapshot!(keys(line, None).unwrap().algorithms(), @"rsa-sha2-512,rsa-sha2-256,ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521");
    insta::assert_snapshot!(keys("", None).unwrap().algorithms(), @"ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256");
}

#[test]
fn a_key_is_revoked_for_a_host_whatever_the_port_is() {
    for name in ["10.0.0.1", "[10.0.0.1]:2222", "10.0.0.*", "*"] {
        let text = format!("[10.0.0.1]:2222 ssh-ed25519 {KEY}\n@revoked {name} ssh-ed25519 {KEY}\n");
        let error = keys(&text, None).unwrap().check(&key(KEY)).unwrap_err();
        assert!(error.message.contains("is marked @revoked"), "{name}: {error:?}");
    }
    let elsewhere = format!("[10.0.0.1]:2222 ssh-ed25519 {KEY}\n@revoked [10.0.0.1]:2223 ssh-ed25519 {KEY}\n");
    assert_eq!(keys(&elsewhere, None).unwrap().check(&key(KEY)), Ok(()));
}

/// No certificate is proposed where a key is pinned; a server may show one all the same.
#[test]
fn a_certificate_does_not_outweigh_a_pin() {
    let folder = tempfile::tempdir().unwrap();
    let keygen = |arguments: &[&str]| {
        let status = Command::new("ssh-keygen").arg("-q").args(arguments).current_dir(folder.path()).status().unwrap();
        assert!(status.success(), "{arguments:?}");
    };
    for name in ["ca", "key"] {
        keygen(&["-t", "ed25519", "-N", "", "-f", name]);
    }
    keygen(&["-s", "ca", "-h", "-I", "web", "-n", "10.0.0.1", "key.pub"]);
    let public = |name: &str| {
        let text = fs::read_to_string(folder.path().join(name)).unwrap();
        text.split_whitespace().nth(1).unwrap().to_owned()
    };
    let certificate = key(&public("key-cert.pub"));
    let known = format!("@cert-authority * ssh-ed25519 {}\n", public("ca.pub"));
    assert_eq!(keys(&known, None).unwrap().check(&certificate), Ok(()));
    let error = keys(&known, Some(&format!("ssh-ed25519 {OTHER}"))).unwrap().check(&certificate).unwrap_err();
    assert!(error.message.contains("is not the one that the inventory pins"), "{error:?}");
    let pinned = format!("ssh-ed25519 {}", public("key.pub"));
    assert_eq!(keys(&known, Some(&pinned)).unwrap().check(&certificate), Ok(()), "its key is the one that is pinned");
}

#[test]
fn a_list_without_end_is_not_read_to_its_end() {
    let error = HostKeys::load("web1", &target(Path::new("/dev/zero"), None)).err().unwrap();
    assert!(shown(&error).contains("it is larger than 64 MiB"), "{}", shown(&error));
}
