//! A component that does not exist, in this file and in no other: it is pushed, started, gated, shown and taken back
//! with the rest of a cluster, because the catalogue is a value.

use std::fs;
use std::io::Read;

use kbootstrap::artifacts::{Label, Origin, OriginKind, Store};
use kbootstrap::cluster::Role;
use kbootstrap::components::{
    Catalogue, CertificateRow, ComponentSpec, ConfigSpec, Footprint, Format, ImageSpec, KernelSpec, PortSpec,
    ProgramSpec, Project, UnitSpec,
};
use kbootstrap::engine::{PlanOptions, Prepared, Session, prepare};
use kbootstrap::plan::UnitAction;
use kbootstrap::preflight;
use kbootstrap::reset::{self, Targets};
use kbootstrap::state::{After, ArtifactRef, Kept, Ready, Rolling, Rollout, Wave};
use kbootstrap::status::State;

use crate::common::cluster::Cluster;
use crate::common::engine::{self, try_up, up};

const VERSION: &str = "1.2.3";

const LANTERN: ComponentSpec = ComponentSpec {
    about: "A lantern.",
    role: Some(Role::Node),
    runs_on: |_, host| host.is(Role::Node),
    programs: &[ProgramSpec::new("lantern", Project::Own(VERSION), Wave::Node)],
    unit: Some(UnitSpec {
        program: "lantern",
        rollout: Rollout { wave: Wave::Node, after: After::Runtime, rolling: Rolling::Canary, ready: Ready::Runs },
        watched_by_restart: |cluster| vec![format!("{}/lantern.crt", cluster.layout.pki)],
        restart_seconds: 1,
        noticed: "",
        noticed_alone: "",
    }),
    ports: &[PortSpec::open(7473, "lantern")],
    configs: &[ConfigSpec {
        template: "lantern.json",
        path: |_| "/etc/lantern/lantern.json".into(),
        format: Format::MergedJson,
        copied_to: None,
    }],
    certificates: |cluster| {
        vec![CertificateRow::client("lantern", "lantern", "lights").on(cluster, Role::Node).used_by("lantern")]
    },
    dirs: |_| vec![("/etc/lantern".into(), 0o700, "root"), ("/var/lib/lantern".into(), 0o750, "root")],
    images: &[ImageSpec {
        artifact: "image-lantern",
        name: "example.test/lantern:",
        project: Project::Own(VERSION),
        version: None,
    }],
    templates: &[
        ("lantern.service", UNIT),
        ("lantern.flags", "--config=/etc/lantern/lantern.json\n--certificate={{ layout.pki }}/lantern.crt\n"),
        ("lantern.json", "{\"device\": \"lantern0\", \"port\": 7473, \"light\": \"green\"}\n"),
    ],
    kernel: KernelSpec {
        keeps: |_| vec![Kept::Device { name: "lantern0".into() }, Kept::RunFile { path: "/run/lantern/lit".into() }],
        without: "there is no light",
    },
    footprint: Footprint { dirs: |_| vec!["/run/lantern".into()], links: &["lantern0"], ..Footprint::NONE },
    ..ComponentSpec::named("lantern")
};

const UNIT: &str = "[Service]\nType=exec\n{% include \"shared/exec-start\" %}\n{% include \"shared/restart\" %}\n\
                    [Install]\nWantedBy=multi-user.target\n";

/// Makes its device and its file in /run, and listens, once it can read its configuration and its certificate.
const PROGRAM: &str = r#"#!/usr/bin/perl
use strict;
use warnings;
use IO::Socket::INET;
my %flags = map { /^--([a-z]+)=(.*)/ ? ($1, $2) : () } @ARGV;
sub slurp { local $/; open my $file, '<', $_[0] or die "$_[0]: $!"; my $text = <$file>; $text }
slurp($flags{certificate}) =~ /BEGIN CERTIFICATE/ or die 'no certificate';
my $config = slurp($flags{config});
my ($device) = $config =~ /"device": "([a-z0-9]+)"/ or die 'no device';
my ($port) = $config =~ /"port": (\d+)/ or die 'no port';
my ($light) = $config =~ /"light": "([a-z]+)"/ or die 'no light';
system("ip link show $device || ip link add $device type bridge") == 0 or die 'no device';
mkdir '/run/lantern';
open my $lit, '>', '/run/lantern/lit' or die $!;
close $lit;
my $server = IO::Socket::INET->new(LocalPort => $port, Listen => 5, ReuseAddr => 1) or die $!;
while (my $client = $server->accept) { print $client "$light\n"; close $client }
"#;

fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::standard();
    catalogue.components.push(LANTERN);
    catalogue
}

/// Puts the program and the image where imported ones are.
fn store_them() {
    let store = Store::open_default().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let origin = Origin { kind: OriginKind::Import, from: "a test".into() };
        let label = Label { name: name.into(), version: VERSION.into(), arch: "amd64".into(), origin };
        store.put(&path, label, None).unwrap();
    };
    put("lantern", PROGRAM.as_bytes());
    put("image-lantern", &image(&store));
}

/// The pause image under another name.
fn image(store: &Store) -> Vec<u8> {
    let records = store.records().unwrap();
    let pause = records.iter().rfind(|r| r.labels.iter().any(|l| l.name == "image-pause")).unwrap();
    let (sha256, size) = (pause.sha256.clone(), pause.size);
    let artifact = ArtifactRef { name: "image-pause".into(), version: String::new(), sha256, size };
    let mut from = tar::Archive::new(store.raw_reader(&artifact).unwrap());
    let mut to = tar::Builder::new(Vec::new());
    for entry in from.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        if path.ends_with("index.json") {
            let mut index: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            let name = format!("example.test/lantern:{VERSION}");
            index["manifests"][0]["annotations"]["io.containerd.image.name"] = name.into();
            bytes = index.to_string().into_bytes();
        }
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        to.append_data(&mut header, path, &bytes[..]).unwrap();
    }
    to.into_inner().unwrap()
}

fn open(cluster: &Cluster) -> Session {
    engine::open(cluster, catalogue(), "made-up")
}

/// What the plan does with its unit, and why.
fn unit(prepared: &Prepared) -> Option<(Option<UnitAction>, String)> {
    let units = prepared.found.plan.hosts.iter().flat_map(|host| &host.units);
    units.into_iter().find(|unit| unit.name == "lantern.service").map(|unit| (unit.action, unit.reason.clone()))
}

#[test]
fn a_component_in_one_file_is_pushed_started_gated_shown_and_taken_back() {
    store_them();
    let cluster = Cluster::new("e2e-made-up", 1);
    let session = open(&cluster);
    assert!(preflight::checks(&session.catalogue).iter().any(|(name, _)| name == "port-7473"));

    let first = up(&session);
    assert_eq!(unit(&first).unwrap().0, Some(UnitAction::Start));
    let light =
        || cluster.on("n1", "perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(\"127.0.0.1:7473\")->getline'");
    assert_eq!(light(), "green\n");
    cluster.on("n1", "ip link show lantern0 && systemctl is-enabled lantern");
    assert_eq!(
        cluster.on("n1", "stat -c '%a %U' /var/lib/lantern /etc/kubernetes/pki/lantern.key"),
        "750 root\n600 root\n"
    );
    let images = cluster.on("n1", "ctr -n k8s.io images ls -q");
    assert!(images.lines().any(|name| name == format!("example.test/lantern:{VERSION}")), "{images}");
    assert_eq!(unit(&up(&session)), None, "nothing changes");

    // What it made in the kernel is part of what it is.
    cluster.on(
        "n1",
        "systemctl stop kbootstrap-data-plane.timer kbootstrap-data-plane.service && ip link delete lantern0",
    );
    let (action, reason) = unit(&up(&session)).unwrap();
    assert_eq!(action, Some(UnitAction::Restart));
    assert_eq!(reason, "the network device lantern0 is missing: there is no light");
    cluster.on("n1", "ip link show lantern0");
    drop(session);

    // The inventory configures it like any other; what does not work stops at its gate, in its own words.
    let set = |light: serde_json::Value| {
        let config = serde_json::json!({ "light": light });
        cluster.edit(|inventory| {
            let settings = inventory.components.entry("lantern".into()).or_default();
            settings.config = config.as_object().unwrap().clone();
        });
    };
    set(5.into());
    let error = try_up(&open(&cluster)).err().expect("it does not work");
    let said = "n1: lantern.service does not run with what is new; what ran before is put back, and runs";
    assert_eq!(error.message, said);
    assert!(error.details.iter().any(|detail| detail.contains("no light")), "{error:#?}");
    set("red".into());
    let session = open(&cluster);
    assert!(unit(&up(&session)).is_some());
    assert_eq!(light(), "red\n");

    let prepared = prepare(&session, PlanOptions::default(), &|_| Ok(())).unwrap();
    let ask = || engine::shown(&session, &prepared);
    let status = ask();
    assert!(status.healthy, "{:?}", status.troubles());
    let shown = status.hosts[0].components.iter().find(|c| c.name == "lantern").unwrap();
    assert_eq!((shown.state, shown.version.as_str()), (State::Good, VERSION));
    assert!(prepared.trust.expiries().iter().any(|(name, _)| name == "lantern"));
    cluster.on("n1", "systemctl stop lantern");
    assert!(ask().troubles().iter().any(|trouble| trouble.contains("lantern")));

    let host = &session.cluster.hosts[0];
    let mut transport = session.pool.take(host).unwrap();
    let layout = &session.cluster.layout;
    reset::reset(&mut *transport, &Targets::all(&session.catalogue, layout), layout).unwrap();
    let left = "ls -d /usr/local/bin/lantern /etc/systemd/system/lantern.service /etc/lantern /var/lib/lantern \
                /run/lantern /etc/kubernetes 2>/dev/null; \
                ip link show lantern0 2>/dev/null";
    assert_eq!(cluster.try_on("n1", left).1, "", "a reset leaves nothing of it");
}
