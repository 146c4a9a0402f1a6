//! The folder's files from what hosts hold. Pure: what several hosts hold must be the same.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::cluster::{Cluster, Host, Role};
use crate::components::Catalogue;
use crate::digest::sha256;
use crate::error::{Error, Result};
use crate::pki::{Certificate, Key, day_and_minute};
use crate::secret::Secret;
use crate::trust::{self, Authority, AuthorityRow, CertificateRow, Piece, Placement};

/// What a host holds, by path.
pub type Held = BTreeMap<String, Secret>;

/// What can be had.
#[derive(Debug, Default)]
pub struct Pieces {
    /// Files of the folder.
    pub found: Vec<Piece>,
    /// Files that no host holds.
    pub missing: Vec<Missing>,
}

/// A file that no host holds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Missing {
    /// Its name.
    pub file: String,
    /// What that means, and what to do.
    pub means: String,
    /// Without it nothing else is made: what would be is not what the cluster has.
    pub fatal: bool,
}

/// Which files of a host are asked for.
pub fn paths(catalogue: &Catalogue, cluster: &Cluster, host: &Host) -> Vec<String> {
    let authorities =
        trust::authorities(cluster).into_iter().flat_map(|row| row.placements.into_iter().chain(row.signers));
    let leaves = trust::certificates(catalogue, cluster).into_iter().flat_map(|row| row.placements);
    let places = authorities.chain(leaves).filter(|place| place.host == host.name);
    let mut paths: Vec<String> = places.flat_map(|place| [Some(place.certificate), place.key]).flatten().collect();
    if host.is(Role::Master) {
        let (key, public) = cluster.layout.service_account();
        let (copy, about) = cluster.layout.recovery();
        paths.extend([key, public, cluster.layout.encryption(), copy, about]);
    }
    paths
}

/// Which host is believed where hosts differ, and which files are wanted; all where none is named.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choice<'a> {
    /// A host.
    pub from: Option<&'a str>,
    /// Names of files.
    pub only: &'a [String],
    /// What the encrypted copy held; none where it was not opened.
    pub opened: Option<&'a BTreeMap<String, Secret>>,
}

/// Sorts what hosts hold into files of the folder.
///
/// # Errors
/// PKI: hosts differ, or what they hold does not fit together; all of it at once.
pub fn sort(
    catalogue: &Catalogue,
    cluster: &Cluster,
    held: &BTreeMap<String, Held>,
    choice: Choice<'_>,
) -> Result<Pieces> {
    let mut sorter = Sorter { cluster, held, choice, pieces: Pieces::default(), errors: Vec::new() };
    let leaves = trust::certificates(catalogue, cluster);
    // Before the CAs, since what a missing key means depends on them.
    let ends: Vec<(Authority, Option<OffsetDateTime>)> =
        leaves.iter().map(|row| (row.authority, sorter.leaf(row))).collect();
    for row in trust::authorities(cluster) {
        let until = ends.iter().filter(|(authority, _)| row.serves.contains(authority)).filter_map(|(_, end)| *end);
        sorter.authority(&row, until.min());
    }
    sorter.service_account();
    sorter.encryption();
    sorter.copy();
    Error::all(sorter.errors)?;
    Ok(sorter.pieces)
}

struct Sorter<'a> {
    cluster: &'a Cluster,
    held: &'a BTreeMap<String, Held>,
    choice: Choice<'a>,
    pieces: Pieces,
    errors: Vec<Error>,
}

/// What one place holds for a file: a host's name, and the bytes; none where that place says that there is no such file.
type Copy = (String, Option<Secret>);

impl Sorter<'_> {
    fn is_wanted(&self, file: &str) -> bool {
        self.choice.only.is_empty() || self.choice.only.iter().any(|name| name == file)
    }

    /// What hosts hold at places, with the host's name. Where the host that is believed is one of them, only that one.
    fn at<'p>(&self, places: impl IntoIterator<Item = (&'p str, &'p str)>) -> Vec<(String, String, Secret)> {
        let there = |(host, path): (&str, &str)| {
            let content = self.held.get(host)?.get(path)?;
            Some((host.to_owned(), path.to_owned(), content.clone()))
        };
        let mut all: Vec<_> = places.into_iter().filter_map(there).collect();
        if let Some(from) = self.choice.from
            && all.iter().any(|(host, ..)| host == from)
        {
            all.retain(|(host, ..)| host == from);
        }
        all
    }

    /// One content from all copies, which must be the same.
    fn agreed(&mut self, file: &str, secret: bool, copies: Vec<Copy>) -> Option<Piece> {
        if !self.is_wanted(file) {
            return None;
        }
        let mut by_content: Vec<(Option<String>, Vec<String>)> = Vec::new();
        for (host, content) in &copies {
            let hash = content.as_ref().map(|secret| sha256(secret.expose()));
            match by_content.iter_mut().find(|(other, _)| *other == hash) {
                Some((_, hosts)) if hosts.contains(host) => {}
                Some((_, hosts)) => hosts.push(host.clone()),
                None => by_content.push((hash, vec![host.clone()])),
            }
        }
        if by_content.len() > 1 {
            let each = by_content.iter().map(|(hash, hosts)| match hash {
                Some(hash) => format!("{}: SHA-256 {}…", hosts.join(", "), &hash[..16]),
                None => format!("{}: none", hosts.join(", ")),
            });
            self.errors.push(
                Error::pki(format!("hosts hold different {file}; none was taken"))
                    .detail(each.collect::<Vec<_>>().join("\n"))
                    .hint("say which host is right with --from HOST"),
            );
            return None;
        }
        let (_, hosts) = by_content.into_iter().next()?;
        let content = copies.into_iter().next()?.1?;
        Some(Piece { file: file.to_owned(), content, secret, hosts })
    }

    fn missing(&mut self, file: &str, fatal: bool, means: impl Into<String>) {
        if self.is_wanted(file) {
            self.pieces.missing.push(Missing { file: file.to_owned(), means: means.into(), fatal });
        }
    }

    fn refuse(&mut self, error: Error) {
        self.errors.push(error.hint("where another host has it whole, --from HOST takes it from that one"));
    }

    /// A certificate and its key, of which one may be asked for alone; both that come must belong together.
    fn pair(&mut self, certificate: Option<Piece>, key: Option<Piece>) -> Result<Option<Certificate>> {
        let Some(piece) = certificate else {
            self.pieces.found.extend(key);
            return Ok(None);
        };
        let on = |hosts: &[String]| hosts.join(", ");
        let parsed = Certificate::from_pem(piece.content.expose(), &piece.file);
        let parsed = parsed.map_err(|error| error.context(on(&piece.hosts)))?;
        if let Some(key) = key {
            let its = Key::from_pem(key.content.expose(), &key.file);
            match its.and_then(|its| Ok(parsed.public_key()? == its.public())) {
                Ok(true) => self.pieces.found.push(key),
                Ok(false) => {
                    let (hosts, key) = (on(&key.hosts), key.file);
                    return Err(Error::pki(format!("{hosts}: {key} does not belong to {}", piece.file)));
                }
                Err(error) => return Err(error.context(on(&key.hosts))),
            }
        }
        self.pieces.found.push(piece);
        Ok(Some(parsed))
    }

    /// A leaf with its key; when it ends. One that is damaged can be made new.
    fn leaf(&mut self, row: &CertificateRow) -> Option<OffsetDateTime> {
        let (file, key) = (format!("{}.pem", row.name), format!("{}-key.pem", row.name));
        let copies = self.at(row.placements.iter().map(|place| (&*place.host, &*place.certificate)));
        let certificate = self.agreed(&file, false, plain(copies));
        let keys = row.placements.iter().filter_map(|place| Some((&*place.host, place.key.as_deref()?)));
        let keys = self.at(keys);
        let key = self.agreed(&key, true, plain(keys));
        match self.pair(certificate, key) {
            Ok(certificate) => certificate.map(|certificate| certificate.validity().not_after),
            Err(error) => {
                self.missing(&file, false, format!("damaged: {}", error.message));
                None
            }
        }
    }

    fn authority(&mut self, row: &AuthorityRow, until: Option<OffsetDateTime>) {
        let name = &row.name;
        let (file, key_file, trusted_file) =
            (format!("{name}.pem"), format!("{name}-key.pem"), format!("{name}-trusted.pem"));
        let signing = self.at(row.signers.iter().map(|place| (&*place.host, &*place.certificate)));
        let mut active: Vec<Copy> = plain(signing);
        let mut trusted: Vec<Copy> = Vec::new();
        let mut places = self.at(row.placements.iter().map(|place| (&*place.host, &*place.certificate)));
        // A node is only told whom to trust: what it says counts where nobody else says anything.
        let tells = |host: &str| {
            let host = self.cluster.host(host);
            host.is_some_and(|host| {
                host.is(Role::Master) || (host.is(Role::Etcd) && row.serves.contains(&Authority::Etcd))
            })
        };
        if places.iter().any(|(host, ..)| tells(host)) {
            places.retain(|(host, ..)| tells(host));
        }
        for (host, path, content) in places {
            let all = match Certificate::all_from_pem(content.expose(), &path) {
                Ok(all) => all,
                Err(error) if self.is_wanted(&file) => {
                    self.refuse(error.context(host));
                    continue;
                }
                Err(_) => continue,
            };
            // The one that signs comes first in what is trusted.
            let mut all = all.iter().map(Certificate::to_pem);
            let Some(first) = all.next() else { continue };
            let others: String = all.collect();
            active.push((host.clone(), Some(Secret::new(first.into_bytes()))));
            trusted.push((host, (!others.is_empty()).then(|| Secret::new(others.into_bytes()))));
        }
        let certificate = self.agreed(&file, false, active);
        let keys = row.signers.iter().filter_map(|place| Some((&*place.host, place.key.as_deref()?)));
        let keys = self.at(keys);
        let key = self.agreed(&key_file, true, plain(keys)).or_else(|| self.opened(&key_file));
        if certificate.is_none() {
            self.missing(&file, true, "no host that answered trusts it: it has to come from your backup");
        }
        if key.is_none() {
            let until = until.map(|end| format!("; those that are there end from {} on", day_and_minute(end)));
            let how = match self.on_masters(&self.cluster.layout.recovery().0).is_empty() {
                true => "it has to come from your backup, or the CA is to be replaced",
                false => "the masters have an encrypted copy, which --identity FILE opens",
            };
            let until = until.unwrap_or_default();
            let means = format!("none of its certificates can be issued or renewed{until}: {how}");
            self.missing(&key_file, !row.signers.is_empty(), means);
        }
        if let Err(error) = self.pair(certificate, key) {
            self.refuse(error);
        }
        let trusted = self.agreed(&trusted_file, false, trusted);
        self.pieces.found.extend(trusted);
    }

    fn on_masters(&self, path: &str) -> Vec<(String, String, Secret)> {
        let masters: Vec<&str> = self.cluster.with_role(Role::Master).map(|host| host.name.as_str()).collect();
        self.at(masters.into_iter().map(|host| (host, path)))
    }

    fn service_account(&mut self) {
        let (key, public) = self.cluster.layout.service_account();
        let (keys, publics) = (self.on_masters(&key), self.on_masters(&public));
        match self.agreed("sa.key", true, plain(keys)) {
            Some(piece) => self.pieces.found.push(piece),
            None => self.missing("sa.key", true, "no master that answered has it: without it no token is valid"),
        }
        let public = self.agreed("sa.pub", false, plain(publics));
        self.pieces.found.extend(public);
    }

    fn encryption(&mut self) {
        let mut copies = Vec::new();
        for (host, path, content) in self.on_masters(&self.cluster.layout.encryption()) {
            match trust::encryption_file(content.expose(), &path) {
                Ok(file) => copies.push((host, Some(file))),
                Err(error) if self.is_wanted("encryption.key") => self.refuse(error.context(host)),
                Err(_) => {}
            }
        }
        match self.agreed("encryption.key", true, copies) {
            Some(piece) => self.pieces.found.push(piece),
            None => self.missing(
                "encryption.key",
                true,
                "no master that answered has it: without it Secrets cannot be read",
            ),
        }
    }
}

impl Sorter<'_> {
    /// What the encrypted copy held.
    fn opened(&self, file: &str) -> Option<Piece> {
        let content = self.choice.opened?.get(file).filter(|_| self.is_wanted(file))?;
        let secret = file.ends_with("-key.pem");
        Some(Piece { file: file.to_owned(), content: content.clone(), secret, hosts: vec!["recovery.age".into()] })
    }

    /// The encrypted copy itself, and of what it held the texts: its keys went with their CAs.
    fn copy(&mut self) {
        let (copy, about) = self.cluster.layout.recovery();
        for (file, path, secret) in [("recovery.age", copy, true), ("recovery.json", about, false)] {
            let copies = self.on_masters(&path);
            let piece = self.agreed(file, secret, plain(copies));
            self.pieces.found.extend(piece);
        }
        let texts = self.choice.opened.into_iter().flat_map(BTreeMap::keys).filter(|name| name.ends_with(".json"));
        let pieces: Vec<Piece> = texts.filter_map(|name| self.opened(name)).collect();
        self.pieces.found.extend(pieces);
    }
}

fn plain(copies: Vec<(String, String, Secret)>) -> Vec<Copy> {
    copies.into_iter().map(|(host, _, content)| (host, Some(content))).collect()
}

/// Names of all files that can be asked for.
pub fn names(catalogue: &Catalogue, cluster: &Cluster) -> Vec<String> {
    let placed = |row: &CertificateRow| row.placements.iter().any(|place: &Placement| place.key.is_some());
    let leaves = trust::certificates(catalogue, cluster).into_iter().filter(placed).map(|row| row.name);
    let pairs = trust::authorities(cluster).into_iter().map(|row| row.name).chain(leaves);
    let mut names: Vec<String> = pairs.flat_map(|name| [format!("{name}.pem"), format!("{name}-key.pem")]).collect();
    names.extend(trust::authorities(cluster).into_iter().map(|row| format!("{}-trusted.pem", row.name)));
    names.extend(["sa.key", "sa.pub", "encryption.key", "recovery.age", "recovery.json"].map(String::from));
    names
}
