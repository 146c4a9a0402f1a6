//! etcd out of space: what that is in words, and what to type.

use crate::clients::etcd::Status;
use crate::error::{Error, Reason};

/// The alarm that etcd raises when its database has reached its quota: it takes no writes until somebody lifts it.
const ALARM: &str = "alarm:NOSPACE";

/// What a member that is out of space has to say; none where it is not. In `pki` on its host lie `ca.crt` and
/// `healthcheck-client.crt` and `.key`, in `bin` its programs.
pub fn out_of_space(host: &str, status: &Status, pki: &str, bin: &str) -> Option<Error> {
    if !status.errors.iter().any(|error| error.contains(ALARM)) {
        return None;
    }
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    let (size, used) = (megabytes(status.db_size), megabytes(status.db_size_in_use));
    let of = match status.db_size_quota {
        0 => String::new(),
        quota => format!(" of {} that it may have", megabytes(quota)),
    };
    let program = format!("{bin}/etcdctl");
    let message = format!(
        "{host}: etcd is out of space and takes no more writes: its database has {size}{of}, {used} of them in use"
    );
    let steps = [
        "as root on that host, free space and lift the alarm (defrag on every member):".to_owned(),
        format!(
            "export ETCDCTL_ENDPOINTS=https://127.0.0.1:2379 ETCDCTL_CACERT={pki}/ca.crt \
             ETCDCTL_CERT={pki}/healthcheck-client.crt ETCDCTL_KEY={pki}/healthcheck-client.key"
        ),
        format!("{program} alarm list"),
        format!(
            "{program} compact $({program} endpoint status -w json | sed 's/.*\"revision\":\\([0-9]*\\).*/\\1/')"
        ),
        format!("{program} defrag"),
        format!("{program} alarm disarm"),
        "where too much is in use for that, delete objects first, or give etcd more: quota-backend-bytes among its flags \
         in the inventory"
            .to_owned(),
    ];
    Some(steps.into_iter().fold(Error::health(message).because(Reason::OutOfSpace), Error::hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(errors: &[&str]) -> Status {
        Status {
            id: "1".into(),
            version: "3.6.14".into(),
            leader: "1".into(),
            term: 2,
            raft_index: 9,
            applied_index: 9,
            db_size: 16_900_000,
            db_size_in_use: 16_800_000,
            db_size_quota: 16_777_216,
            learner: false,
            errors: errors.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    #[test]
    fn a_full_database_is_told_in_words_with_what_to_type() {
        assert_eq!(out_of_space("n1", &status(&[]), "/pki", "/bin"), None);
        assert_eq!(out_of_space("n1", &status(&["etcdserver: no leader"]), "/pki", "/bin"), None);
        let error =
            out_of_space("n1", &status(&["memberID:9372538179322589801 alarm:NOSPACE "]), "/pki", "/bin").unwrap();
        insta::assert_snapshot!(crate::ui::report::render(&error, false), @r#"
        error: n1: etcd is out of space and takes no more writes: its database has 16.9 MB of 16.8 MB that it may have, 16.8 MB of them in use
        hint: as root on that host, free space and lift the alarm (defrag on every member):
        hint: export ETCDCTL_ENDPOINTS=https://127.0.0.1:2379 ETCDCTL_CACERT=/pki/ca.crt ETCDCTL_CERT=/pki/healthcheck-client.crt ETCDCTL_KEY=/pki/healthcheck-client.key
        hint: /bin/etcdctl alarm list
        hint: /bin/etcdctl compact $(/bin/etcdctl endpoint status -w json | sed 's/.*"revision":\([0-9]*\).*/\1/')
        hint: /bin/etcdctl defrag
        hint: /bin/etcdctl alarm disarm
        hint: where too much is in use for that, delete objects first, or give etcd more: quota-backend-bytes among its flags in the inventory
        "#);
    }
}
