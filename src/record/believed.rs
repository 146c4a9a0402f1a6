//! Which records are believed that lie elsewhere. A master may be in others' hands, and so may what it holds.

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::{Record, RecordedHost, RecordedSsh};
use crate::cluster::TransportKind;

/// How far clocks of operators' machines may be apart. One that says that it was written later than this from now would stay the
/// newest for as long as it likes.
const CLOCKS: Duration = Duration::hours(1);

impl Record {
    /// When it was written; none where that is no time.
    pub fn written_at(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::parse(&self.written, &Rfc3339).ok()
    }

    /// Why a record that lies elsewhere is not believed; none where it is.
    pub fn disbelieved(&self, cluster: &str, now: OffsetDateTime) -> Option<String> {
        if self.cluster != cluster {
            return Some(format!("it is that of the cluster {}", self.cluster));
        }
        match self.written_at() {
            None => Some(format!("`{}` is no time at which it could have been written", self.written)),
            Some(at) if at > now + CLOCKS => {
                Some(format!("it says that it was written at {}, which is in the future", self.written))
            }
            Some(_) => None,
        }
    }
}

impl RecordedHost {
    /// A host that the folder's own record does not have: of how it is reached no more is taken than where and as whom. That it is this
    /// machine, files of this machine and a key that it is to be known by are for the operator alone to say.
    #[must_use]
    pub fn of_others(&self) -> Self {
        let RecordedSsh { address, port, user, .. } = self.ssh.clone();
        let (keys, known_hosts, host_key) = (Vec::new(), None, None);
        let ssh = RecordedSsh { transport: TransportKind::Ssh, address, port, user, keys, known_hosts, host_key };
        RecordedHost { ssh, ..self.clone() }
    }
}

/// The one of several that was written last.
pub fn newest<'r>(records: impl IntoIterator<Item = &'r Record>) -> Option<&'r Record> {
    // Of equals the content decides, so that the order of asking does not.
    records.into_iter().max_by_key(|record| (record.written_at(), record.text()))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::record::tests::record;

    #[test]
    fn another_clusters_and_a_time_to_come_are_not_believed() {
        let now = datetime!(2026-01-02 03:00 UTC);
        let why = |written: &str| record(written, "ann@desk").disbelieved("demo", now);
        for good in ["2026-01-02T03:00:00Z", "2020-01-01T00:00:00Z", "2026-01-02T03:59:00Z"] {
            assert_eq!(why(good), None, "{good}");
        }
        for odd in ["2026-01-02T04:00:01Z", "9999-12-31T23:59:59Z", "2026-01-02T00:00:00-09:00"] {
            assert!(why(odd).unwrap().ends_with("which is in the future"), "{odd}");
        }
        for odd in ["", "~", "2026", "+12026-01-02T03:00:00Z"] {
            assert!(why(odd).unwrap().contains("no time"), "{odd}");
        }
        let other = Record { cluster: "other".into(), ..record("2026-01-02T03:00:00Z", "ann@desk") };
        assert_eq!(other.disbelieved("demo", now).as_deref(), Some("it is that of the cluster other"));
    }

    #[test]
    fn the_newest_is_so_by_time_and_not_by_its_letters() {
        let (old, new) = (record("2026-01-02T03:04:05z", "ann@desk"), record("2026-01-02T04:04:05Z", "bob@desk"));
        assert_eq!(newest([&old, &new]), Some(&new));
        let (east, west) =
            (record("2026-01-02T09:00:00+09:00", "ann@desk"), record("2026-01-02T03:00:00Z", "bob@desk"));
        assert_eq!(newest([&west, &east]), Some(&west));
        let odd = record("~", "eve@desk");
        assert_eq!(newest([&odd, &old]), Some(&old));
    }

    #[test]
    fn others_say_where_a_host_is_and_nothing_of_this_machine() {
        let mut host = record("2026-01-02T03:00:00Z", "ann@desk").hosts[1].clone();
        host.ssh = RecordedSsh {
            transport: TransportKind::Local,
            address: "198.51.100.1".into(),
            port: Some(2222),
            user: Some("kim".into()),
            keys: vec!["/root/.ssh/id_ed25519".into()],
            known_hosts: Some("/tmp/known".into()),
            host_key: Some("SHA256:x".into()),
        };
        let taken = host.of_others().ssh;
        assert_eq!((taken.transport, &*taken.address), (TransportKind::Ssh, "198.51.100.1"));
        assert_eq!((taken.port, taken.user.as_deref()), (Some(2222), Some("kim")));
        assert_eq!((taken.keys, taken.known_hosts, taken.host_key), (vec![], None, None));
    }
}
