//! A host's disk: an overlay over the common tree, and in it what makes the host itself.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::folders::{DATA, HostFolder};
use super::lock::Lock;
use super::mounts;
use super::state::{HostState, State};
use crate::error::{Error, Result};

/// The one file that holds the lab's public key, for root and the other user alike.
const AUTHORIZED_KEYS: &str = "etc/ssh/lab_authorized_keys";
const HOST_KEY: &str = "etc/ssh/ssh_host_ed25519_key";

/// Makes the folders of a new host.
pub fn make(folder: &HostFolder) -> Result<()> {
    let mut dirs = vec![folder.upper(), folder.work(), folder.root()];
    dirs.extend(DATA.map(|(name, _)| folder.data(name)));
    for dir in dirs {
        let made = fs::create_dir_all(&dir).and_then(|()| fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)));
        made.map_err(|e| Error::io(format!("make {}", dir.display()), &e))?;
    }
    Ok(())
}

/// Mounts the host's root, where it is not mounted.
pub fn mount(lock: &Lock, state: &State, folder: &HostFolder) -> Result<()> {
    let root = folder.root();
    if mounts::all()?.iter().any(|mount| mount.point == root) {
        return Ok(());
    }
    let (tree, upper, work) = (state.tree.display(), folder.upper(), folder.work());
    let options = format!("lowerdir={tree},upperdir={},workdir={}", upper.display(), work.display());
    let args = ["-t", "overlay", &format!("kb-{}", state.id), "-o", &options, &root.to_string_lossy()];
    lock.run("mount", &args).map_err(|e| {
        e.hint(
            "an overlay cannot lie on another one, as inside a container: set KBOOTSTRAP_CACHE to a folder on a disk",
        )
    })
}

/// Writes into the mounted root what this host alone has, and returns its line for known_hosts.
pub fn personalize(
    lock: &Lock,
    state: &State,
    host: &HostState,
    folder: &HostFolder,
    public_key: &str,
) -> Result<String> {
    let root = folder.root();
    let name = &host.name;
    write(&root.join("etc/machine-id"), &format!("{}\n", random_id()?), 0o444)?;
    write(&root.join("etc/hostname"), &format!("{name}\n"), 0o644)?;
    write(&root.join("etc/hosts"), &format!("127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost\n"), 0o644)?;
    // Nobody answers there, but the refusal comes at once; programs that forward need one nameserver at least.
    write(&root.join("etc/resolv.conf"), &format!("nameserver {}\n", state.gateway), 0o644)?;
    write(&root.join(AUTHORIZED_KEYS), public_key, 0o644)?;
    let key = make_key(lock, &root.join(HOST_KEY), name)?;
    let words: Vec<&str> = key.split_ascii_whitespace().take(2).collect();
    Ok(format!("{} {}\n", host.address, words.join(" ")))
}

/// Makes an Ed25519 key pair, the private file 0600 from the start, and returns the public line.
pub fn make_key(lock: &Lock, path: &Path, comment: &str) -> Result<String> {
    lock.run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", &path.to_string_lossy()])?;
    let public = path.with_extension("pub");
    fs::read_to_string(&public).map_err(|e| Error::io(format!("read {}", public.display()), &e))
}

/// Takes the host's root off.
pub fn unmount(folder: &HostFolder) -> Result<()> {
    mounts::unmount_below(&folder.root())
}

/// machine-id(5): 32 hexadecimal digits.
fn random_id() -> Result<String> {
    let path = "/proc/sys/kernel/random/uuid";
    let uuid = fs::read_to_string(path).map_err(|e| Error::io(format!("read {path}"), &e))?;
    Ok(uuid.trim().replace('-', ""))
}

fn write(path: &Path, content: &str, mode: u32) -> Result<()> {
    let write = || -> io::Result<()> {
        fs::write(path, content)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    };
    write().map_err(|e| Error::io(format!("write {}", path.display()), &e))
}
