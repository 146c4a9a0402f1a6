//! Encryption of Secrets in force: every API server has read its configuration, and what lies in etcd is as asked.
//!
//! Secrets are written again by the API server: their data does not leave it.

use std::io::empty;
use std::sync::atomic::Ordering;

use super::Job;
use super::gate::{API, ask};
use super::push::{self, PushContext};
use super::steps::Push;
use super::steps::collect;
use crate::access::{ApiAccess, EtcdAccess};
use crate::clients::http::Client;
use crate::clients::kube::{self, Touched};
use crate::cluster::{Host, Role};
use crate::components::kube_apiserver;
use crate::digest::sha256;
use crate::error::{Error, Kind, Result};
use crate::facts::UnitFact;
use crate::health::{Asked, AtRest, Poll, Schedule, unless_connected};
use crate::parallel;
use crate::plan::content_sha256;
use crate::remote::host_lock;
use crate::state::{Content, File, HostState};
use crate::text::sh_quote;

/// An API server looks every minute whether the file has changed, and says in `/metrics`, which are megabytes, what it
/// has read.
const READ: Schedule = Schedule::new(150, 1500);
/// After this an API server has read the file, whether it says so or not.
const READ_SECONDS: u64 = 75;
/// All Secrets are gone through several times: others write some of them at the same time.
const REWRITE: Schedule = Schedule::new(60, 500);
/// The most refused ones that are named.
const NAMED: usize = 5;

/// Brings a configuration with which the API server writes as before, and knows the new key.
pub(super) fn push_keys(job: &Job<'_>, host: &str) -> Result<String> {
    let first = job.desired.encryption.first.as_ref().ok_or_else(|| Error::internal("no keys to push"))?;
    let path = job.cluster.layout.encryption();
    let file = File { content: Content::Secret(first.clone()), mode: 0o600, owner: "root".into() };
    let state = HostState { host: host.to_owned(), files: [(path.clone(), file)].into(), ..HostState::default() };
    let push = Push { host: host.to_owned(), title: "push keys".into(), files: vec![path], ..Push::default() };
    let context = PushContext {
        layout: &job.cluster.layout,
        compression: job.compression(host),
        store: job.store,
        reporter: job.reporter,
    };
    push::push(&mut *job.connect(host)?, &push, job.host_plan(host)?, &state, &context)?;
    Ok(String::new())
}

/// Every API server has read what [`push_keys`] has brought.
pub(super) fn keys_read(job: &Job<'_>) -> Result<String> {
    let first = job.desired.encryption.first.as_ref().ok_or_else(|| Error::internal("no keys to read"))?;
    let sha256 = sha256(first.expose());
    // One that does not run reads it when it starts.
    let unit = format!("{}.service", kube_apiserver::ID);
    let runs = |host: &&Host| job.facts.get(&host.name).and_then(|facts| facts.units.get(&unit)).is_some_and(is_active);
    let masters: Vec<&Host> = job.there.with_role(Role::Master).filter(runs).collect();
    all_read(job, &masters, |_| Ok(sha256.clone()))?;
    masters.iter().try_for_each(|master| record(job, master, &sha256))?;
    Ok(String::new())
}

fn is_active(unit: &UnitFact) -> bool {
    unit.active == "active"
}

/// Every API server has read how Secrets are to be written, and all of them are written so.
pub(super) fn as_asked(job: &Job<'_>) -> Result<String> {
    let path = job.cluster.layout.encryption();
    let masters: Vec<&Host> =
        job.there.with_role(Role::Master).filter(|host| job.desired.encryption.unread.contains(&host.name)).collect();
    let sha256 = |host: &Host| {
        let file = job.state(&host.name)?.files.get(&path);
        let file = file.ok_or_else(|| Error::internal(format!("{}: no {path} in the state", host.name)))?;
        Ok(content_sha256(&file.content))
    };
    all_read(job, &masters, sha256)?;
    let written = rewrite(job)?;
    // Only now: a run that dies before has it all to do again.
    for master in &masters {
        record(job, master, &sha256(master)?)?;
    }
    Ok(match written {
        0 => "all of them".to_owned(),
        written => format!("{written} written again"),
    })
}

/// All at once: each has its own minute.
fn all_read(job: &Job<'_>, masters: &[&Host], sha256: impl Fn(&Host) -> Result<String> + Sync) -> Result<()> {
    let outcomes = parallel::each(masters, masters.len().max(1), |host| {
        let wanted = sha256(host)?;
        let what = format!("{}: kube-apiserver has not read {}", host.name, job.cluster.layout.encryption());
        job.until(&what, READ, || unless_connected(look_read(job, host, &wanted)))
            .map_err(|e| e.hint(format!("look at it on {}: journalctl -u kube-apiserver -e", host.name)))
    });
    collect(outcomes.into_iter().filter_map(Result::err).collect())
}

fn look_read(job: &Job<'_>, host: &Host, wanted: &str) -> Result<Poll<()>> {
    let read =
        ApiAccess::new(job.pool, host, job.trust).and_then(|mut api| kube::encryption_config(&mut api.client()?))?;
    Ok(match read {
        Some(read) if read == wanted => Poll::Ready(()),
        Some(_) => Poll::Pending("it still has what it had before; it looks every minute".into()),
        None if must_have_read(job, host)? => Poll::Ready(()),
        None => Poll::Pending("this version does not say what it has read; it looks every minute".into()),
    })
}

/// It has started after the file came, or had the time to look.
fn must_have_read(job: &Job<'_>, host: &Host) -> Result<bool> {
    let path = sh_quote(&job.cluster.layout.encryption());
    let script = format!(
        "set -eu\nP=$(systemctl show -p MainPID --value kube-apiserver.service)\nread -r UP _ < /proc/uptime\n\
         echo $(($(date +%s) - $(stat -c %Z {path}))) $((${{UP%.*}} - $(cut -d' ' -f22 \"/proc/$P/stat\") / $(getconf CLK_TCK)))\n"
    );
    let output = job.connect(&host.name)?.run(&script, &mut empty())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut ages = text.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
    Ok(match (ages.next(), ages.next()) {
        (Some(file), Some(process)) => file >= READ_SECONDS || process + 1 < file,
        _ => false,
    })
}

/// So many Secrets were written again.
fn rewrite(job: &Job<'_>) -> Result<usize> {
    let mut written = 0;
    job.until("Secrets in etcd are not as asked", REWRITE, || {
        let left = not_as_asked(job)?;
        if left.is_empty() {
            return Ok(Poll::Ready(written));
        }
        let mut refused = Vec::new();
        let mut names = left.iter();
        ask(job, "Secrets cannot be written again", API, |client| {
            for name in names.by_ref() {
                if job.interrupt.load(Ordering::SeqCst) {
                    return Err(Error::new(Kind::Interrupted, "interrupted while Secrets were written again"));
                }
                match touch(client, name) {
                    Ok(Touched::Written) => written += 1,
                    Ok(Touched::Gone | Touched::Contended) => {}
                    Err(error) if error.kind == Kind::Health => refused.push(error.message),
                    Err(error) => return Err(error),
                }
            }
            Ok(Poll::Ready(()))
        })?;
        refused.truncate(NAMED);
        Ok(Poll::Pending(format!("{} were left; {}", left.len(), refused.join("; "))))
    })
}

fn touch(client: &mut Client<'_>, name: &str) -> Result<Touched> {
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    kube::touch(client, &kube::path("v1", "Secret", namespace, name)?)
}

/// Names of Secrets that are to be written again.
fn not_as_asked(job: &Job<'_>) -> Result<Vec<String>> {
    let asked = job.desired.encryption.key.as_deref().map_or(Asked::Plain, Asked::Key);
    let mut errors = Vec::new();
    for member in job.there.with_role(Role::Etcd) {
        let all = EtcdAccess::new(job.pool, member, job.trust).and_then(|mut etcd| AtRest::ask(&mut etcd.client()?));
        match all {
            Ok(all) => return Ok(all.not_as(asked).into_iter().map(str::to_owned).collect()),
            Err(error) => errors.push(error),
        }
    }
    Error::all(errors)?;
    Err(Error::internal("the cluster has no etcd member"))
}

/// The next run need not ask again what this API server has read.
fn record(job: &Job<'_>, host: &Host, sha256: &str) -> Result<()> {
    let path = sh_quote(&job.cluster.layout.encryption_read());
    let script = format!("set -eu\numask 077\n{}echo {sha256} > {path}.new\nmv {path}.new {path}\n", host_lock::hold());
    let output = job.connect(&host.name)?.run(&script, &mut empty())?;
    if output.status == 0 {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::remote(format!("{}: {path} cannot be written", host.name)).detail(told))
}
