//! Hosts that were revoked: API servers refuse their users, which settings of the inventory's own would undo.

use super::{Known, refusal};
use crate::cluster::Role;
use crate::components::kube_apiserver;
use crate::error::Error;

/// Flags that say who is asked whether a request is allowed: the API server takes one of them.
const AUTHORIZATION: [&str; 2] = ["authorization-mode", "authorization-config"];

pub(super) fn refusals(known: &Known<'_>) -> Vec<Error> {
    let Some(first) = known.cluster.revoked.first() else { return Vec::new() };
    let mut refusals = Vec::new();
    for host in known.cluster.with_role(Role::Master) {
        let Some(settings) = host.settings(kube_apiserver::ID.0) else { continue };
        let set = AUTHORIZATION.iter().filter(|flag| settings.flags.get(**flag).is_some_and(|value| !value.is_null()));
        for flag in set {
            let refused = refusal(
                format!("{}: components.kube-apiserver.flags.{flag} would let {} in again", host.name, first.name),
                format!("{} was revoked, and who is refused everything stands in a file of kbootstrap's", first.name),
                "take the flag out, and put what it asks for into components.kube-apiserver.templates.authorization.yaml",
            );
            refusals.push(refused);
        }
    }
    refusals
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;
    use crate::cluster::{Cluster, ComponentSettings, Revoked, example};
    use crate::components::Catalogue;
    use crate::live::Live;

    #[test]
    fn flags_that_would_undo_a_revocation_are_refused_while_somebody_is_revoked() {
        let catalogue = Catalogue::standard();
        let messages = |cluster: &Cluster| -> Vec<String> {
            let known = Known { catalogue: &catalogue, cluster, facts: &BTreeMap::new(), live: &Live::default() };
            refusals(&known).into_iter().map(|error| error.message).collect()
        };
        let mut cluster = example::cluster("1.36.3");
        let flags = BTreeMap::from([
            ("authorization-mode".to_owned(), Value::from("Node,RBAC")),
            ("authorization-config".to_owned(), Value::Null),
        ]);
        let settings = ComponentSettings { flags, ..ComponentSettings::default() };
        cluster.hosts[0].components.insert(kube_apiserver::ID.0.into(), settings);
        assert_eq!(messages(&cluster), [""; 0]);
        cluster.revoke(vec![Revoked {
            name: "n1".into(),
            address: None,
            users: vec!["system:node:n1".into()],
            secrets: Vec::new(),
            since: String::new(),
            by: String::new(),
        }]);
        let expected = "m1: components.kube-apiserver.flags.authorization-mode would let n1 in again";
        assert_eq!(messages(&cluster), [expected]);
    }
}
