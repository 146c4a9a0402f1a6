//! `kbootstrap artifacts` as people and scripts use it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

use crate::artifacts_fixture::{bin_in, everything};
use crate::pki_tools::Ran;

/// Arguments after `artifacts` are separated by spaces.
fn artifacts(cache: &Path, line: &str) -> Ran {
    let mut command = Command::cargo_bin("kbootstrap").unwrap();
    command.env("KBOOTSTRAP_CACHE", cache).arg("artifacts").args(line.split(' ')).output().unwrap().into()
}

fn ok(cache: &Path, line: &str) -> Ran {
    let run = artifacts(cache, line);
    assert_eq!(run.code, 0, "{line}: {}", run.stderr);
    run
}

/// A cache that was filled from a folder.
fn filled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let bin = bin_in(dir.path());
    let fetch = format!("fetch --kubernetes 1.36.3 --test-images --source {}", bin.display());
    ok(&dir.path().join("cache"), &fetch);
    dir
}

#[test]
fn fetch_fills_the_store_and_list_shows_it() {
    let dir = filled();
    let run = ok(&dir.path().join("cache"), "list -o json");
    let list: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(list.len(), everything().len());
    let kubelet = list.iter().find(|v| v["labels"][0]["name"] == "kubelet").unwrap();
    assert_eq!(kubelet["labels"][0]["version"], "1.36.3");
    let text = ok(&dir.path().join("cache"), "list").stdout;
    assert!(text.lines().any(|l| l.starts_with("kubelet ") && l.contains("1.36.3")), "{text}");
}

#[test]
fn a_bundle_travels_from_one_cache_to_another() {
    let dir = filled();
    let file = dir.path().join("k8s.tar").display().to_string();
    ok(&dir.path().join("cache"), &format!("bundle --kubernetes 1.36.3 --test-images -o {file}"));
    let other = dir.path().join("other");
    let run = ok(&other, &format!("import {file} -o json"));
    let imported: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(imported["artifacts"].as_array().unwrap().len(), everything().len());
    ok(&other, "verify");
    // What is imported needs no source at all.
    let lock = dir.path().join("artifacts.lock").display().to_string();
    ok(&other, &format!("fetch --kubernetes 1.36.3 --source /nonexistent --lock {lock}"));
    assert!(fs::read_to_string(&lock).unwrap().contains("kube-apiserver"));
}

#[test]
fn verify_names_the_damaged_file_and_what_to_do() {
    let dir = filled();
    let cache = dir.path().join("cache");
    let files = fs::read_dir(cache.join("store")).unwrap().map(|e| e.unwrap().path());
    let victim = files.filter(|p| p.extension().is_some_and(|e| e == "zst")).min().unwrap();
    fs::write(&victim, "x").unwrap();
    let run = artifacts(&cache, "verify");
    assert_eq!(run.code, 8);
    assert!(run.stdout.lines().any(|l| l.starts_with("bad ") && l.contains("is damaged: 1 bytes")), "{}", run.stdout);
    assert!(run.stderr.contains(&format!("hint: rm {}", victim.display())), "{}", run.stderr);
}

#[test]
fn mistakes_are_told_before_anything_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let run = artifacts(dir.path(), "fetch --kubernetes 1.36.3 --source build --mirror https://m");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("--mirror is for the source `download`"), "{}", run.stderr);
    assert_eq!(artifacts(dir.path(), "fetch --kubernetes 1.36").code, 2);
    let run = artifacts(dir.path(), "bundle --kubernetes 1.36.3 -o /nonexistent/x");
    assert_eq!(run.code, 8);
    assert!(run.stderr.contains("kubelet 1.36.3 (amd64) is not in the store"), "{}", run.stderr);
}

#[test]
fn fetch_for_an_inventory_takes_its_sources_and_pins_what_came() {
    let dir = tempfile::tempdir().unwrap();
    bin_in(dir.path());
    let inventory = dir.path().join("prod.yaml");
    let host = "hosts: [{name: m1, address: 10.0.0.11, roles: [etcd, master, node]}]";
    fs::write(&inventory, format!("cluster: prod\nkubernetes: 1.36.3\nartifacts: [{{folder: bin}}]\n{host}\n"))
        .unwrap();
    let fetch = format!("fetch -i {} -o json", inventory.display());
    let run = ok(&dir.path().join("cache"), &fetch);
    let records: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    assert!(records.iter().any(|record| record["labels"][0]["name"] == "kubelet"), "{}", run.stdout);
    let lock = fs::read_to_string(dir.path().join("clusters/prod/artifacts.lock")).unwrap();
    assert!(lock.contains("kube-apiserver") && lock.contains("image-coredns"), "{lock}");
    let both = artifacts(&dir.path().join("cache"), &format!("{fetch} --kubernetes 1.36.3"));
    assert_eq!(both.code, 2, "{}", both.stderr);
}

#[test]
fn a_cache_that_others_may_write_is_refused() {
    let dir = filled();
    let cache = dir.path().join("cache");
    for folder in [cache.clone(), cache.join("store")] {
        fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
        let run = artifacts(&cache, "list");
        assert_eq!(run.code, 1, "{}", run.stderr);
        let shown = folder.display();
        assert!(run.stderr.contains(&format!("others may write to {shown} (mode 0777)")), "{}", run.stderr);
        assert!(run.stderr.contains(&format!("chmod -R go-w {shown}")), "{}", run.stderr);
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        ok(&cache, "list");
    }
    // Whatever the umask, it is made so that it is not refused the next time.
    let other = dir.path().join("other");
    let bin = dir.path().join("bin");
    let line = format!("umask 0; exec \"$0\" artifacts fetch --kubernetes 1.36.3 --source {}", bin.display());
    let program = Command::cargo_bin("kbootstrap").unwrap().get_program().to_owned();
    let run = std::process::Command::new("sh")
        .env("KBOOTSTRAP_CACHE", &other)
        .args(["-c", &line])
        .arg(program)
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
    ok(&other, "list");
}

#[test]
fn an_sbom_tells_what_the_lock_pins() {
    let dir = filled();
    let (cache, bin) = (dir.path().join("cache"), dir.path().join("bin"));
    let lock = dir.path().join("clusters/prod/artifacts.lock");
    ok(&cache, &format!("fetch --kubernetes 1.36.3 --source {} --lock {}", bin.display(), lock.display()));
    let line = format!("sbom --lock {}", lock.display());
    let run = ok(&cache, &line);
    assert_eq!(ok(&cache, &line).stdout, run.stdout, "the same lock, the same document");
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    // https://cyclonedx.org/docs/1.5/json/: what must be there, and how it must look.
    let schema = serde_json::json!({
        "type": "object",
        "required": ["bomFormat", "specVersion", "serialNumber", "version", "metadata", "components", "dependencies"],
        "properties": {
            "bomFormat": {"const": "CycloneDX"},
            "specVersion": {"const": "1.5"},
            "version": {"const": 1},
            "serialNumber": {"pattern": "^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"},
            "metadata": {"required": ["tools", "component"]},
            "components": {"minItems": 1, "items": {
                "required": ["type", "bom-ref", "name", "version", "hashes", "purl", "properties"],
                "properties": {
                    "type": {"enum": ["application", "container"]},
                    "purl": {"pattern": "^pkg:(golang|generic)/[^ ]+@[^ ]+$"},
                    "hashes": {"minItems": 1, "items": {
                        "required": ["alg", "content"],
                        "properties": {"alg": {"const": "SHA-256"}, "content": {"pattern": "^[0-9a-f]{64}$"}}}},
                    "properties": {"items": {"required": ["name", "value"], "properties": {
                        "name": {"pattern": "^kbootstrap:"}, "value": {"type": "string"}}}}}}}
        }
    });
    let errors: Vec<_> =
        jsonschema::validator_for(&schema).unwrap().iter_errors(&document).map(|e| e.to_string()).collect();
    assert_eq!(errors, [""; 0]);
    assert_eq!(document["metadata"]["component"]["name"], "prod");
    assert_eq!(document["metadata"]["component"]["version"], "1.36.3");
    let pinned: Value = serde_json::from_str(&fs::read_to_string(&lock).unwrap()).unwrap();
    let pinned = pinned["artifacts"].as_array().unwrap();
    let components = document["components"].as_array().unwrap();
    assert_eq!(components.len(), pinned.len());
    for (row, component) in pinned.iter().zip(components) {
        assert_eq!(row["sha256"], component["hashes"][0]["content"]);
        let source = component["properties"].as_array().unwrap().iter().find(|p| p["name"] == "kbootstrap:source");
        assert_eq!(row["source"], source.unwrap()["value"]);
    }
    let none = artifacts(&cache, "sbom --lock /nonexistent/artifacts.lock");
    assert_eq!(none.code, 3, "{}", none.stderr);
}
