//! Building, with a stand-in for the Go toolchain that records how it is called.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kbootstrap::artifacts::Lock;
use kbootstrap::cluster::Source;
use kbootstrap::inventory::Build;
use kbootstrap::ui::Event;

use crate::artifacts_fixture::{Place, some};

/// A `go` that answers `env`, and for `build` writes its arguments behind an ELF header. `extra` runs before `build`.
fn go(place: &Place, extra: &str) -> Source {
    let path = place.dir.path().join("go");
    let cache = place.dir.path().display();
    let script = format!(
        r#"#!/bin/sh
case "$1" in
env) echo '{{"GOVERSION": "go1.26.8", "GOCACHE": "{cache}", "GOMODCACHE": "{cache}", "GOPROXY": "https://go.example.org",'
     echo '"GOSUMDB": "'"${{GOSUMDB:-sum.golang.org}}"'", "GOFLAGS": "'"$GOFLAGS"'"}}' ;;
mod) echo "mod $2" >> {cache}/calls ;;
build)
  {extra}
  out=; next=
  for word in "$@"; do [ "$next" ] && out=$word; next=; [ "$word" = -o ] && next=1; done
  head -n 3 go.mod > "$out.mod"
  {{ printf '\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\002\000\076\000'
    echo "cgo=$CGO_ENABLED arch=$GOARCH os=$GOOS $*"
    echo "flags=$GOFLAGS goenv=$GOENV proxy=$GOPROXY sumdb=$GOSUMDB work=$GOWORK preload=$LD_PRELOAD path=${{PATH:+set}}"
  }} > "$out" ;;
esac
"#
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    Source { build: Some(Build { go: Some(path) }), ..Source::default() }
}

fn log_of(error: &kbootstrap::error::Error) -> PathBuf {
    let detail = &error.details[0];
    PathBuf::from(detail.rsplit(' ').next().unwrap())
}

#[test]
fn programs_are_built_with_their_version_and_named_in_the_lock() {
    let place = Place::new();
    let source = [go(&place, "")];
    let programs = place.ensure(&some(&["kubelet", "etcd", "cni-bridge", "image-coredns"]), &source).unwrap();
    let kubelet = String::from_utf8_lossy(&place.bytes(&programs, "kubelet")).into_owned();
    assert!(kubelet.contains("cgo=0 arch=amd64 os=linux build -trimpath"), "{kubelet}");
    assert!(kubelet.contains("-X k8s.io/component-base/version.gitVersion=v1.36.3"), "{kubelet}");
    assert!(kubelet.contains("k8s.io/kubernetes/cmd/kubelet\n"), "{kubelet}");
    let environment = "flags= goenv=off proxy=https://go.example.org sumdb=sum.golang.org work=off preload= path=set";
    assert!(kubelet.contains(environment), "{kubelet}");
    let lock = Lock::read(&place.lock()).unwrap();
    let etcd = lock.artifacts.iter().find(|l| l.name == "etcd").unwrap();
    assert_eq!(etcd.source, "built from go.etcd.io/etcd/server/v3 v3.6.14 with go1.26.8");
    let calls = fs::read_to_string(place.dir.path().join("calls")).unwrap();
    assert_eq!(
        calls,
        "mod verify\n".repeat(4),
        "fixed module files need no go mod tidy, and the cache is not believed"
    );
    let steps: Vec<_> = place.events.take().into_iter().filter(|e| matches!(e, Event::Done { .. })).collect();
    assert_eq!(steps.len(), 4);
    let out = place.store.cache().join("build/kubernetes-1.36.3-amd64/out");
    let left: Vec<_> = fs::read_dir(out).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["kubelet.mod"], "what the store has is not kept twice");
}

#[test]
fn another_version_gets_module_files_of_its_own() {
    let place = Place::new();
    let source = [go(&place, "")];
    let mut wanted = some(&["runc"]);
    (wanted[0].version, wanted[0].release) = ("9.9.9".into(), "9.9.9".into());
    // runc is C too; its checks come first and may say that this machine lacks libseccomp.
    let result = place.ensure(&wanted, &source);
    let module = fs::read_to_string(place.store.cache().join("build/runc-9.9.9-amd64/go.mod")).unwrap();
    assert!(module.contains("require github.com/opencontainers/runc v9.9.9"), "{module}");
    assert_eq!(fs::read_to_string(place.dir.path().join("calls")).unwrap(), "mod tidy\nmod verify\n");
    if let Err(error) = result {
        assert!(error.details[0].contains("runc needs") || error.details[0].contains("C compiler"), "{error:?}");
    }
}

#[test]
fn a_failed_build_shows_the_compilers_last_words_and_where_the_rest_is() {
    let place = Place::new();
    let source = [go(&place, "seq 1 30 >&2; echo 'undefined: foo' >&2; exit 1")];
    let error = place.ensure(&some(&["etcd"]), &source).unwrap_err();
    assert_eq!(error.message, "no source has etcd 3.6.14 (amd64)");
    assert!(error.details[1].ends_with("30\nundefined: foo"), "{error:?}");
    let log = fs::read_to_string(log_of(&error)).unwrap();
    assert!(log.contains("\n1\n2\n3\n"), "{log}");
    assert_eq!(place.stored(), 0);
}

#[test]
fn one_program_that_fails_does_not_take_the_others_with_it() {
    let place = Place::new();
    let source = [go(&place, r#"case "$*" in *etcdctl*) exit 1;; esac"#)];
    let error = place.ensure(&some(&["etcd", "etcdctl", "kubelet"]), &source).unwrap_err();
    assert_eq!((error.message.as_str(), error.others.len()), ("no source has etcdctl 3.6.14 (amd64)", 0));
    let pinned = Lock::read(&place.lock()).unwrap();
    assert_eq!(pinned.artifacts.iter().map(|l| l.name.as_str()).collect::<Vec<_>>(), ["etcd", "kubelet"]);
}

#[test]
fn without_go_every_thing_says_so() {
    let place = Place::new();
    let source = Source { build: Some(Build { go: Some(Path::new("/nonexistent/go").into()) }), ..Source::default() };
    let error = place.ensure(&some(&["kubelet"]), &[source]).unwrap_err();
    assert!(error.details[0].starts_with("build: cannot run /nonexistent/go"), "{error:?}");
    assert!(error.hints[0].starts_with("install Go"), "{error:?}");
}

#[test]
fn what_weakens_a_build_from_outside_does_not_reach_it_and_is_said() {
    let place = Place::new();
    let build = go(&place, "").build.unwrap().go.unwrap();
    let folder = build.parent().unwrap().display().to_string();
    let inventory = place.dir.path().join("kbootstrap.yaml");
    let text = format!(
        "cluster: prod\nhosts: [{{name: e1, address: 10.0.0.11, roles: [etcd]}}, {{name: m1, address: 10.0.0.12, roles: [master]}}]\n\
         artifacts: [{{build: {{go: {folder}/go}}}}]\n"
    );
    fs::write(&inventory, text).unwrap();
    let run = assert_cmd::Command::cargo_bin("kbootstrap")
        .unwrap()
        .env("KBOOTSTRAP_CACHE", place.store.cache())
        .env("GOSUMDB", "off")
        .env("GOFLAGS", "-mod=mod -overlay=/tmp/overlay.json")
        .env("CGO_LDFLAGS", "-lother")
        .args(["artifacts", "fetch", "--trust-inventory", "--progress", "plain", "-i"])
        .arg(&inventory)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    for words in ["GOSUMDB=off does not hold", "-overlay=/tmp/overlay.json could change what is built", "CGO_LDFLAGS"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let record = place.store.records().unwrap().into_iter().find(|r| r.labels[0].name == "etcd").unwrap();
    let mut bytes = String::new();
    let decoder = zstd::Decoder::new(fs::File::open(place.store.file(&record.sha256)).unwrap()).unwrap();
    std::io::Read::read_to_string(&mut std::io::Read::take(decoder, 1 << 20), &mut bytes).unwrap();
    assert!(bytes.contains("flags= goenv=off"), "{bytes}");
}
