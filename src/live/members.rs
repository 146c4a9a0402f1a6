//! The members of etcd, as each member that runs says.

use std::collections::BTreeMap;

use semver::Version;

use super::{Members, has_role, unless_away};
use crate::access::{EtcdAccess, Pool};
use crate::clients::etcd as etcd_api;
use crate::cluster::{Cluster, Host, Role};
use crate::components::etcd;
use crate::error::Result;
use crate::facts::HostFacts;
use crate::health::{AtRest, SECRETS};
use crate::record::Record;
use crate::trust::Trust;

/// Asks every host where etcd runs that is or was a member; one that does not answer is left out.
pub(super) fn ask(
    cluster: &Cluster,
    pool: &Pool,
    trust: &Trust,
    facts: &BTreeMap<String, HostFacts>,
    kept: Option<&Record>,
) -> Result<BTreeMap<String, Members>> {
    let is_member = |host: &&Host| has_role(host, Role::Etcd, kept) && runs(facts, &host.name);
    let hosts: Vec<Host> = cluster.hosts.iter().filter(is_member).cloned().collect();
    // The Secrets are the same in all members that the inventory names.
    let first = hosts.iter().find(|host| host.is(Role::Etcd)).map(|host| host.name.clone());
    let answers = pool.each_host(&hosts, |host| members(pool, trust, host, first.as_deref() == Some(&*host.name)));
    let mut all = BTreeMap::new();
    for (host, answer) in hosts.iter().zip(answers) {
        all.extend(unless_away(answer)?.map(|members| (host.name.clone(), members)));
    }
    Ok(all)
}

fn members(pool: &Pool, trust: &Trust, host: &Host, secrets: bool) -> Result<Members> {
    let mut access = EtcdAccess::new(pool, host, trust)?;
    let mut client = access.client()?;
    etcd_api::ahead(&mut client, secrets.then_some(SECRETS))?;
    let (cluster, list) = etcd_api::cluster(&mut client)?;
    let version = Version::parse(&etcd_api::status(&mut client)?.version).ok();
    let healthy = etcd_api::health(&mut client).is_ok_and(|health| health.healthy);
    let secrets = if secrets { AtRest::ask(&mut client).ok() } else { None };
    Ok(Members { cluster, list, version, healthy, secrets })
}

/// Whether systemd says that etcd runs there.
pub(super) fn runs(facts: &BTreeMap<String, HostFacts>, host: &str) -> bool {
    facts.get(host).and_then(|facts| facts.units.get(etcd::UNIT)).is_some_and(|unit| unit.active == "active")
}
