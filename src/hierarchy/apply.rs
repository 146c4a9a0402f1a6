//! Does what the plan says: CAs before what they issue, everything else on all cores.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::chain::Chains;
use super::decide::Options;
use super::found::Found;
use super::item::{Hierarchy, Item, Kind};
use super::plan::{Action, Plan, Step};
use crate::certlint;
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::files::{self, Pending, pair, persist_each};
use crate::parallel;
use crate::pki::{
    Authority, Certificate, Issued, Key, KeyKind, Passwords, PublicKey, Request, Serial, Signer, encrypted,
    renew_ca_by, self_signed,
};
use crate::ui::{Reporter, step};

/// Everything that applying needs.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// What is to be.
    pub hierarchy: &'a Hierarchy,
    /// What was there when the plan was made.
    pub found: &'a [Found],
    /// What is to be done.
    pub plan: &'a Plan,
    /// What the plan was asked for: only the next run's plan would not know.
    pub options: &'a Options,
    /// The time that the plan was made for.
    pub now: OffsetDateTime,
    /// How many at once.
    pub jobs: usize,
    /// Where events go.
    pub reporter: &'a dyn Reporter,
    /// Who knows the passwords of encrypted CA keys. Asked before anything is made, and only for those that sign.
    pub passwords: &'a dyn Passwords,
    /// Set when a person wants it to stop: what is made by then is brought into its place, nothing further is begun.
    pub interrupt: &'a AtomicBool,
}

/// So many certificates are made before they are renamed into their places: an interruption loses no more than that,
/// and no more keys than that lie in memory.
const BATCH: usize = 500;

/// What a person should know of an item that was issued: its place in the hierarchy, and one line each.
pub type Said = Vec<(usize, Vec<String>)>;

/// Does what the plan says; nothing where the plan has problems. The value is what was warned of.
///
/// # Errors
/// The plan's problems; what went wrong with an item. What was done before that is done: the next run goes on from there.
pub fn apply(job: &Job<'_>) -> Result<Said> {
    job.plan.check()?;
    let unlocked = unlocked(job)?;
    folders(job)?;
    Work::new(job, unlocked, None).run()
}

/// What [`apply`] would warn of, and what would go wrong: everything is issued by keys that are thrown away, and nothing is
/// written. Encrypted keys stay closed.
///
/// # Errors
/// The plan's problems; what would go wrong with an item.
pub fn rehearse(job: &Job<'_>) -> Result<Said> {
    job.plan.check()?;
    let key = || Key::generate(KeyKind::EcdsaP256);
    Work::new(job, Unlocked::new(), Some(Rehearsal { of_cas: key()?, of_others: key()? })).run()
}

/// Keys that are the same for all.
struct Rehearsal {
    of_cas: Key,
    of_others: Key,
}

fn titles(items: &[Item], indices: &[usize]) -> String {
    match indices {
        [_, _, _, _, ..] => format!("{} {}s", indices.len(), items[indices[0]].kind.word()),
        few => few.iter().map(|&i| items[i].title()).collect::<Vec<_>>().join(", "),
    }
}

/// The folders that files go to.
fn folders(job: &Job<'_>) -> Result<()> {
    let changed = job.hierarchy.items.iter().zip(&job.plan.steps).filter(|(_, step)| step.action != Action::Keep);
    let folders: BTreeSet<&Path> =
        changed.flat_map(|(item, _)| item.files.all()).filter_map(|file| file.parent()).collect();
    for folder in folders.into_iter().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)
            .map_err(|e| Error::input(format!("cannot make the folder {}: {e}", folder.display())))?;
    }
    Ok(())
}

/// The texts of encrypted keys that are needed in this run, by their items.
type Unlocked = BTreeMap<usize, Zeroizing<Vec<u8>>>;

/// Opens the encrypted keys of those who sign in this run.
fn unlocked(job: &Job<'_>) -> Result<Unlocked> {
    let items = &job.hierarchy.items;
    let signs = |action: Action| matches!(action, Action::Make | Action::Issue | Action::Renew);
    // A root that is replaced has a new key.
    let signer = |(i, step): (usize, &Step)| match items[i].issuer {
        None => (step.action != Action::Make).then_some(i),
        issuer => issuer.filter(|&issuer| job.plan.steps[issuer].action != Action::Make),
    };
    let steps = job.plan.steps.iter().enumerate().filter(|(_, step)| signs(step.action));
    let needed: BTreeSet<usize> = steps.filter_map(signer).filter(|&i| job.found[i].locked).collect();
    let open = |i: usize| {
        let path = &items[i].files.key;
        let name = path.display().to_string();
        let text = encrypted::opened(files::read(path)?, &name, job.passwords)?;
        let key = Key::read(&text, &name)?;
        match job.found[i].key.as_ref() == Some(key.public()) {
            true => Ok(text),
            false => Err(Error::pki(format!("{name} is not the key of {}", items[i].files.certificate.display()))),
        }
    };
    let (mut all, mut errors) = (Unlocked::new(), Vec::new());
    for i in needed {
        match open(i) {
            Ok(text) => drop(all.insert(i, text)),
            Err(error) => errors.push(error.context(items[i].title())),
        }
    }
    Error::all(errors)?;
    Ok(all)
}

struct Work<'a> {
    job: &'a Job<'a>,
    unlocked: Unlocked,
    /// Nothing is written.
    rehearsal: Option<Rehearsal>,
    /// As they are by now.
    certificates: Vec<Option<Certificate>>,
    /// CAs that have signed in this run.
    signers: Vec<OnceLock<Authority>>,
}

/// What was made of an item.
struct Made {
    index: usize,
    /// All of them come into their places, or none, in this order: a key before its certificate, so that a run which
    /// dies in between can be resumed.
    files: Vec<Pending>,
    issued: Option<Issued>,
    /// What verifiers will refuse in it.
    refused: Vec<String>,
}

impl<'a> Work<'a> {
    fn new(job: &'a Job<'a>, unlocked: Unlocked, rehearsal: Option<Rehearsal>) -> Self {
        let certificates = job.found.iter().map(|found| found.certificate.clone()).collect();
        let signers = job.hierarchy.items.iter().map(|_| OnceLock::new()).collect();
        Work { job, unlocked, rehearsal, certificates, signers }
    }

    fn run(mut self) -> Result<Said> {
        let (job, items) = (self.job, &self.job.hierarchy.items);
        let todo = |kind: Kind| {
            (0..items.len()).filter(move |&i| items[i].kind == kind && job.plan.steps[i].action != Action::Keep)
        };
        let depth = |index: usize| std::iter::successors(Some(index), |&i| items[i].issuer).count();
        let mut said = Vec::new();
        for level in todo(Kind::Authority).map(depth).collect::<BTreeSet<_>>() {
            let authorities: Vec<usize> = todo(Kind::Authority).filter(|&i| depth(i) == level).collect();
            said.extend(self.batch(&authorities, &titles(items, &authorities))?);
        }
        let certificates: Vec<usize> = todo(Kind::Certificate).collect();
        for (n, batch) in certificates.chunks(BATCH).enumerate() {
            let title = match certificates.len() {
                0..=3 => titles(items, batch),
                all if all <= BATCH => format!("{all} certificates"),
                all => format!("certificates {} to {} of {all}", n * BATCH + 1, n * BATCH + batch.len()),
            };
            said.extend(self.batch(batch, &title)?);
        }
        Ok(said)
    }

    fn batch(&mut self, indices: &[usize], title: &str) -> Result<Said> {
        if self.rehearsal.is_some() {
            return self.make(indices);
        }
        let (reporter, items) = (self.job.reporter, &self.job.hierarchy.items);
        let said = step::run(reporter, "", format!("make {title}"), |_| Ok((self.make(indices)?, String::new())))?;
        for (index, warnings) in &said {
            warnings.iter().for_each(|warning| reporter.warn(&format!("{}: {warning}", items[*index].title())));
        }
        Ok(said)
    }

    fn make(&mut self, indices: &[usize]) -> Result<Said> {
        let (mut made, mut errors) = (Vec::with_capacity(indices.len()), Vec::new());
        let make = |&index: &usize| match self.job.interrupt.load(Ordering::Relaxed) {
            true => Ok(None),
            false => self.item(index).map(Some),
        };
        for result in parallel::each(indices, self.job.jobs, make) {
            match result {
                Ok(one) => made.extend(one),
                Err(error) => errors.push(error),
            }
        }
        // Those that could be made are kept; dropping them would only lose work.
        let (mut files, mut rest) = (Vec::new(), Vec::new());
        for one in made {
            files.push(one.files);
            rest.push((one.index, one.issued, one.refused));
        }
        let mut issued = Vec::new();
        for ((index, one, refused), placed) in rest.into_iter().zip(persist_each(files)) {
            match placed {
                Ok(()) => issued.extend(one.map(|issued| (index, issued, refused))),
                Err(error) => errors.push(error.context(self.job.hierarchy.items[index].title())),
            }
        }
        if self.job.interrupt.load(Ordering::Relaxed) {
            let next = match self.job.options.flags() {
                none if none.is_empty() => "the next run goes on from here".to_owned(),
                asked => format!("what is made so far stays; repeat the command with {asked} to have the rest done"),
            };
            return Err(Error::new(ErrorKind::Interrupted, "interrupted").hint(next));
        }
        Error::all(errors)?;
        let mut said = Vec::new();
        for (index, Issued { certificate, warnings, .. }, refused) in issued {
            let all: Vec<String> = warnings.into_iter().chain(refused).collect();
            said.extend((!all.is_empty()).then_some((index, all)));
            self.certificates[index] = Some(certificate);
        }
        Ok(said)
    }

    /// The CA of an item where more depends on it than what the plan looks at: to judge all by their CA would take longer
    /// than to issue them.
    fn particular(&self, index: usize) -> Vec<Certificate> {
        let issuer = self.job.hierarchy.items[index].issuer.and_then(|issuer| self.certificates[issuer].clone());
        issuer.into_iter().filter(Certificate::has_purposes).collect()
    }

    fn item(&self, index: usize) -> Result<Made> {
        let item = &self.job.hierarchy.items[index];
        let mut made = self.made(index, item).map_err(|e| e.context(item.title()))?;
        let issued = made.issued.as_ref();
        made.refused =
            issued.map_or_else(Vec::new, |i| certlint::refused(&i.certificate, &self.particular(index), self.job.now));
        Ok(made)
    }

    fn made(&self, index: usize, item: &Item) -> Result<Made> {
        let mut files = Vec::new();
        let issued = match self.job.plan.steps[index].action {
            Action::Keep | Action::Chain => None,
            Action::Make => {
                pair(&item.files.certificate, &item.files.key)?;
                let made = if self.rehearsal.is_none() { Some(Key::generate(item.key)?) } else { None };
                if let Some(key) = &made {
                    let text = if item.pkcs8 { key.to_pkcs8_pem() } else { key.to_pem() };
                    files.push(Pending::key(&item.files.key, &text)?);
                }
                let key = made.as_ref().or_else(|| self.rehearsed(item)).ok_or_else(|| Error::internal("no key"))?;
                Some(match item.issuer {
                    None => self.sign_itself(item, key)?,
                    Some(issuer) => self.issue(item, issuer, key.public())?,
                })
            }
            Action::Issue => Some(match (item.issuer, &self.job.found[index].key) {
                (Some(issuer), Some(key)) => self.issue(item, issuer, key)?,
                _ => self.sign_itself(item, &self.key(index)?)?,
            }),
            Action::Renew => Some(self.renew(index, item)?),
        };
        if self.rehearsal.is_some() {
            return Ok(Made { index, files, issued, refused: Vec::new() });
        }
        let certificate = issued.as_ref().map(|issued| &issued.certificate);
        if let Some(certificate) = certificate {
            files.push(Pending::public(&item.files.certificate, certificate.to_pem().as_bytes())?);
        }
        let of = |i: usize| certificate.filter(|_| i == index).or(self.certificates[i].as_ref());
        let chains = Chains { hierarchy: self.job.hierarchy, found: self.job.found, of };
        if let Some(path) = &item.files.chain {
            files.push(Pending::public(path, chains.chain(index).as_bytes())?);
        }
        if let Some(path) = &item.files.ca {
            files.push(Pending::public(path, chains.cas(index).as_bytes())?);
        }
        Ok(Made { index, files, issued, refused: Vec::new() })
    }

    /// The key that stands for an item's in a rehearsal.
    fn rehearsed(&self, item: &Item) -> Option<&Key> {
        let Rehearsal { of_cas, of_others } = self.rehearsal.as_ref()?;
        Some(if item.kind == Kind::Authority { of_cas } else { of_others })
    }

    fn sign_itself(&self, item: &Item, key: &Key) -> Result<Issued> {
        self_signed(&item.spec, key, self.job.now, Serial::random()?)
    }

    fn issue(&self, item: &Item, issuer: usize, key: &PublicKey) -> Result<Issued> {
        let request = Request::from_spec(&item.spec, key)?;
        self.signer(issuer)?.issue(&request, &item.profile, self.job.now, Serial::random()?)
    }

    fn renew(&self, index: usize, item: &Item) -> Result<Issued> {
        let old = self.certificates[index].as_ref().ok_or_else(|| Error::internal("there is nothing to renew"))?;
        let (profile, now, serial) = (&item.profile, self.job.now, Serial::random()?);
        match item.issuer {
            None if self.rehearsal.is_some() => {
                renew_ca_by(old, Signer::Rehearsal(&self.key(index)?), profile, now, serial)
            }
            None => renew_ca_by(old, Signer::Itself(&self.key(index)?), profile, now, serial),
            Some(issuer) => renew_ca_by(old, Signer::Other(self.signer(issuer)?), profile, now, serial),
        }
    }

    fn key(&self, index: usize) -> Result<Key> {
        if let Some(key) = self.rehearsed(&self.job.hierarchy.items[index]) {
            return Key::from_pem(key.to_pem().expose(), "the key of a rehearsal");
        }
        let path = &self.job.hierarchy.items[index].files.key;
        match self.unlocked.get(&index) {
            Some(text) => Key::read(text, &path.display().to_string()),
            None => Key::read(&files::read(path)?, &path.display().to_string()),
        }
    }

    /// A CA that can sign. Several threads may load it at once; the first one's is kept.
    fn signer(&self, index: usize) -> Result<&Authority> {
        if let Some(signer) = self.signers[index].get() {
            return Ok(signer);
        }
        let item = &self.job.hierarchy.items[index];
        let missing = || Error::internal(format!("{} has no certificate yet", item.title()));
        let certificate = self.certificates[index].clone().ok_or_else(missing)?;
        let context = |e: Error| e.context(item.title());
        let (key, now) = (self.key(index)?, self.job.now);
        let authority = match self.rehearsal {
            None => Authority::new(certificate, key, now),
            Some(_) => Authority::rehearsal(certificate, key, now),
        };
        let authority = authority.map_err(context)?;
        Ok(self.signers[index].get_or_init(|| authority))
    }
}
