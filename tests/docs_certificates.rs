//! The tables of docs/certificates.md are those of the code.

use std::fs;
use std::path::PathBuf;

use kbootstrap::cluster::{self, Cluster, Known};
use kbootstrap::components::Catalogue;
use kbootstrap::inventory;
use kbootstrap::trust::{Authority, CertificateRow, Placement, authorities, certificates};

const INVENTORY: &str = "\
cluster: prod
hosts:
- {name: m1, address: 10.0.0.11, roles: [etcd, master]}
- {name: n1, address: 10.0.0.21, roles: [node]}
";

fn example() -> Cluster {
    let loaded = inventory::parse("x.yaml", INVENTORY.as_bytes()).unwrap();
    cluster::resolve(&loaded, &Known::default()).unwrap()
}

fn places(placements: &[Placement]) -> String {
    let place = |p: &Placement| match &p.key {
        Some(_) => format!("{}: `{}`, `.key`", p.host, p.certificate),
        None => format!("{}: `{}`", p.host, p.certificate),
    };
    let all: Vec<String> = placements.iter().map(place).collect();
    if all.is_empty() { "–".into() } else { all.join("<br>") }
}

fn code_list(items: &[String]) -> String {
    let all: Vec<String> = items.iter().map(|item| format!("`{item}`")).collect();
    if all.is_empty() { "–".into() } else { all.join(", ") }
}

fn authority_table(cluster: &Cluster) -> String {
    let mut text = String::from("| name | subject | is trusted | signs |\n|---|---|---|---|\n");
    for row in authorities(cluster) {
        let signs = places(&row.signers);
        let (name, cn, trusted) = (row.name, row.common_name, places(&row.placements));
        text.push_str(&format!("| `{name}` | `CN={cn}` | {trusted} | {signs} |\n"));
    }
    text
}

fn certificate_table(cluster: &Cluster) -> String {
    let ca = |row: &CertificateRow| {
        let signs = |authority: Authority| authorities(cluster).into_iter().find(|a| a.serves.contains(&authority));
        signs(row.authority).unwrap().name
    };
    let subject = |row: &CertificateRow| match row.organization.as_str() {
        "" => format!("`CN={}`", row.common_name),
        organization => format!("`O={organization}, CN={}`", row.common_name),
    };
    let mut text =
        String::from("| name | CA | profile | subject | SANs | on hosts | used by |\n|---|---|---|---|---|---|---|\n");
    for row in certificates(&Catalogue::standard(), cluster) {
        text.push_str(&format!(
            "| `{}` | `{}` | {} | {} | {} | {} | {} |\n",
            row.name,
            ca(&row),
            row.profile.name(),
            subject(&row),
            code_list(&row.sans),
            places(&row.placements),
            row.used_by.map_or("–", |component| component.0),
        ));
    }
    text
}

fn assert_documented(name: &str, table: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/certificates.md");
    let text = fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
    let documented = text.split(&begin).nth(1).unwrap().split(&end).next().unwrap();
    assert_eq!(documented, table, "put this table into docs/certificates.md:\n{table}");
}

#[test]
fn the_table_of_cas_is_that_of_the_code() {
    assert_documented("authorities", &authority_table(&example()));
}

#[test]
fn the_table_of_certificates_is_that_of_the_code() {
    assert_documented("certificates", &certificate_table(&example()));
}
