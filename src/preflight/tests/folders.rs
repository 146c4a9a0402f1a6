//! Folders that others own, and links in the place of files.

use super::*;
use crate::facts::Way;

const FOLDER: u32 = 0o040_755;

fn with(ways: &[(&str, u32, u32)]) -> Vec<String> {
    found("n1", |_, facts| {
        let way = |(path, mode, uid): &(&str, u32, u32)| {
            let user = if *uid == 0 { "root" } else { "kim" };
            ((*path).to_owned(), Way { mode: *mode, uid: *uid, user: user.into(), names: 1 })
        };
        facts.ways = ways.iter().map(way).collect();
    })
}

#[test]
fn whoever_owns_the_way_to_a_file_is_named_before_a_push_stops() {
    let right = [("/", FOLDER, 0), ("/etc", FOLDER, 0), ("/etc/systemd", FOLDER, 0), ("/etc/systemd/a", 0o100_600, 0)];
    assert_eq!(with(&right), [""; 0]);
    let kims = [
        ("/opt", FOLDER, 1000),
        ("/opt/cni", FOLDER, 0),
        ("/opt/cni/bin", FOLDER, 0),
        ("/opt/cni/bin/a", 0o100_755, 0),
    ];
    let expected = "folders Fail /opt belongs to kim (1000), who so could have root write elsewhere";
    assert_eq!(with(&kims), [expected]);
    let open =
        [("/usr", FOLDER, 0), ("/usr/local", 0o040_777, 0), ("/usr/local/bin", FOLDER, 0), ("/usr/local/bin/a", 0, 0)];
    let expected = "folders Fail /usr/local may be written by everybody, who so could have root write elsewhere";
    assert_eq!(with(&open), [expected]);
    let sticky = [("/tmp", 0o041_777, 0), ("/tmp/a", 0o100_600, 0)];
    assert_eq!(with(&sticky), [""; 0]);
    let file = [("/opt", 0o100_644, 0), ("/opt/cni", 0o100_644, 0)];
    assert_eq!(with(&file), ["folders Fail /opt is no folder"]);
}

#[test]
fn what_a_push_gives_back_to_root_stops_nothing_and_a_link_does() {
    let ours = [("/etc/kubernetes", FOLDER, 1000), ("/etc/kubernetes/a", 0o100_600, 0)];
    assert_eq!(with(&ours), [""; 0]);
    let link = [("/etc/kubernetes", 0o120_777, 1000), ("/etc/kubernetes/a", 0o100_600, 0)];
    let expected = "folders Fail /etc/kubernetes belongs to kim (1000), who so could have root write elsewhere";
    assert_eq!(with(&link), [expected]);
    let through =
        [("/etc/kubernetes", 0o120_777, 0), ("/etc/kubernetes/a", 0o100_600, 0), ("/data/kubernetes", FOLDER, 1000)];
    let expected = "folders Fail /data/kubernetes belongs to kim (1000), who so could have root write elsewhere";
    assert_eq!(with(&through), [expected], "where it leads");
    let roots = [("/etc/kubernetes", 0o120_777, 0), ("/etc/kubernetes/a", 0o100_600, 0)];
    assert_eq!(with(&roots), [""; 0], "a site's own disk");
}

#[test]
fn whom_an_acl_lets_in_is_said() {
    let with = |mode| {
        found("n1", move |_, facts| {
            for path in ["/opt", "/opt/cni", "/opt/cni/bin"] {
                let mode = if path == "/opt" { mode } else { FOLDER };
                facts.ways.insert(path.into(), Way { mode, uid: 0, user: "root".into(), names: 2 });
                facts.acls.insert(path.into());
            }
            facts.ways.insert("/opt/cni/bin/a".into(), Way { mode: 0o100_755, uid: 0, user: "root".into(), names: 1 });
        })
    };
    let shared = "folders Fail /opt may be written by whom its ACL names, who so could have root write elsewhere";
    assert_eq!(with(0o040_775), [shared], "`up` takes those of our own folders away");
    let warned = "folders Warn /opt has an ACL, which may also let others into what is made there";
    assert_eq!(with(FOLDER), [warned], "the mask of those that it names lets nobody write");
    assert_eq!(with(0o041_777), [warned], "what lies there is its owner's");
}

#[test]
fn what_others_have_put_where_all_is_read_is_said() {
    let findings = found("n1", |_, facts| {
        for (path, mode, uid) in [
            ("/etc/cni/net.d/00-a.conf", 0o644, 1000),
            ("/etc/cni/net.d/01-b.conf", 0o666, 0),
            ("/etc/cni/net.d", 0o755, 1000),
        ] {
            let user = if uid == 0 { "root" } else { "kim" };
            facts.others.insert(path.into(), Way { mode, uid, user: user.into(), names: 1 });
        }
    });
    let expected = [
        "folders Fail /etc/cni/net.d/00-a.conf belongs to kim (1000), and root's programs read what lies there",
        "folders Fail /etc/cni/net.d/01-b.conf may be written by everybody, and root's programs read what lies there",
    ];
    assert_eq!(findings, expected, "the folder itself is ours, and goes back to root");
}

#[test]
fn a_link_in_the_place_of_a_file_is_said() {
    let link = [("/etc", FOLDER, 0), ("/etc/kubelet.conf", 0o120_777, 0)];
    assert_eq!(with(&link), ["folders Warn /etc/kubelet.conf is a link, where a file should be"]);
}
