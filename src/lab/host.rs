//! One host: on and off.

use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::cgroup;
use super::folders::HostFolder;
use super::launch::{self, Launched};
use super::lock::Lock;
use super::process::Process;
use super::state::{HostState, State};
use super::{disk, network};
use crate::error::{Error, Result};

/// A host answers within a second or two; on a machine that is very busy it takes longer.
const BOOT_LIMIT: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(20);

/// How a host is switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Off {
    /// As with `poweroff`; what has not ended after this long ends as with [`Off::Cut`].
    Orderly(Duration),
    /// The cables are pulled: the host is gone without a word. Its network goes first, for processes that are killed
    /// still say goodbye to whoever they were connected to.
    Cut,
}

/// Whether the host's supervisor runs.
pub fn is_on(folder: &HostFolder) -> bool {
    Process::load(&folder.process()).is_some_and(Process::is_alive)
}

/// Starts a host whose disk is mounted, and waits until its sshd answers.
pub fn switch_on(lock: &Lock, state: &State, host: &HostState, folder: &HostFolder, unified: bool) -> Result<()> {
    network::connect(lock, state, host)?;
    for cgroup in &host.cgroups {
        cgroup::make(cgroup)?;
    }
    let launched = launch::launch(host, folder, unified)?;
    wait_for_sshd(host, folder, &launched)
}

fn wait_for_sshd(host: &HostState, folder: &HostFolder, launched: &Launched) -> Result<()> {
    let deadline = Instant::now() + BOOT_LIMIT;
    let address = SocketAddr::new(host.address.into(), 22);
    loop {
        if answers(address) {
            return Ok(());
        }
        let problem = if launched.has_ended() {
            "its systemd-nspawn ended"
        } else if Instant::now() > deadline {
            "its sshd does not answer"
        } else {
            sleep(POLL);
            continue;
        };
        return Err(Error::remote(format!("{} did not start: {problem}", host.name))
            .detail(launch::console_tail(folder))
            .hint(format!("its console: {}", folder.console().display())));
    }
}

/// Whether an SSH server introduces itself there (RFC 4253, section 4.2).
fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_millis(500)) else { return false };
    let mut greeting = [0; 4];
    stream.set_read_timeout(Some(Duration::from_secs(2))).is_ok()
        && stream.read_exact(&mut greeting).is_ok()
        && &greeting == b"SSH-"
}

/// Switches the host off and takes away all that the kernel keeps for it. Its disk stays. It does not matter how much of
/// it there is.
pub fn switch_off(lock: &Lock, host: &HostState, folder: &HostFolder, how: Off) -> Result<()> {
    let supervisor = Process::load(&folder.process()).filter(|process| process.is_alive());
    if let (Some(process), Off::Orderly(limit)) = (supervisor, how) {
        process.signal(Signal::TERM);
        let deadline = Instant::now() + limit;
        while process.is_alive() && Instant::now() < deadline {
            sleep(POLL);
        }
    }
    network::unplug(lock, host)?;
    if let Some(process) = supervisor {
        process.signal(Signal::KILL);
    }
    // The host's own processes outlive systemd-nspawn when that is killed.
    cgroup::destroy(&host.cgroups)?;
    let supervisor_lock = supervisor_lock(&folder.root());
    disk::unmount(folder)?;
    network::disconnect(lock, host)?;
    let propagate = Path::new("/run/systemd/nspawn/propagate").join(&host.netns);
    let remains = [fs::remove_dir_all(propagate), fs::remove_file(supervisor_lock), fs::remove_file(folder.process())];
    for gone in remains {
        if let Err(e) = gone
            && e.kind() != std::io::ErrorKind::NotFound
        {
            return Err(Error::io(format!("clean up after {}", host.name), &e));
        }
    }
    Ok(())
}

/// The file by which systemd-nspawn says that it uses a folder; it stays when systemd-nspawn is killed.
fn supervisor_lock(root: &Path) -> PathBuf {
    let name = fs::metadata(root).map(|data| format!("inode-{}:{}", data.dev(), data.ino())).unwrap_or_default();
    Path::new("/run/systemd/nspawn/locks").join(if name.is_empty() { "none" } else { &name })
}
