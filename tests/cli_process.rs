//! What a process that holds keys gives up, seen from outside: core dumps, swap, a careless umask.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kbootstrap");

#[test]
fn memory_reaches_no_disk() {
    // It reads a certificate from standard input, which never comes.
    let script = format!("umask 000; exec {PROGRAM} certinfo -");
    let mut child =
        Command::new("sh").args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let read = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", child.id())).unwrap();
    let value = |name: &str| {
        let status = read("status");
        let line = status.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    // Where there is no swap, there is nothing to lock memory against.
    let memory = fs::read_to_string("/proc/meminfo").unwrap();
    let total = memory.lines().find_map(|line| line.strip_prefix("SwapTotal:")).unwrap();
    let swaps = !total.trim().starts_with("0 ");
    let core = || {
        let limits = read("limits");
        let line = limits.lines().find(|line| line.starts_with("Max core")).unwrap();
        line.split_whitespace().skip(4).take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    // It has only just begun.
    let until = Instant::now() + Duration::from_secs(20);
    while value("Umask:") != "0022" || core() != ["0", "0"] || (value("VmLck:") == "0") == swaps {
        assert!(Instant::now() < until, "{}{}", read("status"), read("limits"));
        sleep(Duration::from_millis(20));
    }
    drop(child.stdin.take());
    child.wait().unwrap();
}

/// The folder may be anybody's: its owner leads no page over a file of another's, and a pipe does not hold it up.
#[test]
fn a_manual_page_is_written_through_no_link() {
    let at = tempfile::tempdir().unwrap();
    let folder = at.path().join("man1");
    fs::create_dir(&folder).unwrap();
    let (page, target) = (folder.join("kbootstrap.1"), at.path().join("target"));
    fs::write(&target, "mine").unwrap();
    std::os::unix::fs::symlink(&target, &page).unwrap();
    let run = || Command::new(PROGRAM).arg("man").arg(&folder).output().unwrap();
    assert!(run().status.success());
    assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
    assert!(fs::symlink_metadata(&page).unwrap().is_file() && fs::read_to_string(&page).unwrap().contains(".TH"));
    fs::remove_file(&page).unwrap();
    assert!(Command::new("mkfifo").arg(&page).status().unwrap().success());
    let refused = run();
    assert!(
        !refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("it is no file"),
        "{refused:?}"
    );
}

#[test]
fn folders_are_not_open_to_all_whatever_the_umask() {
    let at = tempfile::tempdir().unwrap();
    let specification = "folder: out/deep\nauthorities: [{name: ca, CN: Test, key: {algo: ecdsa, size: 256}}]\n";
    fs::write(at.path().join("pki.yaml"), specification).unwrap();
    let script = format!("umask 000; mkdir by-the-shell; exec {PROGRAM} pki apply pki.yaml");
    let output = Command::new("sh").args(["-c", &script]).current_dir(at.path()).output().unwrap();
    let mode = |folder: &str| {
        fs::metadata(at.path().join(folder))
            .unwrap_or_else(|e| panic!("{folder}: {e}: {output:?}"))
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!([mode("by-the-shell"), mode("out"), mode("out/deep")], [0o777, 0o755, 0o755]);
}
