//! ConfigMap and Secret: what went in comes out in a pod, and is not readable in etcd.

use super::Fixture;
use super::manifests::{CONFIG_MAP_FILE, NAME, SECRET_FILE};
use super::pods::EXEC_TIMEOUT;
use crate::clients::{etcd, kube};
use crate::error::{Error, Result};

/// What kube-apiserver puts before an encrypted value:
/// <https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/#verifying-that-data-is-encrypted>
const ENCRYPTED: &[u8] = b"k8s:enc:";

/// Check `config-map`.
pub(super) fn config_map(fixture: &Fixture<'_>) -> Result<String> {
    let expected = fixture.names.config.clone();
    mounted(fixture, CONFIG_MAP_FILE, &expected)
}

/// Check `secret`. Its value is of this run only.
pub(super) fn secret(fixture: &Fixture<'_>) -> Result<String> {
    let expected = fixture.names.secret.clone();
    mounted(fixture, SECRET_FILE, &expected)
}

fn mounted(fixture: &Fixture<'_>, file: &str, expected: &str) -> Result<String> {
    let pods = fixture.open_pods();
    let Some(pod) = pods.first() else { return Err(Error::health("no pod runs")) };
    let flag = format!("--file_content={file}");
    let command = ["/agnhost", "mounttest", &flag];
    let text = fixture.ask(|client| kube::exec(client, pod, NAME, &command, EXEC_TIMEOUT))?;
    if text.contains(expected) {
        Ok(format!("read back in {}", pod.name))
    } else {
        Err(Error::health(format!("{}: {file} in the pod does not hold what was stored", pod.name)).detail(text))
    }
}

/// Check `secret-encrypted`.
pub(super) fn secret_is_encrypted(fixture: &Fixture<'_>) -> Result<String> {
    let key = format!("/registry/secrets/{}/{NAME}", fixture.names.namespace);
    let stored = fixture.ask_etcd(|client| {
        let stored = etcd::read(client, &key)?;
        stored.ok_or_else(|| Error::health(format!("{}: there is no {key} in etcd", client.peer())))
    })?;
    judge(&stored, &fixture.names.secret).map_err(|why| {
        Error::health(format!("{key} in etcd {why}"))
            .hint("check --encryption-provider-config of every kube-apiserver, and that secretbox stands first in it")
    })
}

fn judge(stored: &[u8], secret: &str) -> Result<String, &'static str> {
    let readable = stored.windows(secret.len()).any(|window| window == secret.as_bytes());
    match stored.strip_prefix(ENCRYPTED) {
        Some(_) if readable => Err("is marked as encrypted, but its value can be read"),
        Some(rest) => {
            let end = rest.iter().position(|&byte| byte == b':').unwrap_or_default();
            Ok(format!("by {} in etcd", String::from_utf8_lossy(&rest[..end])))
        }
        None if readable => Err("holds the Secret's value in plain text"),
        None => Err("is not encrypted"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encrypted_is_what_says_so_and_cannot_be_read() {
        assert_eq!(judge(b"k8s:enc:secretbox:v1:key1:\x01\x02", "s3cret"), Ok("by secretbox in etcd".into()));
        assert_eq!(judge(b"k8s\0\n\x0cs3cret", "s3cret"), Err("holds the Secret's value in plain text"));
        assert_eq!(
            judge(b"k8s:enc:secretbox:v1:key1:s3cret", "s3cret").unwrap_err(),
            "is marked as encrypted, but its value can be read"
        );
        assert_eq!(judge(b"k8s\0", "s3cret"), Err("is not encrypted"));
    }
}
