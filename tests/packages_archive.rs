//! Packages from an archive on loopback: found, verified, brought, pinned; and every way in which an archive can lie.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use kbootstrap::artifacts::{self, Lock};
use kbootstrap::components::Catalogue;
use kbootstrap::error::{Error, Result};
use kbootstrap::facts::Os;
use kbootstrap::inventory::PackageArchive;
use kbootstrap::packages::{Host, Installed, Options, ensure, look};
use kbootstrap::state::PackageFile;
use time::OffsetDateTime;

use crate::artifacts_fixture::{Place, folder};
use crate::artifacts_http::Page;
use crate::common::archive::{Archive, Suite};
use crate::common::signer::Signer;

/// Debian 12 with these packages, each `NAME VERSION`.
fn host(name: &str, has: &[&str]) -> Host {
    let os = Os { id: "debian".into(), version: "12".into(), codename: "bookworm".into(), pretty: "Debian 12".into() };
    let line = |package: &&str| {
        let (name, version) = package.split_once(' ').unwrap();
        format!("{name}\tamd64\t{version}\tii \t\t\n")
    };
    let installed = Installed::read(&has.iter().map(line).collect::<String>(), "amd64").unwrap();
    Host { name: name.into(), os, arch: "amd64".into(), wanted: vec!["lantern".into()], installed }
}

/// A lantern that needs oil, which needs a C library.
fn archive() -> Archive {
    let mut archive = Archive::new();
    archive.package("Package: lantern\nVersion: 2.1-1\nDepends: oil (>= 1.0), libc6 (>= 2.30)", &[], &[]);
    archive.package("Package: oil\nVersion: 1.4-2\nDepends: libc6", &[], &[]);
    archive.publish("bookworm");
    archive
}

struct Site {
    place: Place,
    named: BTreeMap<String, PackageArchive>,
    sources: Vec<kbootstrap::cluster::Source>,
    update_lock: bool,
}

impl Site {
    fn of(archive: &Archive) -> Self {
        let named = PackageArchive { mirror: Some(archive.mirror()), security: None, keyring: Some(archive.keyring()) };
        Site {
            place: Place::new(),
            named: [("debian".to_owned(), named)].into(),
            sources: Vec::new(),
            update_lock: false,
        }
    }

    fn with<T>(&self, work: impl FnOnce(&Options<'_>) -> T) -> T {
        work(&Options {
            lock: &self.place.lock(),
            store: &self.place.store,
            named: &self.named,
            sources: &self.sources,
            update_lock: self.update_lock,
            host_files: &|_, _| Vec::new(),
            reporter: &self.place.events,
            interrupt: &AtomicBool::new(false),
            now: OffsetDateTime::now_utc(),
        })
    }
    fn ensure(&self, hosts: &[Host]) -> Result<BTreeMap<String, Vec<PackageFile>>> {
        self.with(|how| ensure(hosts, how))
    }
    fn error(&self, hosts: &[Host]) -> Error {
        self.ensure(hosts).unwrap_err()
    }
    fn lock(&self) -> Lock {
        Lock::read(&self.place.lock()).unwrap()
    }
}

fn names(files: &[PackageFile]) -> Vec<String> {
    files.iter().map(|file| format!("{} {}", file.package, file.artifact.version)).collect()
}

const LIBC: &str = "libc6 2.36-9";

#[test]
fn what_a_host_lacks_is_found_brought_and_pinned_and_asked_for_once() {
    let archive = archive();
    let site = Site::of(&archive);
    let hosts = [host("m1", &[LIBC]), host("m2", &[LIBC, "oil 1.2"])];
    let (before, fetch) = site.with(|how| look(&hosts, how)).unwrap();
    assert_eq!(names(&before["m1"]), ["lantern "], "nobody was asked yet");
    assert_eq!(fetch.len(), 1);
    assert!(archive.server.take_seen().is_empty() && !site.place.lock().exists());

    let all = site.ensure(&hosts).unwrap();
    assert_eq!(names(&all["m1"]), ["oil 1.4-2", "lantern 2.1-1"]);
    assert_eq!(names(&all["m2"]), ["lantern 2.1-1"], "what is there is used");
    assert!(all["m1"].iter().all(|file| site.place.store.has(&file.artifact)));
    let lock = site.lock();
    let pins: Vec<_> =
        lock.packages.iter().map(|pin| (pin.release.as_str(), pin.name.as_str(), pin.depends.as_str())).collect();
    assert_eq!(
        pins,
        [("debian/bookworm", "lantern", "oil (>= 1.0), libc6 (>= 2.30)"), ("debian/bookworm", "oil", "libc6")]
    );
    assert!(lock.packages[0].source.starts_with(&format!("{}/pool/main/", archive.mirror())));

    archive.server.take_seen();
    assert_eq!(site.ensure(&hosts).unwrap(), all);
    assert_eq!(site.with(|how| look(&hosts, how)).unwrap(), (all, Vec::new()));
    assert_eq!(archive.server.take_seen(), [], "lock and store have everything");
}

#[test]
fn what_is_pinned_stays_when_the_archive_moves_on_until_somebody_says_so() {
    let mut archive = archive();
    let mut site = Site::of(&archive);
    let hosts = [host("m1", &[LIBC])];
    site.ensure(&hosts).unwrap();
    archive.package("Package: lantern\nVersion: 2.2-1\nDepends: oil (>= 1.0), libc6 (>= 2.30)", &[], &[]);
    archive.publish("bookworm");
    assert_eq!(names(&site.ensure(&hosts).unwrap()["m1"])[1], "lantern 2.1-1");
    // Another machine, with the lock and without the bytes.
    let elsewhere = Site::of(&archive);
    fs::copy(site.place.lock(), elsewhere.place.lock()).unwrap();
    assert_eq!(names(&elsewhere.ensure(&hosts).unwrap()["m1"]), ["oil 1.4-2", "lantern 2.1-1"]);
    assert_eq!(elsewhere.lock(), site.lock());
    site.update_lock = true;
    assert_eq!(names(&site.ensure(&hosts).unwrap()["m1"])[1], "lantern 2.2-1");
    assert_eq!(site.lock().packages.len(), 2);
}

#[test]
fn other_bytes_than_the_lock_pins_are_refused() {
    let archive = archive();
    let site = Site::of(&archive);
    let hosts = [host("m1", &[LIBC])];
    site.ensure(&hosts).unwrap();
    let elsewhere = Site::of(&archive);
    fs::copy(site.place.lock(), elsewhere.place.lock()).unwrap();
    for pin in &site.lock().packages {
        let path = pin.source.strip_prefix(&format!("{}/", archive.server.base)).unwrap();
        let bytes = vec![b'x'; usize::try_from(pin.size).unwrap()];
        // What the lock names is tried first, then the archives of today.
        for place in [path.to_owned(), path.replacen("debian/", "debian-security/", 1)] {
            archive.server.put(&format!("https://{place}"), Page::new(bytes.clone()));
        }
    }
    let error = elsewhere.error(&hosts);
    assert!(error.message.contains("is not what the project published"), "{error:#?}");
    assert!(error.hints.iter().any(|hint| hint.contains("--update-lock")), "{error:#?}");
    assert_eq!(elsewhere.place.stored(), 0);
}

/// `packages::openpgp` has the signatures; here is the way from them to a package.
#[test]
fn what_an_archive_says_is_believed_only_as_far_as_it_is_signed() {
    let hosts = [host("m1", &[LIBC])];
    let suite = |more: &str, name: &str| Suite { more: more.into(), name: name.into() };
    let fine = suite("", "bookworm");
    let refused = |spoil: &dyn Fn(&Archive)| {
        let archive = archive();
        spoil(&archive);
        let site = Site::of(&archive);
        let error = site.error(&hosts);
        assert_eq!(site.place.stored(), 0, "{error:#?}");
        let said = [vec![error.message.clone()], error.details.clone()].concat().join("; ");
        said.replace(&archive.server.base, "http://archive")
    };
    let publish = |archive: &Archive, says: &Suite, signer: &Signer| {
        archive.publish_suite("debian", "bookworm", &archive.index(), says, signer);
    };
    let said = [
        refused(&|archive| publish(archive, &fine, &Signer::new(1))),
        refused(&|archive| publish(archive, &suite("", "trixie"), &archive.signer)),
        refused(&|archive| {
            publish(archive, &suite("Valid-Until: Wed, 25 Nov 2020 22:33:12 UTC\n", "bookworm"), &archive.signer)
        }),
        refused(&|archive| {
            let url = "https://debian/dists/bookworm/InRelease";
            archive.server.change(url, |page| {
                let text = String::from_utf8(page.body.clone()).unwrap();
                page.body = text.replace("Packages.gz", "Packages.xz").into_bytes();
            });
        }),
        refused(&|archive| archive.server.remove("https://debian/dists/bookworm-updates/InRelease")),
        refused(&|archive| {
            archive.server.put("https://debian/dists/bookworm/InRelease", Page::new("Suite: bookworm\n"))
        }),
    ];
    insta::assert_snapshot!(said.join("\n"), @"
    m1: http://archive/debian: the suite bookworm is signed by nobody who is trusted here; signed by 92E5CFF79E9534D8E69E7E40A6C489A227994217, which is not trusted here
    m1: http://archive/debian: the suite bookworm: it is of the suite trixie (trixie), and bookworm was asked for
    m1: http://archive/debian: the suite bookworm: it was valid until Wed, 25 Nov 2020 22:33:12 UTC only: an old copy, or a clock that is wrong
    m1: http://archive/debian: the suite bookworm is signed by nobody who is trusted here; the signature by 2883A032BF65D53A3D12A45D154220680AC67836 is wrong
    m1: cannot download http://archive/debian/dists/bookworm-updates/InRelease: the server answered 404 Not Found
    m1: http://archive/debian: the suite bookworm is signed by nobody who is trusted here; it does not begin as a signed text
    ");
    let index = refused(&|archive| {
        let seen = archive.index();
        archive.publish_suite("debian", "bookworm", &seen, &fine, &archive.signer);
        let hashes =
            |text: &str| text.lines().find_map(|line| line.strip_prefix(' ').map(|l| l[..64].to_owned())).unwrap();
        let mut release = String::new();
        archive.server.change("https://debian/dists/bookworm/InRelease", |page| {
            release = String::from_utf8(page.body.clone()).unwrap();
        });
        let url = format!("https://debian/dists/bookworm/main/binary-amd64/by-hash/SHA256/{}", hashes(&release));
        archive.server.change(&url, |page| *page.body.last_mut().unwrap() ^= 1);
    });
    assert!(index.contains("is not what the project published"), "{index}");
}

#[test]
fn a_dependency_that_cannot_be_had_is_named_with_what_a_person_can_do() {
    let archive = archive();
    let site = Site::of(&archive);
    let error = site.error(&[host("m1", &["libc6 2.28-10"]), host("m2", &[LIBC])]);
    assert_eq!(error.message, "m1: the distribution's packages cannot be had: lantern");
    insta::assert_snapshot!(error.details.iter().chain(&error.hints).cloned().collect::<Vec<_>>().join("\n"), @"
    libc6 (>= 2.30), which lantern 2.1-1 needs, is nowhere to be had, and 2.28-10 is installed
    what is installed is not replaced without you: on m1, `apt-get install libc6`
    or all of it there: `apt-get install lantern`; what a host has is used
    ");
    let unfinished = Installed::read("half\tamd64\t1\tiU \t\t\nlibc6\tamd64\t2.36\tii \t\t\n", "amd64").unwrap();
    let error = site.error(&[Host { installed: unfinished, ..host("m1", &[]) }]);
    assert_eq!(error.message, "m1: package half is unpacked and not configured: dpkg was interrupted, or failed");
}

#[test]
fn files_that_lie_in_a_folder_need_no_archive() {
    let mut archive = archive();
    let deb = archive.package("Package: lantern\nVersion: 3.0-1\nDepends: oil, libc6", &[], &[]);
    let oil = archive.package("Package: oil\nVersion: 1.5\nDepends: libc6", &[], &[]);
    let laid = tempfile::tempdir().unwrap();
    fs::create_dir(laid.path().join("bookworm")).unwrap();
    fs::copy(&deb, laid.path().join("bookworm/lantern.deb")).unwrap();
    fs::copy(&oil, laid.path().join("oil.deb")).unwrap();
    fs::write(laid.path().join("other.deb"), "no package").unwrap();
    let mut site = Site::of(&archive);
    site.sources = vec![folder(laid.path())];
    site.named.get_mut("debian").unwrap().mirror = Some("http://127.0.0.1:9/debian".into());
    let hosts = [host("m1", &[LIBC])];
    assert_eq!(names(&site.ensure(&hosts).unwrap()["m1"]), ["oil 1.5", "lantern 3.0-1"]);
    assert!(site.lock().packages[0].source.ends_with("bookworm/lantern.deb"));
    let other = Host { os: Os { codename: "trixie".into(), ..hosts[0].os.clone() }, ..hosts[0].clone() };
    assert!(site.error(&[other]).message.contains("cannot be reached"), "it is of another release");
}

/// The bundle of a site's lock.
fn bundle(site: &Site, to: &Path) -> PathBuf {
    let file = to.join("site.tar");
    artifacts::write_bundle(&site.lock(), &site.place.store, &file, &site.place.events).unwrap();
    file
}

#[test]
fn a_bundle_carries_packages_to_a_site_without_a_way_out() {
    let archive = archive();
    let site = Site::of(&archive);
    let hosts = [host("m1", &[LIBC])];
    let all = site.ensure(&hosts).unwrap();
    let folder_of_bundle = tempfile::tempdir().unwrap();
    let bundle = bundle(&site, folder_of_bundle.path());
    let nowhere =
        |site: &mut Site| site.named.get_mut("debian").unwrap().mirror = Some("http://127.0.0.1:9/debian".into());

    let mut imported = Site::of(&archive);
    nowhere(&mut imported);
    artifacts::import(&bundle, &imported.place.store, &Catalogue::standard(), &imported.place.events).unwrap();
    assert_eq!(imported.ensure(&hosts).unwrap(), all);
    assert!(imported.lock().packages[0].source.starts_with("imported from "));

    let mut named = Site::of(&archive);
    nowhere(&mut named);
    named.sources = vec![folder(&bundle)];
    assert_eq!(named.ensure(&hosts).unwrap(), all);
}
