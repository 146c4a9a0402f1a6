//! Which keys are offered to a server, in which order. It counts every key that it refuses, and ends the connection
//! after a few.

use std::path::{Path, PathBuf};

use crate::remote::host_keys::known_hosts::key_type;
use crate::remote::login::key_file::{CertificateFile, KeyFile, Unusable, candidates, certificate_beside, public_half};
use crate::remote::route::destination::Destination;

/// The keys of a destination, read from their files.
pub struct Keys {
    named: Vec<Named>,
    /// Somebody named them: they come before what the agent holds besides.
    explicit: bool,
    /// Nothing else is offered.
    alone: bool,
}

/// One key file, and what goes with it.
struct Named {
    path: PathBuf,
    file: Result<KeyFile, Unusable>,
    public: Option<Vec<u8>>,
    certificates: Vec<CertificateFile>,
}

/// One thing to offer.
#[derive(Debug, Clone)]
pub enum Offer<'a> {
    /// The agent's identity of this number.
    Agent(usize),
    /// A key file, with a certificate or without.
    File(&'a KeyFile, Option<&'a CertificateFile>),
}

impl Keys {
    /// Reads the files that are named for a destination, else the usual ones.
    pub fn read(to: &Destination, home: Option<&Path>) -> Self {
        let extra: Vec<CertificateFile> =
            to.certificates.iter().filter_map(|path| CertificateFile::read(path)).collect();
        let named = candidates(&to.keys, home).into_iter().map(|path| Named::read(path, &extra)).collect();
        Keys { named, explicit: !to.keys.is_empty(), alone: to.only_named }
    }

    /// Files that are no keys, and whose public half the agent does not hold either.
    pub fn unusable(&self, agent: &[&[u8]]) -> impl Iterator<Item = (&Path, &Unusable)> {
        let held = agent.iter().map(|blob| blob.to_vec()).collect::<Vec<_>>();
        self.named.iter().filter_map(move |named| {
            let why = named.file.as_ref().err()?;
            let in_agent = named.public.as_ref().is_some_and(|public| held.contains(public));
            (!in_agent).then_some((named.path.as_path(), why))
        })
    }

    /// What to offer, in order, when the agent holds keys with these public halves. Files that need a passphrase come
    /// last, so that nobody is asked for one in vain.
    pub fn order(&self, agent: &[&[u8]]) -> Vec<Offer<'_>> {
        let (mut first, mut locked, mut used) = (Vec::new(), Vec::new(), Vec::new());
        let held = |key: &[u8]| agent.iter().position(|blob| *blob == key && !is_beyond_agents(blob));
        for named in &self.named {
            let from_agent = named.public.as_deref().and_then(held);
            let certified = named.certificates.iter().map(|certificate| (held(&certificate.blob), Some(certificate)));
            for (in_agent, certificate) in certified.chain([(from_agent, None)]) {
                match (in_agent, &named.file) {
                    (Some(index), _) => {
                        used.push(index);
                        first.push(Offer::Agent(index));
                    }
                    // Without a certificate, the agent spares the passphrase.
                    (None, Ok(key)) if key.encrypted => locked.push(Offer::File(key, certificate)),
                    (None, Ok(key)) => first.push(Offer::File(key, certificate)),
                    (None, Err(_)) => {}
                }
            }
        }
        let others = (0..agent.len()).filter(|index| !self.alone && !used.contains(index));
        let others = others.filter(|index| !is_beyond_agents(agent[*index])).map(Offer::Agent);
        if self.explicit {
            first.extend(others);
        } else {
            // As OpenSSH: the agent's copies of the usual keys, its other ones, then the files that it does not hold.
            let (agents, files): (Vec<_>, Vec<_>) =
                first.into_iter().partition(|offer| matches!(offer, Offer::Agent(_)));
            first = agents.into_iter().chain(others).chain(files).collect();
        }
        first.extend(locked);
        first
    }
}

/// libssh2 has no agent sign for an RSA certificate with SHA-2, and servers take nothing older.
pub fn is_beyond_agents(blob: &[u8]) -> bool {
    key_type(blob) == "ssh-rsa-cert-v01@openssh.com"
}

impl Named {
    fn read(path: PathBuf, extra: &[CertificateFile]) -> Self {
        let file = KeyFile::read(&path);
        let public = match &file {
            Err(Unusable::Public(key)) => Some(key.clone()),
            _ => public_half(&path),
        };
        let beside = CertificateFile::read(&certificate_beside(&path));
        let more = extra.iter().filter(|certificate| public.as_ref() == Some(&certificate.key)).cloned();
        let mut certificates: Vec<CertificateFile> = beside.into_iter().collect();
        for certificate in more {
            if certificates.iter().all(|known| known.blob != certificate.blob) {
                certificates.push(certificate);
            }
        }
        Named { path, file, public, certificates }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use zeroize::Zeroizing;

    use super::*;

    fn key(name: &str, encrypted: bool) -> Named {
        let file = KeyFile { path: name.into(), text: Zeroizing::new(String::new()), encrypted };
        Named { path: name.into(), file: Ok(file), public: Some(name.into()), certificates: Vec::new() }
    }

    fn certified(name: &str) -> Named {
        let certificate = CertificateFile {
            path: format!("{name}-cert.pub").into(),
            text: String::new(),
            blob: format!("{name}-cert").into(),
            key: name.into(),
        };
        Named { certificates: vec![certificate], ..key(name, false) }
    }

    fn order(named: Vec<Named>, explicit: bool, alone: bool, agent: &[&str]) -> String {
        let keys = Keys { named, explicit, alone };
        let agent: Vec<&[u8]> = agent.iter().map(|name| name.as_bytes()).collect();
        let shown = |offer: &Offer<'_>| match offer {
            Offer::Agent(index) => format!("agent:{}", String::from_utf8_lossy(agent[*index])),
            Offer::File(key, None) => key.path.display().to_string(),
            Offer::File(_, Some(certificate)) => certificate.path.display().to_string(),
        };
        keys.order(&agent).iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_the_inventory_names_is_tried_first_and_alone() {
        let named = || vec![key("a", true), key("b", false)];
        assert_eq!(order(named(), true, true, &["x", "y"]), "b a");
        assert_eq!(order(named(), true, true, &["x", "a"]), "agent:a b");
        assert_eq!(order(named(), true, false, &["x", "a"]), "agent:a b agent:x");
    }

    #[test]
    fn the_usual_keys_are_tried_as_openssh_does() {
        let usual = || vec![key("a", false), key("b", false), key("c", true)];
        assert_eq!(order(usual(), false, false, &["x", "b"]), "agent:b agent:x a c");
        assert_eq!(order(Vec::new(), false, false, &["x", "y"]), "agent:x agent:y");
    }

    #[test]
    fn a_certificate_goes_before_its_key() {
        assert_eq!(order(vec![certified("a")], true, true, &[]), "a-cert.pub a");
        assert_eq!(order(vec![certified("a")], true, true, &["a", "a-cert"]), "agent:a-cert agent:a");
        assert_eq!(order(vec![certified("a")], true, true, &["a"]), "a-cert.pub agent:a");
    }

    #[test]
    fn a_public_file_stands_for_the_agents_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k.pub");
        fs::write(&path, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g me\n")
            .unwrap();
        let named = Named::read(path, &[]);
        let public = named.public.clone().unwrap();
        let keys = Keys { named: vec![named], explicit: true, alone: true };
        assert!(matches!(keys.order(&[&public])[..], [Offer::Agent(0)]));
        assert_eq!((keys.unusable(&[&public]).count(), keys.unusable(&[]).count()), (0, 1));
    }
}
