//! Items that must do what is needed, as those of a cluster: what is reason enough, and what is refused.

use super::*;

/// What is to be done about everything, when all is kept so.
fn kept(place: &Place, upkeep: Upkeep, spec: &str) -> String {
    let mut hierarchy = place.parsed(spec);
    hierarchy.items.iter_mut().for_each(|item| item.upkeep = upkeep);
    let plan = decide(&hierarchy, &look(&hierarchy, 2).unwrap(), &Options::default(), place.now);
    let mut lines = Vec::new();
    for step in plan.steps.iter().filter(|step| step.action != Action::Keep) {
        lines.push(format!("{:?} {}: {}", step.action, step.name, step.reasons.join("; ")));
    }
    for problem in &plan.problems {
        lines.push(format!("problem: {}", problem.messages().replace('\n', "; ")));
    }
    lines.join("\n").replace(&format!("{}/", place.folder.path().display()), "")
}

#[test]
fn only_what_is_needed_is_reason_enough() {
    let mut place = Place::filled();
    let needed = |place: &Place, spec: &str| kept(place, Upkeep::Needed, spec);
    let less = SPEC.replace("web.example, 10.0.0.1", "web.example").replace("CN: db,", "CN: db, key: {algo: rsa},");
    assert_eq!(needed(&place, &less), "", "a name less, another kind of key");
    assert_eq!(needed(&place, &SPEC.replace("profile: server", "profile: client")), "", "other usages");
    let more = SPEC.replace("web.example, 10.0.0.1", "web.example, web2.example").replace("CN: db", "CN: other");
    insta::assert_snapshot!(needed(&place, &more), @r"
    Issue web: web.pem: it lacks the names DNS:web2.example
    Issue db: db.pem: its common name is `db`, `other` is needed
    ");
    place.now = NOW + Duration::days(336);
    assert_eq!(needed(&place, SPEC), "", "one that ends soon");
    place.now = NOW + Duration::days(400);
    insta::assert_snapshot!(needed(&place, SPEC), @r"
    problem: web.pem: it has expired on 2027-11-21 09:55 UTC
    problem: db.pem: it has expired on 2027-11-21 09:55 UTC
    ");
}

#[test]
fn a_persons_own_is_refused_where_ours_is_issued_again() {
    let place = Place::filled();
    let more = SPEC.replace("web.example, 10.0.0.1", "web.example, web2.example");
    assert_eq!(kept(&place, Upkeep::Brought, SPEC), "");
    insta::assert_snapshot!(kept(&place, Upkeep::Brought, &more), @"problem: web.pem: it lacks the names DNS:web2.example");
    place.remove(&["db-key.pem", "web.pem"]);
    insta::assert_snapshot!(kept(&place, Upkeep::Brought, SPEC), @r"
    Issue web: its key is there, it is not
    problem: db.pem is there, but its key db-key.pem is not
    ");
    insta::assert_snapshot!(kept(&place, Upkeep::Needed, SPEC), @r"
    Issue web: its key is there, it is not
    Make db: db.pem is there, but its key db-key.pem is not
    ");
}

#[test]
fn cas_must_be_right_and_are_made_only_where_there_is_none() {
    let mut place = Place::filled();
    place.copy("db-key.pem", "root-key.pem");
    insta::assert_snapshot!(kept(&place, Upkeep::Needed, SPEC), @"problem: CA root: the private key does not belong to the CA certificate");
    let empty = Place::empty();
    insta::assert_snapshot!(kept(&empty, Upkeep::Needed, SPEC), @r"
    Make root: it is not there
    Make inner: it is not there
    Make web: it is not there
    Make db: it is not there
    ");
    place.remove(&["root-key.pem", "inner-key.pem"]);
    assert_eq!(kept(&place, Upkeep::Needed, SPEC), "", "a CA without its key, that signs nothing");
    place.remove(&["db.pem"]);
    insta::assert_snapshot!(kept(&place, Upkeep::Needed, SPEC), @r"
    Issue db: its key is there, it is not
    problem: certificate db is missing, and so is the key of its CA
    ");
    place.now = NOW + Duration::days(3651);
    insta::assert_snapshot!(kept(&place, Upkeep::Needed, SPEC), @r"
    Issue db: its key is there, it is not
    problem: CA inner: inner.pem has expired on 2036-11-18 09:55 UTC
    problem: certificate db is missing, and so is the key of its CA
    ");
}
