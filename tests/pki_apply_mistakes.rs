//! `kbootstrap pki`: what people write into specifications by mistake, and what lies in a tree that should not.

use std::fs;

use crate::pki_apply::folder;
use crate::pki_tools::Folder;

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

#[test]
fn a_key_in_the_place_of_a_specification_is_not_shown() {
    let folder = folder("authorities: [{name: ca, CN: CA}, {name: ed, CN: ed, key: {algo: ed25519}}]");
    folder.ok("pki apply pki.yaml");
    let key = folder.read("ca-key.pem");
    insta::assert_snapshot!(folder.refused("pki apply ca-key.pem"), @r"
    error: ca-key.pem:1:1: the specification: expected a mapping, found the text (not shown: it may be a key)
      there is a private key in this file: its lines are not shown
    exit code 3
    ");
    let name = serde_json::Value::from(key.clone());
    folder.write("a.json", format!(r#"{{"authorities": [{{"name": {name}, "CN": "a", "kee": 1, "key": {name}}}]}}"#));
    insta::assert_snapshot!(folder.refused("pki apply a.json"), @r"
    error: a.json:1:27: `-----BEGIN EC PRIVATE KEY-----\*****************************…` cannot be part of a file name
      there is a private key in this file: its lines are not shown
    hint: use letters, digits, `-`, `_` and `.`

    error: a.json:1:274: unknown key `kee` in authorities[0]
      there is a private key in this file: its lines are not shown
    hint: did you mean `key`?

    error: a.json:1:291: authorities[0].key: expected a mapping, found the text (not shown: it may be a key)
      there is a private key in this file: its lines are not shown

    3 errors
    exit code 3
    ");
    let body = |key: &str| key.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    let (body, ed) = (body(&key), body(&folder.read("ed-key.pem")));
    folder.write("b.yaml", format!("authorities: [{{name: a, CN: a, {body}: 1, key: {body}}}]"));
    folder.write("c.yaml", body.clone());
    folder.write("d.yaml", format!("authorities:\n- name: |\n    {}\n  CN: a\n", key.replace('\n', "\n    ")));
    folder.write("e.yaml", format!("a: {{\n{key}"));
    for file in ["ca-key.pem", "ed-key.pem", "a.json", "b.yaml", "c.yaml", "d.yaml", "e.yaml"] {
        let said = folder.refused(&format!("pki apply {file}"));
        for key in [&body, &ed] {
            let shown = (0..key.len() - 12).find(|&n| said.contains(&key[n..n + 12]));
            assert_eq!(shown, None, "{file}: {said}");
        }
    }
}

#[test]
fn a_long_text_in_a_wrong_place_has_no_odd_characters_of_ours() {
    let folder = folder(&format!("authorities: [{{name: a, CN: a, key: {}}}]", "long words ".repeat(6)));
    insta::assert_snapshot!(folder.refused("pki apply pki.yaml"), @r"
    error: pki.yaml:1:37: authorities[0].key: expected a mapping, found the text `long words long words long words long wo…`
      1 | authorities: [{name: a, CN: a, key: long words long words long words long words long words long word
        |                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    exit code 3
    ");
}

#[test]
fn all_mistakes_are_named_at_once_and_nothing_is_written() {
    let folder = folder(
        "defaults: {expiry: 1w, profil: server}
profiles: {www: {usages: [signing, Server Auth]}}
authorities:
- name: root
  CN: Root
  expiry: 1y
  pathLength: 0
  certificates:
  - {name: web, hosts: [a，b], profile: wwww}
  - {name: a/b, CN: a, key: {algo: rsa, size: 1024}}
  - {name: 'n-{m}', count: 2, CN: x}
  - {name: same, count: 2, CN: x}
  - {name: long, CN: x, expiry: 2y}
  - {name: root, CN: x}
  authorities:
  - {name: deep, CN: Deep}
  - {name: nobody}
",
    );
    insta::assert_snapshot!(folder.refused("pki apply pki.yaml"), @r"
    error: pki.yaml:1:20: `1w` is not a length of time: there is no unit `w`
      1 | defaults: {expiry: 1w, profil: server}
        |                    ^^
    hint: write for example 8760h, 1h30m, 90d or 10y

    error: pki.yaml:1:24: unknown key `profil` in defaults
      1 | defaults: {expiry: 1w, profil: server}
        |                        ^^^^^^
    hint: did you mean `profile`?

    error: pki.yaml:2:36: unknown usage `Server Auth`
      2 | profiles: {www: {usages: [signing, Server Auth]}}
        |                                    ^^^^^^^^^^^
    hint: did you mean `server auth`?

    error: pki.yaml:9:25: host `a，b` has the character '，', which no certificate can hold
      9 |   - {name: web, hosts: [a，b], profile: wwww}
        |                         ^^^^
    hint: it is a full-width character: type it again with an ASCII keyboard

    error: pki.yaml:9:40: there is no profile `wwww`
      9 |   - {name: web, hosts: [a，b], profile: wwww}
        |                                         ^^^^
    hint: did you mean `www`?
    hint: profiles are: client, peer, server, www

    error: pki.yaml:10:12: `a/b` cannot be part of a file name
      10 |   - {name: a/b, CN: a, key: {algo: rsa, size: 1024}}
         |            ^^^
    hint: use letters, digits, `-`, `_` and `.`

    error: pki.yaml:10:47: RSA key of 1024 bits is too weak
      10 |   - {name: a/b, CN: a, key: {algo: rsa, size: 1024}}
         |                                               ^^^^
    hint: use 2048 to 8192 bits

    error: pki.yaml:11:12: `{m}` stands for nothing: there is only {n}
      11 |   - {name: 'n-{m}', count: 2, CN: x}
         |            ^^^^^^^

    error: pki.yaml:12:12: all 2 of them would have the name `same`
      12 |   - {name: same, count: 2, CN: x}
         |            ^^^^
    hint: for example `same-{n}`

    error: pki.yaml:13:33: `long` would live 17520h and outlive its CA, which lives 8760h
      13 |   - {name: long, CN: x, expiry: 2y}
         |                                 ^^
    hint: shorten its `expiry`, or lengthen the CA's

    error: pki.yaml:14:12: another CA or certificate has the name `root` already
      14 |   - {name: root, CN: x}
         |            ^^^^

    error: pki.yaml:16:12: CA `deep` stands deeper than the `pathLength` of a CA above it allows
      16 |   - {name: deep, CN: Deep}
         |            ^^^^
    hint: raise that `pathLength`, or leave it out

    error: pki.yaml:16:12: `deep` would live 87600h and outlive its CA, which lives 8760h
      16 |   - {name: deep, CN: Deep}
         |            ^^^^
    hint: shorten its `expiry`, or lengthen the CA's

    error: pki.yaml:17:5: CA `nobody` has no `CN`
      17 |   - {name: nobody}
         |     ^
    hint: or is it `external`, brought by you?

    error: pki.yaml:17:12: CA `nobody` stands deeper than the `pathLength` of a CA above it allows
      17 |   - {name: nobody}
         |            ^^^^^^
    hint: raise that `pathLength`, or leave it out

    error: pki.yaml:17:12: `nobody` would live 87600h and outlive its CA, which lives 8760h
      17 |   - {name: nobody}
         |            ^^^^^^
    hint: shorten its `expiry`, or lengthen the CA's

    16 errors
    exit code 3
    ");
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 1);
}

#[test]
fn a_specification_of_somebody_else_writes_nowhere_else() {
    let folder = Folder::new();
    let spec = |settings: &str| {
        let text = format!("{settings}\nauthorities: [{{name: r, CN: r, key: {{algo: ecdsa, size: 256}}}}]\n");
        folder.write("in/pki.yaml", text);
    };
    std::fs::create_dir(folder.path("in")).unwrap();
    let absolute = folder.path("elsewhere");
    for settings in
        ["folder: ../elsewhere".to_owned(), format!("folder: {}", absolute.display()), "folder: link".to_owned()]
    {
        let _ = std::os::unix::fs::symlink("../elsewhere", folder.path("in/link"));
        spec(&settings);
        let words = folder.refused("pki apply in/pki.yaml");
        assert!(words.contains("2 files are outside in") && words.contains("--outside"), "{settings}: {words}");
        assert!(!absolute.exists(), "{settings}");
    }
    spec("folder: ../elsewhere");
    folder.ok("pki apply in/pki.yaml --outside");
    assert!(absolute.join("r.pem").exists());
}

#[test]
fn files_that_two_would_share_are_refused() {
    let folder = folder(
        "authorities: [{name: ca, CN: ca, files: {certificate: ca.pem}, certificates: [
  {name: a, CN: a, files: {certificate: ca.pem, key: ../a.key}}, {name: b, CN: b, files: {certificate: '{nam}.crt'}}]}]",
    );
    insta::assert_snapshot!(folder.refused("pki apply pki.yaml"), @r"
    error: pki.yaml:2:10: certificate a: ca.pem is a file of CA ca already
      2 |   {name: a, CN: a, files: {certificate: ca.pem, key: ../a.key}}, {name: b, CN: b, files: {certificat
        |          ^
    hint: give it other `files`

    error: pki.yaml:2:104: `{nam}` stands for nothing: there is only {name}
      2 | ../a.key}}, {name: b, CN: b, files: {certificate: '{nam}.crt'}}]}]
        |                                                   ^^^^^^^^^^^
    hint: did you mean `{name}`?

    2 errors
    exit code 3
    ");
}
