//! Gates between steps: what must be true before the next may begin.

pub(super) mod evidence;
mod healthy;
mod registered;
mod served;
mod since;

use std::net::SocketAddr;
use std::time::Duration;

pub(super) use healthy::healthy;
pub use registered::Watch;
pub(super) use registered::registered;
pub(super) use served::{brought, shown};

use super::Job;
use super::objects::apply_objects;
use crate::access::{ApiAccess, EtcdAccess};
use crate::clients::http::{Client, Tls};
use crate::clients::{etcd as etcd_api, kube};
use crate::cluster::{Host, Role};
use crate::error::{Error, Kind, Reason, Result};
use crate::health::{self, Poll, Schedule, unless_connected};
use crate::remote::LOOK;

/// A member answers at once, or after it has replayed its log.
pub(super) const ETCD: Schedule = Schedule::new(60, 50);
/// An API server runs its start-up hooks for a few seconds.
pub(super) const API: Schedule = Schedule::new(90, 100);
/// How often an API server may go away or stumble while it is asked, and the pause after that.
const STUMBLES: u32 = 10;
/// See [`STUMBLES`].
const PAUSE: Duration = Duration::from_millis(300);

/// The members answer. Before a restart: enough of the others do, so that the cluster keeps its quorum.
pub(super) fn etcd(job: &Job<'_>, host: &str, about_to_restart: bool) -> Result<String> {
    take_part(job, host, if about_to_restart { Need::Others } else { Need::All })
}

/// What is needed of etcd's members.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Enough of them without one that is about to restart.
    Others,
    /// All take part.
    All,
    /// All take part and take writes: one that is out of space heals by nothing that `up` does.
    Writes,
}

fn take_part(job: &Job<'_>, host: &str, need: Need) -> Result<String> {
    let about_to_restart = need == Need::Others;
    let members: Vec<&Host> = job.there.with_role(Role::Etcd).collect();
    let quorum = job.cluster.quorum();
    job.until("etcd is not healthy", ETCD, || {
        let mut healthy = Vec::new();
        let mut troubles = Vec::new();
        for member in &members {
            match member_healthy(job, member, need) {
                Ok(None) => healthy.push(member.name.as_str()),
                Ok(Some(reason)) => troubles.push(format!("{}: {reason}", member.name)),
                Err(error) if error.kind == Kind::Interrupted || error.is(Reason::OutOfSpace) => return Err(error),
                Err(error) => troubles.push(error.message),
            }
        }
        let spared = healthy.iter().filter(|name| **name != host).count();
        // A single member can never be spared; its restart is a short outage that the plan has shown.
        let enough =
            if about_to_restart && members.len() > 1 { spared >= quorum } else { healthy.len() == members.len() };
        if enough || (about_to_restart && members.len() == 1) {
            return Ok(Poll::Ready(format!("{} of {} members", healthy.len(), members.len())));
        }
        Ok(Poll::Pending(troubles.join("; ")))
    })
}

/// The member that leads; none where nobody says so. Whether the members are well is asked before each restart.
pub(super) fn etcd_leader(job: &Job<'_>) -> Result<Option<String>> {
    for member in job.there.with_role(Role::Etcd) {
        let status =
            EtcdAccess::new(job.pool, member, job.trust).and_then(|mut access| etcd_api::status(&mut access.client()?));
        match status {
            Ok(status) if status.leads() => return Ok(Some(member.name.clone())),
            Err(error) if error.kind == Kind::Interrupted => return Err(error),
            _ => {}
        }
    }
    Ok(None)
}

/// None when it can be counted on, else why not.
pub(super) fn member_healthy(job: &Job<'_>, member: &Host, need: Need) -> Result<Option<String>> {
    let mut access = EtcdAccess::new(job.pool, member, job.trust)?;
    let mut client = access.client()?;
    let ask = if need == Need::Writes { etcd_api::health } else { etcd_api::takes_part };
    let health = ask(&mut client)?;
    if !health.healthy && need == Need::Writes {
        let (pki, bin) = (&job.cluster.layout.etcd_pki, &job.cluster.layout.bin);
        let full = health::out_of_space(&member.name, &etcd_api::status(&mut client)?, pki, bin);
        full.map_or(Ok(()), Err)?;
    }
    Ok((!health.healthy).then_some(health.reason))
}

/// The host's API server says `ok` on /readyz.
pub(super) fn api(job: &Job<'_>, host: &str) -> Result<String> {
    let master = job.cluster.host(host).ok_or_else(|| Error::internal(format!("no host {host}")))?;
    let access = ApiAccess::new(job.pool, master, job.trust)?;
    until_ready(job, &format!("{host}: kube-apiserver is not ready"), access)
}

/// The node's own balancer leads to an API server that is ready.
pub(super) fn balanced(job: &Job<'_>, host: &str) -> Result<String> {
    let node = job.cluster.host(host).ok_or_else(|| Error::internal(format!("no host {host}")))?;
    let access = ApiAccess::by_balancer(job.pool, node, job.trust)?;
    until_ready(job, &format!("{host}: its balancer leads to no API server that is ready"), access)
}

/// The virtual address leads to an API server that is ready, as seen from a host that should reach it.
pub(super) fn held(job: &Job<'_>) -> Result<String> {
    let held = job.cluster.balancing.virtual_address.as_ref();
    let held = held.ok_or_else(|| Error::internal("there is no virtual address"))?;
    let address = SocketAddr::new(held.address, held.port);
    // Who does not hold it itself tells more.
    let hosts = job.there.hosts.iter();
    let host = hosts.max_by_key(|host| !host.is(Role::Lb)).ok_or_else(|| Error::internal("there is no host"))?;
    let access = ApiAccess::at(job.pool, host, address, &Tls::new(&job.trust.super_admin())?)?;
    let what = format!("{}: {address} leads to no API server that is ready", host.name);
    until_ready(job, &what, access)?;
    job.until("the virtual address has not settled", ETCD, || {
        let mut holders = Vec::new();
        for host in job.there.with_role(Role::Lb) {
            let script = format!("ip -o addr show to {}\n", held.address);
            let said = job.connect(&host.name)?.ask(LOOK, &script)?;
            holders.extend((!said.stdout.is_empty()).then(|| host.name.clone()));
        }
        Ok(match holders.as_slice() {
            [one] => Poll::Ready(format!("{one} holds it")),
            [] => Poll::Pending("no host has it".into()),
            several => Poll::Pending(format!(
                "{} have it at once: IP protocol 112 (VRRP) does not pass between them",
                several.join(" and ")
            )),
        })
    })
}

/// Another host's API server takes over while this one restarts.
pub(super) fn other_api(job: &Job<'_>, host: &str) -> Result<String> {
    let others: Vec<&Host> = job.there.with_role(Role::Master).filter(|master| master.name != host).collect();
    if others.is_empty() {
        // Its restart is a short outage that the plan has shown.
        return Ok("it is the only one".into());
    }
    let what = format!("{host}: kube-apiserver is not restarted, because no other one is ready");
    job.until(&what, API, || {
        let mut troubles = Vec::new();
        for master in &others {
            match ApiAccess::new(job.pool, master, job.trust).and_then(|mut access| look_ready(&mut access)) {
                Ok(Poll::Ready(_)) => return Ok(Poll::Ready(master.name.clone())),
                Ok(Poll::Pending(why)) => troubles.push(format!("{}: {why}", master.name)),
                Err(error) if error.kind == Kind::Interrupted => return Err(error),
                Err(error) => troubles.push(error.message),
            }
        }
        Ok(Poll::Pending(troubles.join("; ")))
    })
}

/// What is led to says `ok` on /readyz.
fn until_ready(job: &Job<'_>, what: &str, mut access: ApiAccess<'_>) -> Result<String> {
    job.until(what, API, || unless_connected(look_ready(&mut access)))
}

fn look_ready(access: &mut ApiAccess<'_>) -> Result<Poll<String>> {
    let ready = kube::readyz(&mut access.client()?)?;
    Ok(match ready.ready {
        true => Poll::Ready(String::new()),
        false => Poll::Pending(format!("failing: {}", ready.failing.join(", "))),
    })
}

/// Asks an API server until it is so. When the one that answered goes away or stumbles, as they do while another one
/// restarts, the next that answers is asked; what fails again and again is an error.
pub(super) fn ask<T>(
    job: &Job<'_>,
    what: &str,
    schedule: Schedule,
    mut look: impl FnMut(&mut Client<'_>) -> Result<Poll<T>>,
) -> Result<T> {
    let mut stumbles = 0;
    loop {
        let mut stumble = None;
        let outcome = with_any(job, |client| {
            job.until(what, schedule, || match look(client) {
                Ok(Poll::Ready(value)) => Ok(Poll::Ready(Some(value))),
                Ok(Poll::Pending(why)) => Ok(Poll::Pending(why)),
                Err(error) if error.kind == Kind::Interrupted => Err(error),
                Err(error) => {
                    stumble = Some(error);
                    Ok(Poll::Ready(None))
                }
            })
        });
        let error = match (outcome, stumble) {
            (Ok(Some(value)), _) => return Ok(value),
            (_, Some(error)) => error,
            (Err(error), None) if error.kind == Kind::Connect => error,
            (Err(error), None) => return Err(error),
            (Ok(None), None) => Error::internal(format!("{what}: no answer and no error")),
        };
        stumbles += 1;
        if stumbles >= STUMBLES {
            return Err(error);
        }
        std::thread::sleep(PAUSE);
    }
}

/// A connection to the first API server that answers.
fn with_any<T>(job: &Job<'_>, mut work: impl FnMut(&mut Client<'_>) -> Result<T>) -> Result<T> {
    let mut errors = Vec::new();
    for master in job.there.with_role(Role::Master) {
        let mut access = match ApiAccess::new(job.pool, master, job.trust) {
            Ok(access) => access,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        match access.client() {
            Ok(mut client) => return work(&mut client),
            Err(error) => errors.push(error),
        }
    }
    Error::all(errors)?;
    Err(Error::connect("no master can be reached"))
}

/// One more object is applied.
pub(super) fn object(job: &Job<'_>, object: &serde_json::Value) -> Result<()> {
    ask(job, "the record of what was done is not written", API, |client| {
        kube::apply(client, object).map(|_| Poll::Ready(()))
    })
}

/// The cluster's own objects are applied.
pub(super) fn objects(job: &Job<'_>) -> Result<String> {
    ask(job, "the cluster's objects are not applied", API, |client| {
        apply_objects(client, &job.desired.objects).map(Poll::Ready)
    })?;
    Ok(format!("{} objects", job.desired.objects.len()))
}

/// The pod is deleted; whoever has made it makes another.
pub(super) fn restart_pod(job: &Job<'_>, namespace: &str, name: &str) -> Result<String> {
    let path = kube::path("v1", "Pod", namespace, name)?;
    ask(job, &format!("the pod {namespace}/{name} is not deleted"), API, |client| {
        kube::delete(client, &path).map(|_| Poll::Ready(()))
    })?;
    Ok(String::new())
}
