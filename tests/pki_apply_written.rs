//! Specifications of `kbootstrap pki` that others write: the documentation, its schema, `pki spec`, and anybody anything.

use std::fs;
use std::path::{Path, PathBuf};

use kbootstrap::components::Catalogue;
use kbootstrap::hierarchy::{self, Kind};
use kbootstrap::ui::Silent;
use kbootstrap::ui::report;
use kbootstrap::{cluster, inventory, trust};
use time::OffsetDateTime;

use crate::common::schema;
use crate::pki_apply::folder;
use crate::pki_tools::Folder;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_clusters_table_is_such_a_specification() {
    let folder = Folder::new();
    folder.write(
        "prod.yaml",
        "cluster: prod\nhosts:\n- {name: m1, address: 10.0.0.11, roles: [etcd, master]}\n- {name: n1, address: 10.0.0.21, roles: [node]}\n",
    );
    folder.write("pki.yaml", folder.ok("pki spec -i prod.yaml").stdout);
    assert_eq!(folder.json("pki spec -i prod.yaml -o json")["authorities"][0]["name"], "ca");
    folder.ok("pki apply pki.yaml --progress none");
    let inside = |name: &str| folder.path("clusters/prod").join(name);
    let before = fs::read(inside("pki/apiserver-m1.pem")).unwrap();
    let loaded = inventory::load(&folder.path("prod.yaml")).unwrap();
    let cluster = cluster::resolve(&loaded, &cluster::Known::default()).unwrap();
    let trust =
        trust::ensure(&Catalogue::standard(), &cluster, &inside(""), OffsetDateTime::now_utc(), &Silent).unwrap();
    let names: Vec<String> = trust.expiries().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names.len(),
        trust::certificates(&Catalogue::standard(), &cluster).len() + trust::authorities(&cluster).len()
    );
    for name in &names {
        assert!(inside(&format!("pki/{name}.pem")).exists(), "{name}");
    }
    assert_eq!(fs::read(inside("pki/apiserver-m1.pem")).unwrap(), before, "up's code issued nothing again");
    let again = folder.ok("pki apply pki.yaml").stdout;
    assert!(again.starts_with("nothing to do"), "{again}");
}

#[test]
fn what_up_has_made_is_as_the_specification_says() {
    let folder = Folder::new();
    let hosts = "hosts:\n- {name: m1, address: 10.0.0.11, roles: [etcd, master, node]}\n";
    for (name, pki) in [("a", ""), ("b", "pki: {authorities: single, key: {algo: ecdsa, size: 384}, expiry: 90d}\n")] {
        folder.write(&format!("{name}.yaml"), format!("cluster: {name}\n{pki}{hosts}"));
        let loaded = inventory::load(&folder.path(&format!("{name}.yaml"))).unwrap();
        let cluster = cluster::resolve(&loaded, &cluster::Known::default()).unwrap();
        let dir = folder.path(&format!("clusters/{name}"));
        trust::ensure(&Catalogue::standard(), &cluster, &dir, OffsetDateTime::now_utc(), &Silent).unwrap();
        folder.write("pki.yaml", folder.ok(&format!("pki spec -i {name}.yaml")).stdout);
        let ran = folder.ok("pki apply pki.yaml").stdout;
        assert!(ran.starts_with("nothing to do"), "{name}: {ran}");
    }
}

#[test]
fn the_examples_of_the_documentation_are_specifications() {
    let text = fs::read_to_string(root().join("docs/pki-apply.md")).unwrap();
    let examples: Vec<&str> = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 3);
    for example in examples.iter().filter(|example| example.contains("authorities:")) {
        let folder = folder(example);
        let ran = folder.kbootstrap("pki apply pki.yaml --dry-run", "");
        // Those with a CA of somebody else lack it here.
        assert!(ran.code == 0 || example.contains("external: true"), "{example}\n{ran:?}");
        let loaded = hierarchy::parse("pki.yaml", example.as_bytes(), Path::new("")).unwrap();
        assert!(loaded.hierarchy.items.iter().any(|item| item.kind == Kind::Certificate), "{example}");
        jsonschema::validate(&hierarchy::schema(), &serde_saphyr::from_str(example).unwrap()).unwrap();
    }
}

#[test]
fn the_specification_schema_in_docs_is_that_of_the_types() {
    schema::is_up_to_date("pki-apply.schema.json", &hierarchy::schema());
}

#[test]
fn the_specification_s_documentation_names_every_field() {
    schema::is_documented("pki-apply.md", &hierarchy::schema());
}

proptest::proptest! {
    #[test]
    fn any_value_in_any_field_is_taken_or_explained(
        field in proptest::sample::select(vec![
            "name", "CN", "names", "hosts", "profile", "key", "expiry", "renewBefore", "folder", "files", "count", "each",
            "pathLength", "external", "crlUrl", "issuerUrls", "defaults", "authorities", "certificates", "serialNumber",
        ]),
        value in proptest::sample::select(vec![
            "null", "''", "1", "-1", "256", "true", "abc", "[]", "{}", "[{}]", "[null]", "'{n}'", "'{'", "../x", "/", "1y",
            "{algo: rsa, size: 4294967295}", "[a, a]", "{C: x}", "[{C: x, OID: {x: y}}]", "，", "\"\\u0000\"", "&a [*a]",
            "[{name: a}, {name: a}]", "{certificate: x, key: x}", "[{n: a}, {m: b}]", "9999999999y", "0",
        ]),
    ) {
        for inner in ["certificates", "authorities"] {
            let name = if field == "name" { "" } else { "name: leaf, " };
            let text = format!("authorities: [{{name: ca, CN: ca, {inner}: [{{{name}{field}: {value}}}]}}]\n");
            if let Err(error) = hierarchy::parse("x", text.as_bytes(), Path::new("/x")) {
                proptest::prop_assert_eq!(error.kind, kbootstrap::error::Kind::Input, "{}: {}", text, error);
                let _ = report::render(&error, false);
            }
        }
    }
}
