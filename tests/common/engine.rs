//! What commands do with a cluster, with a catalogue of the test's own.

use kbootstrap::components::Catalogue;
use kbootstrap::engine::{Access, Options, PlanOptions, Prepared, Session, prepare, shut_paths};
use kbootstrap::error::Result;
use kbootstrap::status::{self, Sources, Status};
use kbootstrap::ui::Silent;
use time::OffsetDateTime;

use super::cluster::Cluster;

/// A session that may change the cluster.
pub fn open(cluster: &Cluster, catalogue: Catalogue, command: &'static str) -> Session {
    Session::open(Options {
        catalogue,
        inventory: Some(&cluster.inventory()),
        state: None,
        trust_inventory: false,
        accept_new_host_keys: false,
        ssh_config: kbootstrap::remote::SshConfig::Off,
        at_once: kbootstrap::access::AT_ONCE,
        command,
        access: Access::Write,
        asked: None,
        reporter: Box::new(Silent),
        interrupt: Default::default(),
    })
    .unwrap()
}

/// What `up` does; the plan that it made true comes back.
pub fn up(session: &Session) -> Prepared {
    try_up(session).unwrap_or_else(|e| panic!("{e:#?}"))
}

/// The same, where it may fail.
pub fn try_up(session: &Session) -> Result<Prepared> {
    let prepared = prepare(session, PlanOptions::default(), &|_| Ok(()))?;
    prepared.apply(session)?;
    Ok(prepared)
}

/// What `status` shows.
pub fn shown(session: &Session, prepared: &Prepared) -> Status {
    let sources = Sources {
        catalogue: &session.catalogue,
        cluster: &session.cluster,
        pool: &session.pool,
        trust: &prepared.trust,
        store: &prepared.store,
        objects: &prepared.found.desired.objects,
        kept: None,
        shut: &|facts| shut_paths(session, facts),
    };
    status::ask(&sources, OffsetDateTime::now_utc())
}
