//! A signal ends the program and everything that it has started, within two seconds, whatever it is waiting for.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// What a person is promised.
const AT_MOST: Duration = Duration::from_secs(2);

/// A place for one run, whose processes are known by its path in their environment.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A `go` whose builds start others in the background, some of them in a session of their own, and take for ever.
    fn go(&self, first: &str) {
        let dir = self.0.path().display();
        let script = format!(
            "#!/bin/sh
case $1 in
env) echo '{{\"GOVERSION\": \"go1.26.8\", \"GOCACHE\": \"{dir}\", \"GOMODCACHE\": \"{dir}\"}}'; exit ;;
esac
{first}
sleep 300 &
setsid sleep 300 &
sh -c 'sh -c \"sleep 300; :\" & wait' &
touch {dir}/started
wait
while :; do sleep 300; done
"
        );
        fs::create_dir(self.path("bin")).unwrap();
        fs::write(self.path("bin/go"), script).unwrap();
        fs::set_permissions(self.path("bin/go"), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn start(&self, args: &[&str]) -> Child {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        // Who tests with `nohup` passes on that a hangup is ignored, and so would the program.
        let mut command = Command::new("env");
        command.arg("--default-signal").arg(assert_cmd::cargo::cargo_bin("kbootstrap"));
        command.args(args).current_dir(self.0.path()).env("PATH", path).env("HOME", self.0.path());
        command.env("KBOOTSTRAP_CACHE", self.path("cache")).env_remove("SSH_AUTH_SOCK");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(self.path("stderr")).unwrap());
        command.process_group(0).spawn().unwrap()
    }

    fn build(&self) -> Child {
        let child = self.start(&["artifacts", "fetch", "--kubernetes", "1.36.3", "--source", "build"]);
        self.until("the build has begun", || self.path("started").exists());
        child
    }

    fn until(&self, what: &str, is: impl Fn() -> bool) {
        let began = Instant::now();
        while !is() {
            let said = fs::read_to_string(self.path("stderr")).unwrap_or_default();
            assert!(began.elapsed() < Duration::from_secs(30), "{what}: {said}");
            sleep(Duration::from_millis(20));
        }
    }

    /// Sends signals one after the other; the program and all of its processes are gone in time.
    fn ends(&self, mut child: Child, signals: &[Signal]) {
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        assert!(!self.processes().is_empty());
        let began = Instant::now();
        for signal in signals {
            kill_process(pid, *signal).unwrap();
            sleep(Duration::from_millis(100));
        }
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < AT_MOST * 5, "it does not end");
            sleep(Duration::from_millis(10));
        };
        let took = began.elapsed();
        let said = fs::read_to_string(self.path("stderr")).unwrap();
        assert_eq!(status.code(), Some(130), "{said}");
        assert!(said.contains("error: interrupted") || said.contains(": interrupted"), "{said}");
        assert!(took < AT_MOST, "{took:?}: {said}");
        assert_eq!(self.processes(), Vec::<String>::new());
    }

    /// Processes with this place in their environment.
    fn processes(&self) -> Vec<String> {
        let mark = self.0.path().display().to_string();
        let entries = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
        let ours = |path: &Path| {
            let environment = fs::read(path.join("environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(&mark)
        };
        let shown = |path: PathBuf| {
            let words = fs::read(path.join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&words).replace('\0', " ")
        };
        entries.filter(|path| ours(path)).map(shown).filter(|words| !words.is_empty()).collect()
    }
}

#[test]
fn a_build_ends_with_all_of_its_compilers() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let place = Place::new();
        place.go("");
        place.ends(place.build(), &[signal]);
    }
}

#[test]
fn one_that_ignores_signals_ends_too() {
    let place = Place::new();
    place.go("trap '' INT TERM HUP");
    place.ends(place.build(), &[Signal::TERM]);
}

#[test]
fn the_second_signal_ends_it_at_once_and_leaves_nothing() {
    let place = Place::new();
    place.go("trap '' INT TERM HUP");
    place.ends(place.build(), &[Signal::TERM, Signal::INT]);
}

#[test]
fn a_go_that_does_not_even_say_who_it_is() {
    let place = Place::new();
    place.go("");
    let go =
        fs::read_to_string(place.path("bin/go")).unwrap().replace("env) echo", "env) touch started; sleep 300; echo");
    fs::write(place.path("bin/go"), go).unwrap();
    place.ends(place.build(), &[Signal::TERM]);
}

/// A server that takes connections and says nothing.
fn silent() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[test]
fn a_download_that_stands_still() {
    let place = Place::new();
    let (listener, port) = silent();
    let mirror = format!("http://127.0.0.1:{port}");
    let fetch =
        ["artifacts", "fetch", "--kubernetes", "1.36.3", "--source", "download", "--trust-plain-http", "--mirror"];
    let child = place.start(&[&fetch[..], &[&mirror]].concat());
    let _connection = listener.accept().unwrap();
    place.ends(child, &[Signal::TERM]);
}

#[test]
fn a_host_that_does_not_answer() {
    let place = Place::new();
    let (listener, port) = silent();
    let text = format!(
        "cluster: prod\nssh: {{port: {port}}}\nhosts:\n- {{name: m1, address: 10.0.0.11, sshAddress: 127.0.0.1, roles: [etcd, master, node]}}\n"
    );
    fs::write(place.path("kbootstrap.yaml"), text).unwrap();
    let child = place.start(&["check"]);
    let _connection = listener.accept().unwrap();
    place.ends(child, &[Signal::TERM]);
}

#[test]
fn the_lock_of_somebody_else() {
    let place = Place::new();
    place.go("");
    let first = place.build();
    let held = place.path("cache/fetch.lock");
    assert!(held.exists());
    let mut second = place.start(&["artifacts", "fetch", "--kubernetes", "1.36.3", "--source", "build"]);
    place.until("it waits", || fs::read_to_string(place.path("stderr")).unwrap().contains("waiting for another"));
    let began = Instant::now();
    kill_process(Pid::from_raw(i32::try_from(second.id()).unwrap()).unwrap(), Signal::TERM).unwrap();
    assert_eq!(second.wait().unwrap().code(), Some(130));
    assert!(began.elapsed() < AT_MOST);
    place.ends(first, &[Signal::TERM]);
}
