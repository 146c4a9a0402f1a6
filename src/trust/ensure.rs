//! Makes the cluster's folder complete. Its certificates are a hierarchy, which says what is missing and issues it; what is
//! decided here is what of that is kbootstrap's own, and what a cluster's clients must be called.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use time::OffsetDateTime;

use super::folder::{self, Folder, Generated};
use super::specs::Unwritten;
use super::table::{Authority, AuthorityRow, CertificateRow, Profile, authorities, certificates};
use super::{
    ETCD_CLIENT, SUPER_ADMIN, Trust, lasting_keys, made_for, meanwhile, recovery, retired, specification, specs,
};
use crate::cluster::Cluster;
use crate::components::Catalogue;
use crate::digest::sha256;
use crate::error::{Error, Result};
use crate::hierarchy::{self, Action, Found, Hierarchy, Item, Job, Kind, Options, Plan, Upkeep};
use crate::parallel;
use crate::pki::{CertificateInfo, Passwords, SigningConfig};
use crate::secret::Secret;
use crate::ui::{Event, Level, Reporter};

/// Makes the cluster's folder complete and returns what it holds. CAs, certificates, specs and keys that a person put
/// there are used and never overwritten; what kbootstrap issued is issued again when its spec has changed.
pub fn ensure(
    catalogue: &Catalogue,
    cluster: &Cluster,
    dir: &Path,
    now: OffsetDateTime,
    reporter: &dyn Reporter,
) -> Result<Trust> {
    complete(catalogue, cluster, &Folder::open(dir)?, now, reporter)?;
    folder::load(catalogue, cluster, dir, true)
}

/// What the cluster's folder holds, judged as [`ensure`] does it, and what that would issue. Nothing is written; where the
/// tool's own identities are to be issued, it asks with ones that live for an hour. What is lost of the folder the hosts may
/// still have: see [`Trust::in_use`].
pub fn look(
    catalogue: &Catalogue,
    cluster: &Cluster,
    dir: &Path,
    now: OffsetDateTime,
    reporter: &dyn Reporter,
) -> Result<Trust> {
    let folder = Folder::look(dir);
    let found = complete(catalogue, cluster, &folder, now, reporter)?;
    let mut trust = folder::present(catalogue, cluster, dir, found.to_issue)?;
    meanwhile::issue(&mut trust, &[SUPER_ADMIN, ETCD_CLIENT], now)?;
    Ok(Trust { made: folder.generated()?.keys, problems: found.problems, ..trust })
}

/// What is to be issued, and what is wrong where a CA or its key is not there.
#[derive(Default)]
struct Judged {
    to_issue: Vec<String>,
    problems: Vec<Error>,
}

/// Issues what is to be issued; into a folder that is only looked at nothing, and the names come back.
fn complete(
    catalogue: &Catalogue,
    cluster: &Cluster,
    folder: &Folder,
    now: OffsetDateTime,
    reporter: &dyn Reporter,
) -> Result<Judged> {
    // What cannot be used stops everything before anything is made.
    lasting_keys::check(folder)?;
    folder::bundles(cluster, folder)?;
    let mut generated = folder.generated()?;
    made_for::same_authorities(catalogue, cluster, folder, &generated)?;
    let before = generated.clone();
    let made = certificates_of(catalogue, cluster, folder, &mut generated, now, reporter).and_then(|mut judged| {
        judged.to_issue.extend(lasting_keys::service_account(cluster, folder, &mut generated)?);
        judged.to_issue.extend(lasting_keys::encryption_key(folder, &mut generated)?);
        let copy = recovery::keep(catalogue, cluster, folder, &generated, &judged.to_issue, reporter)?;
        judged.to_issue.extend(copy);
        if folder.writable {
            for name in retired::remove(folder, &mut generated)? {
                reporter.info(&format!("deleted {name}'s key, which all nodes shared: each has one of its own"));
            }
        }
        Ok(judged)
    });
    // What was made before a mistake was found is ours all the same.
    if generated != before {
        folder.set_generated(&generated)?;
    }
    made
}

fn certificates_of(
    catalogue: &Catalogue,
    cluster: &Cluster,
    folder: &Folder,
    generated: &mut Generated,
    now: OffsetDateTime,
    reporter: &dyn Reporter,
) -> Result<Judged> {
    let config = specs::signing_config(cluster, folder, generated)?;
    let table = Table::of(catalogue, cluster);
    let mut hierarchy = specification::hierarchy(catalogue, cluster, &folder.path)?;
    let found = hierarchy::look(&hierarchy, parallel::cores())?;
    let (mut errors, mut unwritten) = (Vec::new(), Unwritten::default());
    for (item, there) in hierarchy.items.iter_mut().zip(&found) {
        errors.extend(adopt(item, there, folder, generated, &mut unwritten).err());
        if let Some(row) = table.leaves.get(&item.name) {
            unasked(row, item).iter().for_each(|warning| reporter.warn(warning));
            if let Ok(profile) = config.profile(Some(row.profile.name())) {
                item.profile = profile.for_key(item.key);
            }
        }
    }
    errors.extend(unwritten.write(generated).err());
    Error::all(errors)?;
    let mut plan = hierarchy::decide(&hierarchy, &found, &Options::default(), now);
    for (i, item) in hierarchy.items.iter().enumerate() {
        let problem = table.problem(item, &found[i], plan.steps[i].action, folder, &config);
        plan.problems.extend(problem.err());
    }
    let mut problems = std::mem::take(&mut plan.problems);
    let lost = |(i, item): (usize, &Item)| table.is_lost(item, &found[i]);
    if folder.writable || !hierarchy.items.iter().enumerate().any(lost) {
        Error::all(std::mem::take(&mut problems))?;
    }
    let changed = |i: &usize| plan.steps[*i].action != Action::Keep;
    let changed: Vec<usize> = (0..hierarchy.items.len()).filter(changed).collect();
    if folder.writable && !changed.is_empty() {
        let made = make(&hierarchy, &found, &plan, now, reporter);
        let issued = parallel::each(&changed, parallel::cores(), |&i| issued(&hierarchy.items[i], &found[i], folder));
        let mut errors = Vec::new();
        for (i, issued) in changed.into_iter().zip(issued) {
            match issued {
                Ok(issued) => record(&hierarchy.items[i], issued, generated, reporter),
                Err(error) => errors.push(error),
            }
        }
        made?;
        Error::all(errors)?;
        return Ok(Judged::default());
    }
    Ok(Judged { to_issue: changed.into_iter().map(|i| hierarchy.items[i].name.clone()).collect(), problems })
}

/// Tells a person's own from ours, and takes the spec that a person has edited. A CA that is there needs none.
fn adopt(
    item: &mut Item,
    found: &Found,
    folder: &Folder,
    generated: &Generated,
    unwritten: &mut Unwritten,
) -> Result<()> {
    let ours = |certificate: &crate::pki::Certificate| {
        generated.certificates.get(&item.name) == Some(&sha256(certificate.der()))
    };
    if found.certificate.as_ref().is_some_and(|certificate| !ours(certificate)) {
        item.upkeep = Upkeep::Brought;
    }
    if item.kind == Kind::Certificate || found.certificate.is_none() {
        item.spec = specs::spec(folder, item, generated, unwritten)?;
        if let Ok(kind) = item.spec.key_kind() {
            item.key = kind;
        }
    }
    Ok(())
}

fn make(
    hierarchy: &Hierarchy,
    found: &[Found],
    plan: &Plan,
    now: OffsetDateTime,
    reporter: &dyn Reporter,
) -> Result<()> {
    hierarchy::apply(&Job {
        hierarchy,
        found,
        plan,
        options: &Options::default(),
        now,
        jobs: parallel::cores(),
        reporter: &OnlyWarnings(reporter),
        passwords: &Nobody,
        interrupt: &AtomicBool::new(false),
    })
    .map(drop)
}

/// SHA-256 of the certificate that is there now and was not before.
fn issued(item: &Item, found: &Found, folder: &Folder) -> Result<Option<String>> {
    let present = folder.read_certificate(&item.name)?;
    let new = present.filter(|present| Some(present) != found.certificate.as_ref());
    Ok(new.map(|certificate| sha256(certificate.der())))
}

/// What was issued is ours from now on.
fn record(item: &Item, issued: Option<String>, generated: &mut Generated, reporter: &dyn Reporter) {
    let Some(hash) = issued else { return };
    generated.certificates.insert(item.name.clone(), hash);
    let (level, text) = match item.kind {
        Kind::Authority => (Level::Info, format!("made {} in {}", item.title(), item.files.certificate.display())),
        Kind::Certificate => (Level::Debug, format!("issued {}", item.title())),
    };
    reporter.report(&Event::Message { level, host: String::new(), text });
}

/// The table's rows by name.
struct Table {
    authorities: BTreeMap<String, AuthorityRow>,
    leaves: BTreeMap<String, CertificateRow>,
}

impl Table {
    fn of(catalogue: &Catalogue, cluster: &Cluster) -> Self {
        Table {
            authorities: authorities(cluster).into_iter().map(|row| (row.name.clone(), row)).collect(),
            leaves: certificates(catalogue, cluster).into_iter().map(|row| (row.name.clone(), row)).collect(),
        }
    }

    /// Whether it is a CA that is not there, or one that signs on hosts without its key. Hosts may have it.
    fn is_lost(&self, item: &Item, found: &Found) -> bool {
        let Some(row) = self.authorities.get(&item.name) else { return false };
        found.certificate.is_none() || (!row.signers.is_empty() && found.key.is_none())
    }

    /// What a cluster asks of an item beyond what any hierarchy does.
    fn problem(
        &self,
        item: &Item,
        found: &Found,
        action: Action,
        folder: &Folder,
        config: &SigningConfig,
    ) -> Result<()> {
        let signed_on_hosts = self.authorities.get(&item.name).is_some_and(|row| !row.signers.is_empty());
        if signed_on_hosts && found.certificate.is_some() && found.key.is_none() {
            let key = folder.key(&item.name);
            return Err(Error::pki(format!("{}: its key {} is not there", item.title(), key.display()))
                .hint("the controller manager signs kubelets' renewed certificates with it"));
        }
        if action != Action::Keep {
            item.spec.key_kind().map_err(|e| e.context(item.title()))?;
        }
        let Some(row) = self.leaves.get(&item.name) else { return Ok(()) };
        match (action, &found.certificate) {
            (Action::Keep, Some(certificate)) if !row.organization.is_empty() => {
                let groups = CertificateInfo::of(certificate).subject.organizations;
                match groups.contains(&row.organization) {
                    true => Ok(()),
                    false => Err(Error::pki(format!(
                        "{}: its subject lacks the organization (group) `{}`",
                        item.files.certificate.display(),
                        row.organization
                    ))
                    .hint(format!("delete {} to have it issued again", item.files.certificate.display()))),
                }
            }
            (Action::Keep, _) => Ok(()),
            _ => {
                identity(row, item).map_err(|e| e.context(folder.spec(&item.name).display()))?;
                let profile = config.profile(Some(row.profile.name())).map(drop);
                profile.map_err(|e| e.of_file().context("ca-config.json"))
            }
        }
    }
}

/// A spec that a person has edited no longer follows the inventory, which may ask for more names by now.
fn unasked(row: &CertificateRow, item: &Item) -> Option<String> {
    let missing: Vec<&str> = row.sans.iter().filter(|san| !item.spec.hosts.contains(san)).map(String::as_str).collect();
    (!missing.is_empty()).then(|| {
        let (title, name, names) = (item.title(), &item.name, missing.join(", "));
        format!("{title}: {name}-csr.json was edited and lacks {names}: add them, or delete it to follow the inventory")
    })
}

/// Kubernetes takes user and group from the subject: an edited spec must not make a service somebody else.
fn identity(row: &CertificateRow, item: &Item) -> Result<()> {
    let hint = "edit the other fields as you like, or delete the file to have it written again";
    let (spec, group) = (&item.spec, &row.organization);
    let named = row.authority != Authority::Etcd && row.profile == Profile::Client && row.used_by.is_some();
    if named && spec.cn != row.common_name {
        let message =
            format!("the common name is `{}`, and must be `{}`: it is who the client is", spec.cn, row.common_name);
        return Err(Error::pki(message).hint(hint));
    }
    if !group.is_empty() && !spec.names.iter().any(|name| name.o == *group) {
        let message = format!("`names` lacks {{\"O\": \"{group}\"}}, the group of this client");
        return Err(Error::pki(message).hint(hint));
    }
    Ok(())
}

/// Issuing takes no time that a person would wait for: its steps are not shown.
struct OnlyWarnings<'a>(&'a dyn Reporter);

impl Reporter for OnlyWarnings<'_> {
    fn report(&self, event: &Event) {
        if matches!(event, Event::Message { level: Level::Warning, .. }) {
            self.0.report(event);
        }
    }
}

/// Keys with passwords are refused before they are opened: hosts could not read them either.
struct Nobody;

impl Passwords for Nobody {
    fn ways(&self) -> Option<String> {
        None
    }
    fn of(&self, _: &str) -> Result<Option<Secret>> {
        Ok(None)
    }
}
