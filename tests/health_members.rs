//! Real members of etcd that join others: as learners, which take nothing from the quorum, and at every point at which a run
//! may end the list says how far they are.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use base64::Engine;
use kbootstrap::clients::etcd::{self, Member};
use kbootstrap::clients::http::{Client, Identity};
use kbootstrap::error::{Error, Kind, Result};
use kbootstrap::health::{Poll, Schedule, unless_connected, wait};
use kbootstrap::ui::report::render;
use serde_json::json;
use tempfile::TempDir;

use crate::common::authority::{Authority, Issued};
use crate::common::loopback::Loopback;
use crate::common::process::{Server, free_addresses};
use crate::common::programs::program;
use crate::health_etcd::await_etcd;

/// A member that is not started yet.
struct Place {
    name: &'static str,
    client: SocketAddr,
    peer: SocketAddr,
}

impl Place {
    fn url(&self) -> String {
        format!("http://{}", self.peer)
    }

    /// Starts it as one of these.
    fn start(&self, dir: &Path, members: &[&Place], state: &str, server: &Issued, clients: &Authority) -> Server {
        let list: Vec<String> = members.iter().map(|member| format!("{}={}", member.name, member.url())).collect();
        let mut command = Command::new(program("etcd"));
        command
            .arg(format!("--name={}", self.name))
            .arg(format!("--data-dir={}", dir.join(self.name).display()))
            .arg(format!("--listen-client-urls=https://{}", self.client))
            .arg(format!("--advertise-client-urls=https://{}", self.client))
            .arg(format!("--listen-peer-urls={}", self.url()))
            .arg(format!("--initial-advertise-peer-urls={}", self.url()))
            .arg(format!("--initial-cluster={}", list.join(",")))
            .arg(format!("--initial-cluster-state={state}"))
            .arg(format!("--cert-file={}", server.cert.display()))
            .arg(format!("--key-file={}", server.key.display()))
            .arg(format!("--trusted-ca-file={}", clients.cert().display()))
            .args(["--client-cert-auth", "--unsafe-no-fsync"]);
        Server::start(self.name, dir, &mut command)
    }
}

fn places() -> [Place; 3] {
    let [c1, p1, c2, p2, c3, p3] = free_addresses();
    [("m1", c1, p1), ("m2", c2, p2), ("m3", c3, p3)].map(|(name, client, peer)| Place { name, client, peer })
}

/// A member that runs, and who asks it.
struct Begun {
    dir: TempDir,
    ca: Authority,
    server: Issued,
    identity: Identity,
    places: [Place; 3],
    /// The first of the places.
    first: Server,
}

fn begun() -> Begun {
    let dir = TempDir::new().unwrap();
    let ca = Authority::new(dir.path(), "etcd-ca");
    let server = ca.issue("server", "ec:P-256", "/CN=m1", "IP:127.0.0.1", 10);
    let identity = ca.identity("client", "ec:P-256", "/CN=admin");
    let places = places();
    let m1 = &places[0];
    let mut first = m1.start(dir.path(), &[m1], "new", &server, &ca);
    await_etcd(&mut first, m1.client, &identity);
    Begun { dir, ca, server, identity, places, first }
}

fn ask<T>(place: &Place, identity: &Identity, ask: impl FnOnce(&mut Client<'_>) -> Result<T>) -> Result<T> {
    let mut transport = Loopback;
    ask(&mut Client::connect(&mut transport, place.client, "127.0.0.1", identity)?)
}

/// Asks until it is answered: etcd refuses changes of its members until it has been connected to all for a while.
fn until<T>(
    what: &str,
    place: &Place,
    identity: &Identity,
    mut question: impl FnMut(&mut Client<'_>) -> Result<T>,
) -> T {
    let never = AtomicBool::new(false);
    let asked = wait(what, Schedule::new(30, 50), &never, || {
        unless_connected(match ask(place, identity, &mut question) {
            Ok(value) => Ok(Poll::Ready(value)),
            Err(error) if error.kind == Kind::Health => Ok(Poll::Pending(error.message)),
            Err(error) => Err(error),
        })
    });
    asked.unwrap_or_else(|e| panic!("{}", render(&e, false)))
}

/// A write through the quorum.
fn writes(place: &Place, identity: &Identity, value: &str) {
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let body = json!({"key": base64("/k"), "value": base64(value)}).to_string();
    let put = ask(place, identity, |client| client.request("POST", "/v3/kv/put", "application/json", body.as_bytes()));
    assert_eq!(put.unwrap().status, 200, "{value}");
}

fn find(members: Vec<Member>, place: &Place) -> Member {
    members.into_iter().find(|member| member.peer_urls == [place.url()]).unwrap()
}

#[test]
fn one_member_becomes_three_and_goes_on_with_what_was_begun() {
    let Begun { dir, ca, server, identity, places: [m1, m2, m3], first } = begun();

    // Added, and never started: it has no name, and takes nothing from the quorum.
    let added = until("m2 is not added", &m1, &identity, |client| etcd::add_learner(client, &m2.url()));
    assert!(added.learner && added.name.is_empty(), "{added:?}");
    let listed = find(ask(&m1, &identity, etcd::agreed_members).unwrap(), &m2);
    assert_eq!(listed, added);
    writes(&m1, &identity, "with a learner that was never started");
    let refused = |error: Error, words: &str| {
        assert_eq!(error.kind, Kind::Health);
        assert!(error.message.contains(words), "{}", error.message);
    };
    let again = ask(&m1, &identity, |client| etcd::add_learner(client, &m2.url())).unwrap_err();
    refused(again, "already exist");
    let early = ask(&m1, &identity, |client| etcd::promote(client, &added)).unwrap_err();
    refused(early, "in sync with leader");
    let second = ask(&m1, &identity, |client| etcd::add_learner(client, &m3.url())).unwrap_err();
    refused(second, "too many learner members");

    // Started: it has its name, and answers nothing that only members with a vote do.
    let learner = m2.start(dir.path(), &[&m1, &m2], "existing", &server, &ca);
    until("m2 has no name", &m1, &identity, |client| match find(etcd::agreed_members(client)?, &m2).name.as_str() {
        "m2" => Ok(()),
        name => Err(Error::health(format!("its name is {name:?}"))),
    });
    let status = until("m2 does not answer", &m2, &identity, etcd::status);
    assert!(status.learner && status.id == added.id, "{status:?}");
    refused(ask(&m2, &identity, etcd::agreed_members).unwrap_err(), "not supported for learner");
    // It ends, and the others do not notice.
    drop(learner);
    writes(&m1, &identity, "with a learner that is gone");
    let kept = find(ask(&m1, &identity, etcd::agreed_members).unwrap(), &m2);
    assert!(kept.learner && kept.name == "m2", "{kept:?}");

    // Once it has data it starts with whatever list, and gets its vote.
    let mut second = m2.start(dir.path(), &[&m2], "new", &server, &ca);
    until("m2 is not promoted", &m1, &identity, |client| etcd::promote(client, &added));
    second.assert_running();
    // It may be promoted before it has told its name again, and answers clients after that.
    let voter = find(until("m2 does not answer", &m2, &identity, etcd::agreed_members), &m2);
    assert!(!voter.learner, "{voter:?}");

    // The next, by the second.
    let added = until("m3 is not added", &m2, &identity, |client| {
        match etcd::agreed_members(client)?.into_iter().find(|member| member.peer_urls == [m3.url()]) {
            Some(there) => Ok(there),
            None => etcd::add_learner(client, &m3.url()),
        }
    });
    let mut third = m3.start(dir.path(), &[&m1, &m2, &m3], "existing", &server, &ca);
    until("m3 is not promoted", &m2, &identity, |client| etcd::promote(client, &added));
    let lists: Vec<_> = [&m1, &m2, &m3].map(|place| until("no list", place, &identity, etcd::cluster)).into();
    assert!(lists.iter().all(|list| *list == lists[0]), "{lists:#?}");
    assert!(lists[0].1.len() == 3 && lists[0].1.iter().all(|member| !member.learner), "{lists:#?}");
    // Any two are enough.
    third.assert_running();
    drop(first);
    until("nobody leads", &m3, &identity, |client| match etcd::health(client)? {
        health if health.healthy => Ok(()),
        health => Err(Error::health(health.reason)),
    });
    writes(&m3, &identity, "without the first");
}

/// The same list in another order, or one with a member more, is not the cluster that there is.
#[test]
fn who_is_told_of_others_than_there_are_does_not_join_and_can_be_told_again() {
    let Begun { dir, ca, server, identity, places: [m1, m2, m3], first: _first } = begun();
    let added = until("m2 is not added", &m1, &identity, |client| etcd::add_learner(client, &m2.url()));
    let never = AtomicBool::new(false);
    let wrong = m2.start(dir.path(), &[&m1, &m2, &m3], "existing", &server, &ca);
    let ended = wait("m2 goes on", Schedule::new(30, 50), &never, || {
        let words = wrong.last_words();
        Ok(if words.contains("member count is unequal") { Poll::Ready(()) } else { Poll::Pending(words) })
    });
    ended.unwrap_or_else(|e| panic!("{}", render(&e, false)));
    drop(wrong);
    assert!(dir.path().join("m2/member").is_dir(), "it has left a directory, and was never a member");
    assert!(find(ask(&m1, &identity, etcd::agreed_members).unwrap(), &m2).name.is_empty());
    let mut right = m2.start(dir.path(), &[&m2, &m1], "existing", &server, &ca);
    until("m2 is not promoted", &m1, &identity, |client| etcd::promote(client, &added));
    right.assert_running();
}
