//! Downloading from a fake release tree: whole, interrupted, wrong, missing.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kbootstrap::artifacts::{EnsureOptions, Lock, Programs, Store, ensure_requirements, from_sites, published};
use kbootstrap::components::Catalogue;
use kbootstrap::error::{Error, Kind, Result};
use kbootstrap::ui::{Event, Reporter};

use crate::artifacts_fixture::{Place, download, everything, folder, program, sha256, some, trusting};
use crate::artifacts_http::{Fault, Page, Server};
use crate::artifacts_release::{KUBELET, REGISTRY, RUNC, release_tree, tgz};

fn kubelet(server: &Server) -> Vec<u8> {
    let body = program("kubelet", 3 << 20);
    server.put(KUBELET, Page::new(body.clone()));
    server.put(&format!("{KUBELET}.sha256"), Page::new(sha256(&body)));
    body
}

fn with_kubelet() -> (Server, Place) {
    let server = Server::start();
    kubelet(&server);
    (server, Place::new())
}

/// The error's text with the server's port and this machine's folders taken out.
fn text(error: &Error, server: &Server, place: &Place) -> String {
    let all = [vec![error.message.clone()], error.details.clone(), error.hints.clone()].concat().join("\n");
    all.replace(&server.base, "MIRROR").replace(&place.dir.path().display().to_string(), "DIR")
}

/// What comes from the server alone.
pub fn fetch(server: &Server, place: &Place, names: &[&str]) -> Result<Programs> {
    place.ensure(&some(names), &[download(&server.base)])
}

/// Why it does not come.
pub fn refused(server: &Server, place: &Place, names: &[&str]) -> String {
    text(&fetch(server, place, names).unwrap_err(), server, place)
}

#[test]
fn a_whole_release_comes_through_a_mirror_and_is_pinned_with_where_it_came_from() {
    let (server, place) = (Server::start(), Place::new());
    release_tree(&server);
    let sources = [download(&server.base)];
    let programs = place.ensure(&everything(), &sources).unwrap();
    for name in ["kubelet", "etcdutl", "ctr", "runc", "flanneld"] {
        assert_eq!(place.bytes(&programs, name), program(name, 4000), "{name}");
    }
    assert_eq!(place.bytes(&programs, "cni-host-local"), program("host-local", 4000));
    assert_eq!(place.bytes(&programs, "cni-flannel"), program("flannel", 4000));
    let lock = Lock::read(&place.lock()).unwrap();
    assert_eq!(lock.artifacts.len(), everything().len());
    let source = |name: &str| lock.artifacts.iter().find(|l| l.name == name).unwrap().source.clone();
    let through = |url: &str| format!("{}/{}", server.base, url.strip_prefix("https://").unwrap());
    assert_eq!(source("kubelet"), through(KUBELET));
    assert_eq!(source("image-pause"), through(&format!("{REGISTRY}/manifests/3.10.1")));
    let warned =
        place.events.take().iter().any(|e| matches!(e, Event::Message { text, .. } if text.contains("flanneld")));
    assert!(warned, "flannel publishes no checksum: that must be said");
    let left = fs::read_dir(place.store.cache().join("download")).unwrap().count();
    assert_eq!(left, 0, "nothing is left of the downloads");

    server.take_seen();
    assert_eq!(place.ensure(&everything(), &sources).unwrap(), programs);
    assert_eq!(server.take_seen(), [], "a second run asks nobody");
}

#[test]
fn an_interrupted_download_goes_on_where_it_ended() {
    let (server, place) = (Server::start(), Place::new());
    let body = kubelet(&server);
    server.change(KUBELET, |page| page.faults = vec![Fault::Cut(1_000_000), Fault::Cut(500_000)]);
    let programs = fetch(&server, &place, &["kubelet"]).unwrap();
    assert_eq!(place.bytes(&programs, "kubelet"), body);
    let seen: Vec<_> =
        server.take_seen().into_iter().filter(|s| s.path.ends_with("kubelet")).map(|s| s.range).collect();
    assert_eq!(seen, [None, Some("bytes=1000000-".into()), Some("bytes=1500000-".into())]);
    let told = place.events.take();
    assert!(
        told.iter()
            .any(|e| matches!(e, Event::Progress { done, total, .. } if done == total && *total == body.len() as u64))
    );
}

#[test]
fn the_next_run_goes_on_with_what_the_last_one_had() {
    let (server, place) = (Server::start(), Place::new());
    let body = kubelet(&server);
    // The connection breaks, and then the server refuses: the run fails for good.
    server.change(KUBELET, |page| page.faults = vec![Fault::Cut(1_000_000), Fault::Status(403)]);
    let first = fetch(&server, &place, &["kubelet"]);
    assert_eq!(first.unwrap_err().kind, Kind::Artifact);
    server.take_seen();
    let programs = fetch(&server, &place, &["kubelet"]).unwrap();
    assert_eq!(place.bytes(&programs, "kubelet"), body);
    assert_eq!(server.take_seen().last().unwrap().range.as_deref(), Some("bytes=1000000-"));
}

#[test]
fn a_server_without_ranges_sends_all_of_it_again() {
    let (server, place) = (Server::start(), Place::new());
    let body = kubelet(&server);
    server.change(KUBELET, |page| (page.faults, page.ranges) = (vec![Fault::Cut(1_000_000)], false));
    let programs = fetch(&server, &place, &["kubelet"]).unwrap();
    assert_eq!(place.bytes(&programs, "kubelet"), body);
}

#[test]
fn a_busy_server_is_asked_again_and_one_that_stays_busy_is_told() {
    let (server, place) = with_kubelet();
    server.change(KUBELET, |page| page.faults = vec![Fault::Status(503), Fault::Status(429)]);
    fetch(&server, &place, &["kubelet"]).unwrap();

    let place = Place::new();
    server.change(KUBELET, |page| page.faults = vec![Fault::Status(503); 20]);
    insta::assert_snapshot!(refused(&server, &place, &["kubelet"]), @r#"
        no source has kubelet 1.36.3 (amd64)
        download from MIRROR: cannot download MIRROR/dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubelet: the server answered 503 Service Unavailable
        "#);
}

#[test]
fn other_bytes_than_published_are_refused_and_not_kept() {
    let (server, place) = with_kubelet();
    server.change(&format!("{KUBELET}.sha256"), |page| page.body = "a".repeat(64).into());
    let error = fetch(&server, &place, &["kubelet"]).unwrap_err();
    assert_eq!(error.kind.exit_code(), 8);
    insta::assert_snapshot!(text(&error, &server, &place), @r#"
        no source has kubelet 1.36.3 (amd64)
        download from MIRROR: MIRROR/dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubelet is not what the project published
        expected SHA-256 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
        found    SHA-256 814d722ab39074050616c4ed043815bd320cea14b5e470abb3a3048d8dc9ccd0
        run it again; if it stays so, a proxy or mirror in between changes or has damaged the file
        "#);
    assert_eq!(place.stored(), 0);
    assert!(!place.lock().exists());
    assert_eq!(fs::read_dir(place.store.cache().join("download")).unwrap().count(), 0, "the bad file is gone");
}

#[test]
fn a_missing_file_is_told_with_its_address_once_for_each_thing() {
    let (server, place) = with_kubelet();
    server.remove(KUBELET);
    let error = fetch(&server, &place, &["kubelet", "kubectl"]).unwrap_err();
    insta::assert_snapshot!(text(&error, &server, &place), @r#"
        no source has kubectl 1.36.3 (amd64)
        download from MIRROR: cannot download MIRROR/dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubectl.sha256: the server answered 404 Not Found
        "#);
    insta::assert_snapshot!(text(&error.others[0], &server, &place), @r#"
        no source has kubelet 1.36.3 (amd64)
        download from MIRROR: cannot download MIRROR/dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubelet: the server answered 404 Not Found
        "#);
}

#[test]
fn what_came_before_a_failure_is_kept_and_pinned() {
    let (server, place) = with_kubelet();
    assert!(fetch(&server, &place, &["kubelet", "kubectl"]).is_err());
    let lock = Lock::read(&place.lock()).unwrap();
    assert_eq!(lock.artifacts.iter().map(|l| l.name.as_str()).collect::<Vec<_>>(), ["kubelet"]);
}

#[test]
fn a_checksum_file_that_does_not_name_the_file_is_told() {
    let (server, place) = (Server::start(), Place::new());
    server.put(&format!("{RUNC}/runc.amd64"), Page::new(program("runc", 100)));
    server.put(&format!("{RUNC}/runc.sha256sum"), Page::new(format!("{} *runc.arm64\n", "b".repeat(64))));
    insta::assert_snapshot!(refused(&server, &place, &["runc"]), @r#"
        no source has runc 1.5.2 (amd64)
        download from MIRROR: MIRROR/github.com/opencontainers/runc/releases/download/v1.5.2/runc.sha256sum has no SHA-256 of runc.amd64
        "#);
}

#[test]
fn a_release_that_changed_is_refused_by_the_lock_until_it_is_updated() {
    let (server, place) = with_kubelet();
    fetch(&server, &place, &["kubelet"]).unwrap();
    let changed = program("another kubelet", 4000);
    server.change(KUBELET, |page| page.body.clone_from(&changed));
    server.change(&format!("{KUBELET}.sha256"), |page| page.body = sha256(&changed).into());
    for entry in fs::read_dir(place.store.dir()).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    insta::assert_snapshot!(refused(&server, &place, &["kubelet"]), @r#"
        no source has kubelet 1.36.3 (amd64)
        download from MIRROR: the lock file refuses it: kubelet 1.36.3 is not what it was
        expected SHA-256 814d722ab39074050616c4ed043815bd320cea14b5e470abb3a3048d8dc9ccd0
        found    SHA-256 8b7843e155d8dd2ff817f4346e3bf9ce37926c568f2f3f7688206787ea017257
        from MIRROR/dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubelet
        if the new bytes are right, pin them with `kbootstrap artifacts fetch --update-lock`; if nobody changed the source, find out why they differ first
        "#);
    let options = EnsureOptions { update_lock: true, ..trusting() };
    let programs = place.ensure_with(&some(&["kubelet"]), &[download(&server.base)], options).unwrap();
    assert_eq!(place.bytes(&programs, "kubelet"), changed);
    assert_eq!(Lock::read(&place.lock()).unwrap().artifacts[0].sha256, sha256(&changed));
}

#[test]
fn a_program_for_another_machine_is_refused() {
    let (server, place) = (Server::start(), Place::new());
    let mut body = kubelet(&server);
    body[18] = 183;
    server.change(KUBELET, |page| page.body.clone_from(&body));
    server.change(&format!("{KUBELET}.sha256"), |page| page.body = sha256(&body).into());
    let text = refused(&server, &place, &["kubelet"]);
    assert!(text.contains("is built for arm64, wanted is amd64"), "{text}");
}

#[test]
fn every_source_is_tried_in_order_and_each_says_why_not() {
    let (server, place) = (Server::start(), Place::new());
    let body = kubelet(&server);
    let empty = place.dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let sources = [folder(&empty), download(&server.base)];
    let programs = place.ensure(&some(&["kubelet"]), &sources).unwrap();
    assert_eq!(place.bytes(&programs, "kubelet"), body);
    let error = place.ensure(&some(&["kubectl"]), &sources).unwrap_err();
    insta::assert_snapshot!(text(&error, &server, &place), @r#"
        no source has kubectl 1.36.3 (amd64)
        folder DIR/empty: is not in the folder
        download from MIRROR: cannot download MIRROR/dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubectl.sha256: the server answered 404 Not Found
        a folder has programs by name, images as image-NAME.tar: flat, in bin/, or in bin/VERSION/ and bin/VERSION/ARCH/, which are looked at first
        "#);
}

#[test]
fn a_mirror_that_is_no_url_is_refused() {
    let place = Place::new();
    let error = place.ensure(&some(&["kubelet"]), &[download("mirror.example.org")]).unwrap_err();
    assert!(error.details[0].contains("does not begin with https:// or http://"), "{error:?}");
}

#[test]
fn gzip_that_is_cut_is_told() {
    let (server, place) = (Server::start(), Place::new());
    let url = "https://github.com/coredns/coredns/releases/download/v1.14.7/coredns_1.14.7_linux_amd64.tgz";
    let mut body = tgz(&[("coredns", program("coredns", 4000))]);
    body.truncate(body.len() / 2);

    server.put(&format!("{url}.sha256"), Page::new(sha256(&body)));
    server.put(url, Page::new(body));
    let text = refused(&server, &place, &["image-coredns"]);
    assert!(text.contains("cannot unpack"), "{text}");
}

#[test]
fn a_site_that_cannot_be_reached_is_told_once_for_everything() {
    let place = Place::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = place.ensure(&some(&["kubelet", "etcd", "image-pause"]), &[download(&base)]).unwrap_err();
    assert_eq!(error.others, []);
    let text = error.message.clone() + "\n" + &error.details.join("\n");
    insta::assert_snapshot!(text.replace(base.strip_prefix("http://").unwrap(), "MIRROR"), @r#"
        no source has image-pause 3.10.1 (amd64), kubelet 1.36.3 (amd64), etcd 3.6.14 (amd64)
        download from http://MIRROR: MIRROR cannot be reached: Connection refused (os error 111)
        "#);
}

#[test]
fn plain_http_vouches_for_nothing_and_serves_what_is_pinned() {
    let (server, place) = with_kubelet();
    let wanted = some(&["kubelet"]);
    let source = [download(&server.base)];
    let error = place.ensure_with(&wanted, &source, EnsureOptions::default()).unwrap_err();
    insta::assert_snapshot!(text(&error, &server, &place), @r#"
        no source has kubelet 1.36.3 (amd64)
        download from MIRROR: plain HTTP vouches for nothing: whoever is on the way can change a file and its checksum alike
        name a mirror with https://, or an artifacts.lock from where the release sites can be reached
        `kbootstrap artifacts fetch --trust-plain-http` takes it once, and pins what came
        "#);
    assert_eq!(server.take_seen(), [], "nothing is asked for that would not be believed");
    assert_eq!((place.stored(), place.lock().exists()), (0, false));
    let warned = |place: &Place| {
        place.events.take().iter().any(|e| matches!(e, Event::Message { text, .. } if text.contains("is plain HTTP")))
    };
    assert!(warned(&place));

    // Taken once by a word, it is pinned; whoever has the lock needs no word.
    place.ensure(&wanted, &source).unwrap();
    let site = Place::new();
    fs::copy(place.lock(), site.lock()).unwrap();
    site.ensure_with(&wanted, &source, EnsureOptions::default()).unwrap();
    assert!(warned(&site));
    let options = EnsureOptions { update_lock: true, ..EnsureOptions::default() };
    let other = Place::new();
    fs::copy(place.lock(), other.lock()).unwrap();
    assert!(other.ensure_with(&wanted, &source, options).is_err(), "a lock that is to be written anew pins nothing");
}

#[test]
fn who_brings_pinned_bytes_again_does_not_change_the_lock() {
    let (server, place) = with_kubelet();
    fetch(&server, &place, &["kubelet"]).unwrap();
    let lock = Lock::read(&place.lock()).unwrap();
    let (another, site) = with_kubelet();
    lock.write(&site.lock()).unwrap();
    fetch(&another, &site, &["kubelet"]).unwrap();
    assert_eq!(Lock::read(&site.lock()).unwrap(), lock);
    // The store tells where this one's bytes are from.
    assert!(site.store.records().unwrap()[0].labels[0].origin.from.starts_with(&another.base));
}

#[test]
fn a_mirror_that_sends_too_much_fills_no_disk() {
    let part = |place: &Place| {
        let files = fs::read_dir(place.store.cache().join("download")).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).max().unwrap_or(0)
    };
    // It tells so much that it is not begun.
    let (server, place) = with_kubelet();
    server.change(KUBELET, |page| page.claims = Some(21_000_000_000));
    let said = refused(&server, &place, &["kubelet"]);
    assert!(said.contains("would send 21000000000 bytes, more than the 1073741824 bytes that it can be"), "{said}");
    assert_eq!(part(&place), 0);
    // It tells nothing and never ends: the lock says how much there is.
    let (server, place) = with_kubelet();
    let size = kubelet(&server).len();
    fetch(&server, &place, &["kubelet"]).unwrap();
    let site = Place::new();
    fs::copy(place.lock(), site.lock()).unwrap();
    server.change(KUBELET, |page| page.endless = true);
    let said = refused(&server, &site, &["kubelet"]);
    assert!(said.contains(&format!("more than the {size} bytes that it can be")), "{said}");
    assert_eq!(part(&site), 0);
}

/// Raises its flag once something has come.
struct Stopping<'a>(&'a AtomicBool);

impl Reporter for Stopping<'_> {
    fn report(&self, event: &Event) {
        if matches!(event, Event::Progress { .. }) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
}

#[test]
fn a_download_without_end_ends_when_it_is_told_to() {
    let (server, place) = with_kubelet();
    server.change(KUBELET, |page| page.endless = true);
    let flag = AtomicBool::new(false);
    let options = EnsureOptions { interrupt: Some(&flag), ..trusting() };
    let began = Instant::now();
    let sources = [download(&server.base)];
    let wanted = some(&["kubelet"]);
    let error = ensure_requirements(&wanted, &sources, Some(&place.lock()), &place.store, &Stopping(&flag), options)
        .unwrap_err();
    assert_eq!(error.kind, Kind::Interrupted, "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn a_name_or_password_in_a_mirrors_address_is_refused_and_not_shown() {
    let place = Place::new();
    let error = place.ensure(&some(&["kubelet"]), &[download("https://me:secret@mirror.example.org")]).unwrap_err();
    let said = format!("{error:?}");
    assert!(error.details[0].contains("has a name or password in it"), "{said}");
    assert!(!said.contains("secret"), "{said}");
}

#[test]
fn the_table_of_checksums_is_filled_from_the_release_sites() {
    let (server, place) = (Server::start(), Place::new());
    release_tree(&server);
    let flag = AtomicBool::new(false);
    let store = Store::open(place.store.cache());
    let (files, errors) = from_sites(&Catalogue::standard(), &store, Some(&server.base), &flag).unwrap();
    assert_eq!(files.len(), published(&Catalogue::standard()).len(), "each file has its line, known or not");
    let of = |end: &str| files.iter().find(|file| file.url.ends_with(end)).unwrap().sha256.clone();
    assert_eq!(of("v1.36.3/bin/linux/amd64/kubelet"), Some(sha256(&program("kubelet", 4000))), "as published");
    assert_eq!(of("flanneld-amd64"), Some(sha256(&program("flanneld", 4000))), "what has no checksum is hashed");
    assert!(of("v2/pause/manifests/3.10.1").is_some(), "an image's is its digest");
    assert_eq!(of("v1.36.3/bin/linux/arm64/kubelet"), None);
    assert_eq!(errors.len(), files.iter().filter(|file| file.sha256.is_none()).count());
}
