//! `kbootstrap pki`: what people write into specifications by mistake, and what lies in a tree that should not.

use std::fs;

use crate::pki_tools::Folder;

fn folder(spec: &str) -> Folder {
    let folder = Folder::new();
    folder.write("pki.yaml", spec);
    folder
}

#[test]
fn spellings_of_one_file_are_seen_as_one() {
    let folder = folder(
        "authorities:
- name: r
  CN: R
  certificates:
  - {name: r2, CN: r2, files: {certificate: ./r.pem, key: .//r-key.pem}}
  - {name: a, CN: a, folder: d1}
  - {name: a2, CN: a2, folder: d1/../d1, files: {certificate: a.pem}}
  - {name: b, CN: b, files: {certificate: '', key: d1/}}
",
    );
    insta::assert_snapshot!(folder.refused("pki apply pki.yaml"), @r"
    error: pki.yaml:5:12: certificate r2: .//r-key.pem is a file of CA r already
      5 |   - {name: r2, CN: r2, files: {certificate: ./r.pem, key: .//r-key.pem}}
        |            ^^
    hint: give it other `files`

    error: pki.yaml:5:12: certificate r2: ./r.pem is a file of CA r already
      5 |   - {name: r2, CN: r2, files: {certificate: ./r.pem, key: .//r-key.pem}}
        |            ^^
    hint: give it other `files`

    error: pki.yaml:7:12: certificate a2: d1/../d1/a.pem is a file of certificate a already
      7 |   - {name: a2, CN: a2, folder: d1/../d1, files: {certificate: a.pem}}
        |            ^^
    hint: give it other `files`

    error: pki.yaml:8:43: a file needs a name
      8 |   - {name: b, CN: b, files: {certificate: '', key: d1/}}
        |                                           ^^
    hint: leave it out to have the name that is usual

    error: pki.yaml:8:52: `d1/` is a folder, not a file
      8 |   - {name: b, CN: b, files: {certificate: '', key: d1/}}
        |                                                    ^^^
    hint: add the name of the file

    5 errors
    exit code 3
    ");
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 1);
}

#[test]
fn home_folders_and_ca_usages_of_certificates_are_refused() {
    let folder = folder(
        "folder: ~/pki
profiles: {ca: {usages: [signing, cert sign]}}
authorities:
- name: r
  CN: R
  folder: '~bob'
  certificates:
  - {name: a, CN: a, profile: ca, folder: ~/x, files: {key: ~/a.key}}
",
    );
    insta::assert_snapshot!(folder.refused("pki apply pki.yaml"), @r"
    error: pki.yaml:1:9: `~/pki`: `~` does not stand for the home folder here
      1 | folder: ~/pki
        |         ^^^^^
    hint: write the whole path, or `./~…` where the name does begin with `~`

    error: pki.yaml:2:35: `cert sign` is for CAs, and profiles are for certificates that are none
      2 | profiles: {ca: {usages: [signing, cert sign]}}
        |                                   ^^^^^^^^^
    hint: leave it out; what is to issue others goes under `authorities`

    error: pki.yaml:6:11: `~bob`: `~` does not stand for the home folder here
      6 |   folder: '~bob'
        |           ^^^^^^
    hint: write the whole path, or `./~…` where the name does begin with `~`

    error: pki.yaml:8:43: `~/x`: `~` does not stand for the home folder here
      8 |   - {name: a, CN: a, profile: ca, folder: ~/x, files: {key: ~/a.key}}
        |                                           ^^^
    hint: write the whole path, or `./~…` where the name does begin with `~`

    error: pki.yaml:8:61: `~/a.key`: `~` does not stand for the home folder here
      8 |   - {name: a, CN: a, profile: ca, folder: ~/x, files: {key: ~/a.key}}
        |                                                             ^^^^^^^
    hint: write the whole path, or `./~…` where the name does begin with `~`

    5 errors
    exit code 3
    ");
}

#[test]
fn hints_name_what_helps_and_no_more() {
    let spec = "authorities: [{name: ca, CN: CA, certificates: [{name: a, CN: a}, {name: b, CN: b}]}]";
    let folder = folder(spec);
    folder.ok("pki apply pki.yaml");
    folder.write("pki.yaml", spec.replace("CN: CA", "CN: Other"));
    let check = folder.kbootstrap("pki check pki.yaml", "");
    assert_eq!(check.code, 4);
    insta::assert_snapshot!(check.stderr, @r"
    error: 1 is not as it should be
    hint: see the remarks for what `pki apply` does not mend unasked
    ");
    let applied = folder.ok("pki apply pki.yaml").stdout;
    assert!(applied.contains("\nnothing to do unasked: see the warnings ("), "{applied}");
    // With the CA broken what it has issued is unknown, and what is not there is missing.
    fs::copy(folder.path("a-key.pem"), folder.path("ca-key.pem")).unwrap();
    fs::remove_file(folder.path("b.pem")).unwrap();
    let check = folder.kbootstrap("pki check pki.yaml -o json", "");
    let steps: serde_json::Value = serde_json::from_str(&check.stdout).unwrap();
    let states: Vec<&str> = steps.as_array().unwrap().iter().filter_map(|step| step["state"].as_str()).collect();
    assert_eq!(states, ["wrong", "unknown", "missing"]);
    let text = folder.kbootstrap("pki check pki.yaml", "").stdout;
    assert!(text.contains(" missing ") && text.contains(" unknown ") && !text.contains(" good "), "{text}");
}

#[test]
fn what_a_killed_run_has_left_is_removed() {
    let folder = folder("folder: out\nauthorities: [{name: ca, CN: CA}]");
    folder.ok("pki apply pki.yaml");
    let left = folder.path("out/.kbootstrap-Ab12yZ");
    fs::write(&left, "a key").unwrap();
    folder.ok("pki apply pki.yaml --dry-run");
    folder.ok("pki check pki.yaml");
    assert!(left.exists(), "who only looks removes nothing");
    let ran = folder.ok("pki apply pki.yaml --progress plain");
    assert!(!left.exists());
    assert!(ran.stderr.contains("removed what a run that was killed has left: temporary files, 1"), "{}", ran.stderr);
}
