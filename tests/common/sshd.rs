//! A private sshd on a loopback port: own keys, own configuration, own users, in a mount namespace of its own, so that
//! nothing of the machine is touched. It needs root, sshd, unshare and sudo; where they are missing the test fails.

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kbootstrap::remote::{Connect, Connector, Interrupt, Operator, SshTarget, Target, Transport, Via};
use rustix::process::{Pid, Signal, getuid, kill_process};
use tempfile::TempDir;

/// Users beside root: who may use sudo without a password, with one, and not at all.
pub const FREE: &str = "kbfree";
pub const ASKED: &str = "kbasked";
pub const POOR: &str = "kbpoor";
/// A name of 127.0.0.1 that only these servers know: nobody else can reach a host by it.
pub const BEHIND: &str = "behind.test";
/// The password of all of them, and how /etc/shadow has it.
pub const PASSWORD: &str = "right password";
const HASH: &str =
    "$6$kbootstrap$OknmJgw6BtaT2vJ1.o.7ElwGYxtGQSkGEbpynLtEpPbsUB8.Xhs0RruqldtX.v21QWReN1bGCjW481uppgCI1/";

/// What sshd is started in.
const NAMESPACE: &str = "mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && \
    for name in passwd shadow group sudoers hosts; do mount --bind $0/$name /etc/$name || exit 1; done && \
    exec /usr/sbin/sshd -D -e -f $0/sshd_config";

pub struct Sshd {
    folder: TempDir,
    child: Child,
    pub port: u16,
}

impl Sshd {
    /// A plain server.
    pub fn start() -> Self {
        Self::with("")
    }

    /// A server with more lines in its configuration.
    pub fn with(lines: &str) -> Self {
        Self::made(|_| lines.to_owned())
    }

    /// The same, with lines that need files in the server's folder: its keys are there already.
    pub fn made(lines: impl FnOnce(&Path) -> String) -> Self {
        assert!(getuid().is_root(), "a private sshd needs root");
        for program in ["/usr/sbin/sshd", "/usr/bin/unshare", "/usr/bin/sudo"] {
            assert!(Path::new(program).exists(), "{program} is missing: tools/setup.sh installs it");
        }
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        make_files(folder.path());
        let lines = lines(folder.path());
        for _ in 0..5 {
            let port = free_port();
            write_config(folder.path(), port, &lines);
            if let Some(child) = spawn(folder.path(), port) {
                let sshd = Sshd { folder, child, port };
                fs::write(sshd.path("known_hosts"), sshd.known_hosts_line("host_ed25519")).unwrap();
                return sshd;
            }
        }
        panic!("sshd does not start: {}", fs::read_to_string(folder.path().join("log")).unwrap());
    }

    /// A file in the server's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    /// What the server logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }
    /// `ssh-ed25519 AAAA…` of a public key file, without the comment.
    pub fn public_key(&self, name: &str) -> String {
        let text = fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap();
        text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }
    /// A known_hosts line with one of the server's keys.
    pub fn known_hosts_line(&self, name: &str) -> String {
        format!("[127.0.0.1]:{} {}\n", self.port, self.public_key(name))
    }

    /// Where a good client connects to: as root, with the right key, to a known host.
    pub fn ssh_target(&self) -> SshTarget {
        SshTarget {
            address: "127.0.0.1".into(),
            port: Some(self.port),
            user: Some("root".into()),
            keys: vec![self.path("client")],
            known_hosts: Some(self.path("known_hosts")),
            host_key: None,
            accept_new: false,
            may_record: true,
            connect_timeout: Some(10),
        }
    }
    /// The same as another user.
    pub fn ssh_target_of(&self, user: &str) -> SshTarget {
        SshTarget { user: Some(user.into()), ..self.ssh_target() }
    }
    /// A transport as root.
    pub fn transport(&self) -> Box<dyn Transport> {
        connect(&silent(), self.ssh_target()).unwrap()
    }

    /// The processes that serve a connection each.
    pub fn sessions(&self) -> Vec<Pid> {
        children(self.child.id())
    }
    /// Sends a signal to every connection's process and what it started for privilege separation.
    pub fn signal_sessions(&self, signal: Signal) {
        for session in self.sessions() {
            for child in children(session.as_raw_nonzero().get() as u32) {
                let _ = kill_process(child, signal);
            }
            let _ = kill_process(session, signal);
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.signal_sessions(Signal::KILL);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connector that asks nobody and has no agent.
pub fn silent() -> Connector {
    Connector::silent(Operator::default(), Interrupt::new())
}

pub fn connect(connector: &Connector, ssh: SshTarget) -> kbootstrap::error::Result<Box<dyn Transport>> {
    connector.connect(&Target { name: "web1".into(), via: Via::Ssh(ssh) })
}

/// Makes a key pair at `path` with a passphrase.
pub fn keygen(path: &Path, kind: &str, passphrase: &str, more: &[&str]) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", kind, "-N", passphrase, "-C", "test", "-f"]).arg(path).args(more);
    assert!(command.status().unwrap().success());
}

fn make_files(folder: &Path) {
    keygen(&folder.join("host_ed25519"), "ed25519", "", &[]);
    keygen(&folder.join("host_ecdsa"), "ecdsa", "", &[]);
    keygen(&folder.join("client"), "ed25519", "", &[]);
    fs::copy(folder.join("client.pub"), folder.join("authorized_keys")).unwrap();
    let homes = folder.join("homes");
    fs::create_dir(&homes).unwrap();
    let read = |name: &str| fs::read_to_string(name).unwrap();
    let (mut passwd, mut group) = (read("/etc/passwd"), read("/etc/group"));
    let mut shadow = "root:*:19000:0:99999:7:::\nsshd:*:19000:0:99999:7:::\n".to_owned();
    for (id, user) in (64001..).zip([FREE, ASKED, POOR]) {
        let home = homes.join(user);
        fs::create_dir(&home).unwrap();
        chown(&home, Some(id), Some(id)).unwrap();
        passwd += &format!("{user}:x:{id}:{id}::{}:/bin/bash\n", home.display());
        group += &format!("{user}:x:{id}:\n");
        shadow += &format!("{user}:{HASH}:19000:0:99999:7:::\n");
    }
    let sudoers = format!("root ALL=(ALL) ALL\n{FREE} ALL=(ALL) NOPASSWD: ALL\n{ASKED} ALL=(ALL) ALL\n");
    let hosts = format!("127.0.0.1 localhost {BEHIND}\n");
    for (name, text, mode) in [
        ("passwd", passwd, 0o644),
        ("group", group, 0o644),
        ("shadow", shadow, 0o600),
        ("sudoers", sudoers, 0o440),
        ("hosts", hosts, 0o644),
    ] {
        fs::write(folder.join(name), text).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
}

fn write_config(folder: &Path, port: u16, lines: &str) {
    let at = folder.display();
    let text = format!(
        "{lines}\nListenAddress 127.0.0.1\nPort {port}\nHostKey {at}/host_ed25519\nHostKey {at}/host_ecdsa\n\
         AuthorizedKeysFile {at}/authorized_keys\nPidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 100\nLogLevel VERBOSE\nPrintMotd no\n"
    );
    fs::write(folder.join("sshd_config"), text).unwrap();
}

fn spawn(folder: &Path, port: u16) -> Option<Child> {
    let log = fs::File::create(folder.join("log")).unwrap();
    let mut child = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "/bin/sh", "-c", NAMESPACE])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        if answers(port) {
            return Some(child);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut banner = [0; 4];
    stream.read_exact(&mut banner).is_ok() && &banner == b"SSH-"
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn children(id: u32) -> Vec<Pid> {
    let text = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|id| Pid::from_raw(id.parse().ok()?)).collect()
}
