//! Folders that others own, and links in the place of files.

use super::*;
use crate::facts::Way;

const FOLDER: u32 = 0o040_755;

fn with(ways: &[(&str, u32, u32)]) -> Vec<String> {
    found("n1", |_, facts| {
        let way = |(path, mode, uid): &(&str, u32, u32)| {
            let user = if *uid == 0 { "root" } else { "kim" };
            ((*path).to_owned(), Way { mode: *mode, uid: *uid, user: user.into() })
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
fn a_link_in_the_place_of_a_file_is_said() {
    let link = [("/etc", FOLDER, 0), ("/etc/kubelet.conf", 0o120_777, 0)];
    assert_eq!(with(&link), ["folders Warn /etc/kubelet.conf is a link, where a file should be"]);
}
