//! How hosts are reached.

use super::{host, names};
use crate::document::Mistake;
use crate::document::Path;
use crate::inventory::model::{Inventory, Ssh};

/// Mistakes in the cluster's and the hosts' `ssh`.
pub fn check(inventory: &Inventory) -> Vec<Mistake> {
    let hosts = inventory.hosts.iter().enumerate().map(|(i, h)| (host(i).key("ssh"), &h.ssh));
    let all = std::iter::once((Path::root().key("ssh"), &inventory.ssh)).chain(hosts);
    let mut mistakes: Vec<Mistake> = all.flat_map(|(at, ssh)| one(&at, ssh)).collect();
    if inventory.ssh.host_key.is_some() && inventory.hosts.len() > 1 {
        mistakes.push(
            Mistake::key(Path::root().key("ssh").key("hostKey"), "one host key for all hosts: each has its own")
                .hint("put `ssh: {hostKey: …}` into each host"),
        );
    }
    mistakes
}

fn one(at: &Path, ssh: &Ssh) -> Vec<Mistake> {
    let mut mistakes = vec![];
    if let Some(user) = &ssh.user {
        let path = at.key("user");
        match names::not_ascii(&path, user, "user") {
            Some(mistake) => mistakes.push(mistake),
            None if user.is_empty() || user.starts_with('-') || user.contains([' ', '@', ':', '/']) => {
                mistakes.push(Mistake::at(path, format!("`{user}` is not a login name")));
            }
            None => {}
        }
    }
    if let Some(key) = &ssh.host_key
        && !is_host_key(key)
    {
        mistakes.push(Mistake::at(at.key("hostKey"), "not a host key").hint(
            "write `ssh-ed25519 AAAA…` (from /etc/ssh/ssh_host_ed25519_key.pub) or `SHA256:…` (from `ssh-keygen -lf`)",
        ));
    }
    mistakes
}

fn is_host_key(text: &str) -> bool {
    let base64 = |s: &str| s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
    if let Some(digest) = text.strip_prefix("SHA256:") {
        return digest.trim_end_matches('=').len() == 43 && base64(digest);
    }
    let mut words = text.split_whitespace();
    match (words.next(), words.next()) {
        (Some(kind), Some(key)) => {
            (kind.starts_with("ssh-") || kind.starts_with("ecdsa-sha2-")) && key.starts_with("AAAA") && base64(key)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_keys_are_lines_or_fingerprints() {
        assert!(is_host_key("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHx root@n1"));
        assert!(is_host_key(&format!("SHA256:{}", "a".repeat(43))));
        assert!(!is_host_key("SHA256:abc"));
        assert!(!is_host_key("MD5:aa:bb"));
        assert!(!is_host_key("AAAAC3NzaC1lZDI1NTE5"));
    }
}
