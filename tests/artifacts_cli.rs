//! `kbootstrap artifacts` as people and scripts use it.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

use crate::artifacts_fixture::{everything, fill};
use crate::pki_tools::Ran;

fn kbootstrap(cache: &Path, args: &[&str]) -> Ran {
    Command::cargo_bin("kbootstrap").unwrap().env("KBOOTSTRAP_CACHE", cache).args(args).output().unwrap().into()
}

/// A cache that was filled from a folder.
fn filled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let bin = dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    fill(&bin);
    let folder = bin.display().to_string();
    let fetch = ["artifacts", "fetch", "--kubernetes", "1.36.3", "--test-images", "--source", &folder];
    let run = kbootstrap(&dir.path().join("cache"), &fetch);
    assert_eq!(run.code, 0, "{}", run.stderr);
    dir
}

#[test]
fn fetch_fills_the_store_and_list_shows_it() {
    let dir = filled();
    let run = kbootstrap(&dir.path().join("cache"), &["artifacts", "list", "-o", "json"]);
    let list: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(list.len(), everything().len());
    let kubelet = list.iter().find(|v| v["labels"][0]["name"] == "kubelet").unwrap();
    assert_eq!(kubelet["labels"][0]["version"], "1.36.3");
    let text = kbootstrap(&dir.path().join("cache"), &["artifacts", "list"]).stdout;
    assert!(text.lines().any(|l| l.starts_with("kubelet ") && l.contains("1.36.3")), "{text}");
}

#[test]
fn a_bundle_travels_from_one_cache_to_another() {
    let dir = filled();
    let file = dir.path().join("k8s.tar").display().to_string();
    let bundle = ["artifacts", "bundle", "--kubernetes", "1.36.3", "--test-images", "-o", &file];
    let run = kbootstrap(&dir.path().join("cache"), &bundle);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let other = dir.path().join("other");
    let run = kbootstrap(&other, &["artifacts", "import", &file, "-o", "json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let imported: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(imported["artifacts"].as_array().unwrap().len(), everything().len());
    assert_eq!(kbootstrap(&other, &["artifacts", "verify", "--deep"]).code, 0);
    // What is imported needs no source at all.
    let lock = dir.path().join("artifacts.lock").display().to_string();
    let fetch = ["artifacts", "fetch", "--kubernetes", "1.36.3", "--source", "/nonexistent", "--lock", &lock];
    assert_eq!(kbootstrap(&other, &fetch).code, 0);
    assert!(fs::read_to_string(&lock).unwrap().contains("kube-apiserver"));
}

#[test]
fn verify_names_the_damaged_file_and_what_to_do() {
    let dir = filled();
    let cache = dir.path().join("cache");
    let files = fs::read_dir(cache.join("store")).unwrap().map(|e| e.unwrap().path());
    let victim = files.filter(|p| p.extension().is_some_and(|e| e == "zst")).min().unwrap();
    fs::write(&victim, "x").unwrap();
    let run = kbootstrap(&cache, &["artifacts", "verify"]);
    assert_eq!(run.code, 8);
    assert!(run.stdout.lines().any(|l| l.starts_with("bad ") && l.contains("is damaged: 1 bytes")), "{}", run.stdout);
    assert!(run.stderr.contains(&format!("hint: rm {}", victim.display())), "{}", run.stderr);
}

#[test]
fn mistakes_are_told_before_anything_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let run = kbootstrap(
        dir.path(),
        &["artifacts", "fetch", "--kubernetes", "1.36.3", "--source", "build", "--mirror", "https://m"],
    );
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("--mirror is for the source `download`"), "{}", run.stderr);
    assert_eq!(kbootstrap(dir.path(), &["artifacts", "fetch", "--kubernetes", "1.36"]).code, 2);
    let run = kbootstrap(dir.path(), &["artifacts", "bundle", "--kubernetes", "1.36.3", "-o", "/nonexistent/x"]);
    assert_eq!(run.code, 8);
    assert!(run.stderr.contains("kubelet 1.36.3 (amd64) is not in the store"), "{}", run.stderr);
}

#[test]
fn fetch_for_an_inventory_takes_its_sources_and_pins_what_came() {
    let dir = tempfile::tempdir().unwrap();
    let bin = dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    fill(&bin);
    let inventory = dir.path().join("prod.yaml");
    let host = "hosts: [{name: m1, address: 10.0.0.11, roles: [etcd, master, node]}]";
    fs::write(&inventory, format!("cluster: prod\nkubernetes: 1.36.3\nartifacts: [{{folder: bin}}]\n{host}\n"))
        .unwrap();
    let fetch = ["artifacts", "fetch", "-i", &inventory.display().to_string(), "-o", "json"].map(str::to_owned);
    let fetch: Vec<&str> = fetch.iter().map(String::as_str).collect();
    let run = kbootstrap(&dir.path().join("cache"), &fetch);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let records: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    assert!(records.iter().any(|record| record["labels"][0]["name"] == "kubelet"), "{}", run.stdout);
    let lock = fs::read_to_string(dir.path().join("clusters/prod/artifacts.lock")).unwrap();
    assert!(lock.contains("kube-apiserver") && lock.contains("image-coredns"), "{lock}");
    let both = kbootstrap(&dir.path().join("cache"), &[&fetch[..], &["--kubernetes", "1.36.3"]].concat());
    assert_eq!(both.code, 2, "{}", both.stderr);
}
