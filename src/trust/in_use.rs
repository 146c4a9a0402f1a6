//! What is in use on hosts and must not be replaced by something new: CAs, the key that service accounts' tokens are
//! signed with, the keys that Secrets are encrypted with. What the folder lost and a host still has is offered from there.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::folder::Folder;
use super::lasting_keys::{self, holds_key, lost};
use super::table::{Authority, AuthorityRow, Placement};
use super::{Trust, foreign};
use crate::cluster::{Cluster, Host, Role};
use crate::digest::sha256;
use crate::error::{Error, Result};
use crate::facts::{HostFacts, Questions};
use crate::pki::Key;

/// Adds what [`Trust::in_use`] must know of a host. Secrets do not travel: of a key it is the public one or a hash.
pub fn ask_in_use(cluster: &Cluster, host: &Host, questions: &mut Questions) {
    let (key, public) = cluster.layout.service_account();
    let encryption = cluster.layout.encryption();
    questions.certificates.extend(foreign::authority_files(cluster, host));
    questions.certificates.insert(public.clone());
    questions.files.extend([key, public, encryption.clone()]);
    questions.encryption = Some(encryption);
}

impl Trust {
    /// Refuses to give hosts other secrets than those that they have in use, or to make new ones in their place: all
    /// of them at once. `dir` is the cluster's folder.
    pub fn in_use(&self, cluster: &Cluster, dir: &Path, facts: &BTreeMap<String, HostFacts>) -> Result<()> {
        if let Some(renamed) = self.renamed(cluster, dir, facts) {
            return Err(renamed);
        }
        let check = Check { trust: self, cluster, folder: Folder::look(dir), facts };
        let mut errors = check.authorities();
        errors.extend(self.same_cluster(cluster, dir, facts).err());
        errors.extend(check.service_account());
        errors.extend(check.encryption());
        if errors.is_empty() {
            errors.extend(self.problems.iter().cloned());
        }
        Error::all(errors)
    }
}

struct Check<'a> {
    trust: &'a Trust,
    cluster: &'a Cluster,
    folder: Folder,
    facts: &'a BTreeMap<String, HostFacts>,
}

impl Check<'_> {
    /// Masters that have a file, in the inventory's order. What a node says that it has of theirs counts for nothing.
    fn having(&self, path: &str) -> Vec<(&str, &HostFacts)> {
        let masters = self.cluster.with_role(Role::Master);
        let hosts = masters.filter_map(|host| Some((host.name.as_str(), self.facts.get(&host.name)?)));
        hosts.filter(|(_, facts)| facts.files.contains_key(path)).collect()
    }

    /// Hosts that trust a CA: masters, and members of etcd for what they are given of it. A node is only told whom to trust.
    fn trusting<'r>(&'r self, row: &'r AuthorityRow) -> Vec<(&'r str, &'r str)> {
        let there = |place: &Placement| {
            let host = self.cluster.host(&place.host)?;
            let counts = host.is(Role::Master) || (host.is(Role::Etcd) && row.serves.contains(&Authority::Etcd));
            (counts && self.facts.get(&host.name)?.files.contains_key(&place.certificate)).then_some(host.name.as_str())
        };
        row.placements.iter().filter_map(|place| Some((there(place)?, place.certificate.as_str()))).collect()
    }

    /// `m1, m2 (/etc/kubernetes/pki/sa.key)`.
    fn places(&self, path: &str) -> String {
        let names: Vec<&str> = self.having(path).into_iter().map(|(name, _)| name).collect();
        format!("{} ({path})", names.join(", "))
    }

    /// CAs that are not in the folder and that hosts trust, and those that sign on hosts and have no key here.
    fn authorities(&self) -> Vec<Error> {
        let mut errors = Vec::new();
        for row in &self.trust.authority_table {
            let pair = self.trust.pairs.get(&row.name);
            let trusting = self.trusting(row);
            if let (None, Some((_, path))) = (pair, trusting.first()) {
                let hosts: Vec<&str> = trusting.iter().filter(|(_, at)| at == path).map(|(host, _)| *host).collect();
                let places = format!("{} ({path})", hosts.join(", "));
                let path = self.folder.certificate(&row.name);
                let mut files = vec![format!("{}.pem", row.name)];
                if !row.signers.is_empty() {
                    files.push(format!("{}-key.pem", row.name));
                }
                errors.push(
                    Error::pki(format!("{} is not there, and hosts have this CA in use", path.display()))
                        .detail(places)
                        .hint("with a new CA nothing in the cluster would trust anything else")
                        .hint(bring(&files))
                        .hint("or bring it back from your backup of the cluster's folder"),
                );
            }
            let key = row.signers.first().and_then(|place| place.key.as_deref());
            if let (Some(pair), Some(place)) = (pair, key)
                && pair.key.is_none()
                && !self.having(place).is_empty()
            {
                errors.push(offered(&self.folder.key(&row.name), self.places(place)));
            }
        }
        errors
    }

    fn service_account(&self) -> Option<Error> {
        let (path, public_path) = self.cluster.layout.service_account();
        let (_, here) = self.folder.service_account();
        let Some(private) = &self.trust.service_account.private else {
            if !self.having(&path).is_empty() {
                return Some(offered(&here, self.places(&path)));
            }
            let made = self.trust.made.contains("sa.key");
            return made.then(|| lost(&here, "sa.key", lasting_keys::TOKENS));
        };
        let public = Key::from_pem(private.expose(), &here.display().to_string()).ok()?.public().to_pem();
        let ours = sha256(private.expose());
        // The same key may be written in another way, and a public key beside it may be damaged: one of the two is enough.
        let same = |facts: &HostFacts| {
            facts.files[&path].sha256 == ours
                || facts.certificates.get(&public_path).is_some_and(|text| holds_key(text, &public))
        };
        let others = self.having(&path).into_iter().filter(|(_, facts)| !same(facts));
        let others: Vec<String> = others.map(|(host, _)| format!("{host}: {path}")).collect();
        (!others.is_empty()).then(|| {
            Error::pki(format!("hosts sign service accounts' tokens with another key than {}", here.display()))
                .detail(others.join("\n"))
                .hint(format!("with this one {}", lasting_keys::TOKENS))
                .hint(
                    "when the cluster runs, this is not its key: is --state right, or is there a backup of the folder?",
                )
        })
    }

    /// The key that a host encrypts with must be among those of the folder, under its name. One that it only reads with may be
    /// gone: whether Secrets are left that need it, etcd says. More and another order are a person's to decide.
    fn encryption(&self) -> Option<Error> {
        let path = self.cluster.layout.encryption();
        let here = self.folder.encryption_key();
        let having = self.having(&path);
        if self.trust.encryption_keys.is_empty() {
            if having.iter().any(|(_, facts)| !facts.encryption_keys.is_empty()) {
                return Some(offered(&here, self.places(&path)));
            }
            let made = self.trust.made.contains("encryption.key");
            return made.then(|| lost(&here, "encryption.key", lasting_keys::SECRETS));
        }
        let known: Vec<(&str, String)> = self
            .trust
            .encryption_keys
            .iter()
            .map(|key| {
                let encoded = Zeroizing::new(STANDARD.encode(key.secret.expose()));
                (key.name.as_str(), sha256(encoded.as_bytes()))
            })
            .collect();
        let mut others = Vec::new();
        for (host, facts) in having {
            for (place, key) in facts.encryption_keys.iter().enumerate() {
                let named = known.iter().find(|(name, _)| *name == key.name);
                let problem = match named {
                    Some((_, hash)) if *hash == key.sha256 => continue,
                    _ if key.sha256.is_empty() => "a key that cannot be compared",
                    None if place > 0 => continue,
                    Some(_) => "another key of this name",
                    None => "a key that is not in the folder",
                };
                others.push(format!("{host}: {path}: {}: {problem}", key.name));
            }
        }
        (!others.is_empty()).then(|| {
            Error::pki(format!("hosts encrypt Secrets with other keys than those in {}", here.display()))
                .detail(others.join("\n"))
                .hint(format!("without them {}", lasting_keys::SECRETS))
                .hint("a further key is added as a line of its own; those that are in use stay, under their names")
        })
    }
}

/// The folder lost it, hosts have it.
fn offered(path: &Path, places: String) -> Error {
    Error::pki(format!("{} is not there, and hosts have it in use", path.display())).detail(places).hint(bring(&[path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()]))
}

/// The command that takes files from hosts.
fn bring(files: &[String]) -> String {
    let only: String = files.iter().map(|file| format!(" --only {file}")).collect();
    format!("`kbootstrap recover -i INVENTORY{only}` takes it from there")
}
