//! The administrator's kubeconfig. It holds a private key, so it is a secret from the first byte on.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::Pair;
use crate::cluster::{Cluster, Host, Role};
use crate::error::{Error, Result};
use crate::secret::Secret;

/// A kubeconfig with CA, certificate and key embedded.
pub(super) fn embedded(cluster: &Cluster, ca: &str, admin: Option<&Pair>) -> Result<Secret> {
    let missing = || {
        Error::pki("the CA, the administrator's certificate or its key is not there")
            .hint("`kbootstrap up` issues them; when the cluster runs already, is --state right?")
    };
    let pair = admin.filter(|_| !ca.is_empty()).ok_or_else(missing)?;
    let key = Zeroizing::new(STANDARD.encode(pair.key.as_ref().ok_or_else(missing)?.expose()));
    let name = &cluster.name;
    let ca = STANDARD.encode(ca);
    let ways = ways(cluster);
    let clusters: String = ways
        .iter()
        .map(|(way, server)| {
            format!("- name: {way}\n  cluster:\n    server: {server}\n    certificate-authority-data: {ca}\n")
        })
        .collect();
    let contexts: String = ways
        .iter()
        .map(|(way, _)| format!("- name: {way}\n  context:\n    cluster: {way}\n    user: {name}-admin\n"))
        .collect();
    let text = Zeroizing::new(format!(
        "apiVersion: v1
kind: Config
clusters:
{clusters}users:
- name: {name}-admin
  user:
    client-certificate-data: {certificate}
    client-key-data: {key}
contexts:
{contexts}current-context: {name}
",
        certificate = STANDARD.encode(&pair.certificate),
        key = key.as_str(),
    ));
    Ok(Secret::new(text.as_bytes()))
}

/// Contexts and where they lead: the endpoint and, where nothing but the nodes' own balancers stands before several API
/// servers, each of these, so that people can go on to another one.
fn ways(cluster: &Cluster) -> Vec<(String, String)> {
    let mut ways = vec![(cluster.name.clone(), cluster.endpoint.url())];
    let masters: Vec<&Host> = cluster.with_role(Role::Master).collect();
    let is_of_one = masters.iter().any(|master| master.address.to_string() == cluster.endpoint.host);
    if masters.len() > 1 && is_of_one {
        let way =
            |master: &&Host| (format!("{}@{}", cluster.name, master.name), format!("https://{}", master.api_address()));
        ways.extend(masters.iter().map(way));
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Balancer, Balancing, example};

    #[test]
    fn people_have_a_context_for_each_master_that_nothing_stands_before() {
        let mut cluster = example::cluster("1.36.3");
        assert_eq!(ways(&cluster), [("demo".to_owned(), "https://10.0.0.11:6443".to_owned())]);
        cluster.hosts.push(example::host("m2", 12, &[Role::Master]));
        cluster.balancing = Balancing { local: Some(Balancer::Haproxy), ..Balancing::default() };
        let names = |cluster: &Cluster| ways(cluster).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(&cluster), ["demo", "demo@m1", "demo@m2"]);
        cluster.endpoint.host = "10.0.0.9".into();
        assert_eq!(names(&cluster), ["demo"]);
    }
}
