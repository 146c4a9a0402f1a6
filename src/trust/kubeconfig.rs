//! The administrator's kubeconfig. It holds a private key, so it is a secret from the first byte on.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::Pair;
use crate::cluster::Cluster;
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
    let text = Zeroizing::new(format!(
        "apiVersion: v1
kind: Config
clusters:
- name: {name}
  cluster:
    server: {server}
    certificate-authority-data: {ca}
users:
- name: {name}-admin
  user:
    client-certificate-data: {certificate}
    client-key-data: {key}
contexts:
- name: {name}
  context:
    cluster: {name}
    user: {name}-admin
current-context: {name}
",
        server = cluster.endpoint.url(),
        ca = STANDARD.encode(ca),
        certificate = STANDARD.encode(&pair.certificate),
        key = key.as_str(),
    ));
    Ok(Secret::new(text.as_bytes()))
}
