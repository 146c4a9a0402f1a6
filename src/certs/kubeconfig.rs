//! The certificates of a kubeconfig: of every cluster and every user, inside it or in files that it names.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{Found, Trust};
use crate::error::{Error, Result};
use crate::files;
use crate::pki::Certificate;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Config {
    #[serde(default)]
    clusters: Vec<NamedCluster>,
    #[serde(default)]
    users: Vec<NamedUser>,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: String,
    #[serde(default)]
    cluster: Cluster,
}

#[derive(Deserialize)]
struct NamedUser {
    name: String,
    #[serde(default)]
    user: User,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    certificate_authority: Option<String>,
    certificate_authority_data: Option<String>,
}

/// The key of a user is not read.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    client_certificate: Option<String>,
    client_certificate_data: Option<String>,
}

/// Whether a text is worth reading as a kubeconfig.
pub(super) fn is_kubeconfig(text: &str) -> bool {
    let starts = |key: &str| text.lines().any(|line| line.starts_with(key));
    let json = text.trim_start().starts_with('{') && text.contains("\"clusters\"") && text.contains("\"users\"");
    json || (starts("users:") && (starts("clusters:") || starts("contexts:")))
}

/// All certificates, CAs first, and what could not be read. Relative paths are those of the kubeconfig's folder.
pub(super) fn read(text: &str, what: &str, folder: &Path) -> Result<(Vec<Found>, Vec<Error>)> {
    let config: Config = serde_saphyr::from_str(text).map_err(|_| {
        // The parser's words could quote a key.
        Error::input(format!("{what}: it looks like a kubeconfig, and is not one"))
    })?;
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    let mut take = |owner: String, data: &Option<String>, file: &Option<String>, trust| {
        let place = format!("{what} ({owner})");
        // As kubectl: the data counts where both are there, and what is empty is not there.
        let is_there = |text: &&String| !text.is_empty();
        let text = match (data.as_ref().filter(is_there), file.as_ref().filter(is_there)) {
            (Some(data), _) => decode(data).ok_or_else(|| Error::pki(format!("{place}: the data is not base64"))),
            (None, Some(file)) => files::read(&folder.join(file)).map(|bytes| bytes.to_vec()),
            (None, None) => return,
        };
        match text.and_then(|text| Certificate::read_all(&text, &place)) {
            Ok(all) => found.extend(all.into_iter().map(|certificate| Found {
                place: place.clone(),
                certificate,
                trust,
                host: None,
            })),
            Err(error) => errors.push(error),
        }
    };
    for NamedCluster { name, cluster } in &config.clusters {
        let (data, file) = (&cluster.certificate_authority_data, &cluster.certificate_authority);
        take(format!("CA of {name}"), data, file, Trust::Always);
    }
    for NamedUser { name, user } in &config.users {
        let (data, file) = (&user.client_certificate_data, &user.client_certificate);
        take(format!("user {name}"), data, file, Trust::SelfSigned);
    }
    Ok((found, errors))
}

fn decode(data: &str) -> Option<Vec<u8>> {
    STANDARD.decode(data.split_whitespace().collect::<String>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_clusters_and_users_is_one() {
        assert!(is_kubeconfig("apiVersion: v1\nclusters: []\nusers: []\n"));
        assert!(is_kubeconfig(r#"{"kind":"Config","clusters":[],"users":[]}"#));
        assert!(!is_kubeconfig("hosts:\n  users: 3\n"));
    }

    #[test]
    fn what_is_empty_is_not_there() {
        let text = "clusters:\n- name: prod\n  cluster: {certificate-authority-data: '', certificate-authority: none.pem}\nusers:\n- name: joe\n  user: {client-certificate-data: '', client-certificate: ''}\n- name: kim\n  user: {client-certificate-data: '', client-certificate: kim.pem}\n";
        let (found, errors) = read(text, "admin.conf", Path::new("/nonexistent")).unwrap();
        assert!(found.is_empty());
        let messages: Vec<_> = errors.iter().map(|e| e.message.as_str()).collect();
        let missing = |file: &str| format!("cannot read /nonexistent/{file}: No such file or directory (os error 2)");
        assert_eq!(messages, [missing("none.pem"), missing("kim.pem")]);
    }

    #[test]
    fn bad_data_is_told_with_its_owner_and_never_quoted() {
        let text = "clusters:\n- name: prod\n  cluster: {certificate-authority-data: '?'}\nusers:\n- name: joe\n  user: {client-certificate: none.pem}\n";
        let (found, errors) = read(text, "admin.conf", Path::new("/nonexistent")).unwrap();
        assert!(found.is_empty());
        let messages: Vec<_> = errors.iter().map(|e| e.message.as_str()).collect();
        insta::assert_snapshot!(messages.join("\n"), @r"
        admin.conf (CA of prod): the data is not base64
        cannot read /nonexistent/none.pem: No such file or directory (os error 2)
        ");
    }
}
