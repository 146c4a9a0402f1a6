//! The desired states of all hosts, for reading.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::desire::{Makings, desire, desire_on, names_only, questions};
use super::programs::ByArch;
use super::session::Session;
use super::survey::survey;
use crate::artifacts::Store;
use crate::changes;
use crate::error::Result;
use crate::facts::HostFacts;
use crate::live::{self, Live};
use crate::plan::Desired;
use crate::render::Common;
use crate::trust;

/// What every host must hold; `offline`: as if each were a default host, and without asking it. Nothing is written.
pub fn desired(session: &Session, offline: bool) -> Result<Desired> {
    let (catalogue, cluster) = (&session.catalogue, &session.cluster);
    let trust = trust::look(catalogue, cluster, &session.dir, OffsetDateTime::now_utc(), session.reporter())?;
    let templates = session.templates()?;
    let facts = if offline {
        session.reporter().info("the hosts are not asked: each is taken for an ordinary Debian 12");
        let default_host = HostFacts::default_host();
        cluster.hosts.iter().map(|h| (h.name.clone(), default_host.clone())).collect()
    } else {
        let expected = desire(catalogue, cluster, &BTreeMap::new(), &trust, &names_only, &templates)?;
        survey(cluster, &session.pool, &questions(catalogue, cluster, &expected, false))?
    };
    trust.in_use(cluster, &session.dir, &facts)?;
    let programs = ByArch::look(session, &Store::open_default()?, &facts, &[])?;
    // What a member of etcd was first started with, its unit keeps.
    let live = Live { flags: live::flags(cluster, &facts, session.record()?.as_ref()), ..Live::default() };
    let starts = changes::first_starts(&changes::Known { catalogue, cluster, facts: &facts, live: &live });
    let common = Common::of(cluster).with_first_starts(starts);
    let makings = Makings { catalogue, cluster, common, trust: &trust, templates: &templates };
    desire_on(&cluster.hosts, &makings, &facts, &programs.find())
}
