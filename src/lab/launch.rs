//! Starting a host: its supervisor, systemd-nspawn, in a session and in cgroups of its own.

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::folders::{DATA, HostFolder};
use super::recipe;
use super::state::HostState;
use crate::error::{Error, Result};

/// Runs as the process that becomes systemd-nspawn: leaves its PID and start where they are looked for, moves into the
/// host's cgroups, and only then starts its program. Where one step fails, nothing starts.
const LAUNCHER: &str = r#"
set -e
read -r stat < /proc/$$/stat
read -r boot < /proc/sys/kernel/random/boot_id
echo "$stat $boot" > "$1"
shift
while [ "$1" != -- ]; do
    echo $$ > "$1/cgroup.procs"
    shift
done
shift
exec "$@"
"#;

/// A supervisor that this process started.
#[derive(Debug, Clone)]
pub struct Launched {
    ended: Arc<AtomicBool>,
}

impl Launched {
    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}

/// Starts the host; its root is mounted, its network and cgroups are there.
pub fn launch(host: &HostState, folder: &HostFolder, unified: bool) -> Result<Launched> {
    let context = format!("start {}", host.name);
    let failed = |e: std::io::Error| Error::io(&context, &e);
    let console = File::options().create(true).append(true).mode(0o600).open(folder.console()).map_err(failed)?;
    let mut command = Command::new("setsid");
    command.args(["sh", "-c", LAUNCHER, "kbootstrap-lab"]).arg(folder.process()).args(&host.cgroups).arg("--");
    command.arg("systemd-nspawn").args(arguments(host, folder, &present_devices()));
    command
        .env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", if unified { "1" } else { "0" })
        .env("SYSTEMD_NSPAWN_API_VFS_WRITABLE", "yes")
        .env("SYSTEMD_SECCOMP", "0")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(console.try_clone().map_err(failed)?)
        .stderr(console);
    let mut child = command.spawn().map_err(failed)?;
    let ended = Arc::new(AtomicBool::new(false));
    let flag = ended.clone();
    // Collects it when it ends, so that it is no zombie in a process that lives on.
    std::thread::spawn(move || {
        let _ = child.wait();
        flag.store(true, Ordering::Release);
    });
    Ok(Launched { ended })
}

fn present_devices() -> Vec<&'static str> {
    ["/dev/fuse", "/dev/kmsg", "/dev/net/tun"].into_iter().filter(|path| Path::new(path).exists()).collect()
}

/// systemd-nspawn's arguments. Registration and scopes are for machines that run systemd; cgroups are ours.
/// SIGTERM to systemd-nspawn becomes SIGRTMIN+4 to the host's systemd: power off.
fn arguments(host: &HostState, folder: &HostFolder, devices: &[&str]) -> Vec<String> {
    let mut args: Vec<String> = [
        "--quiet",
        "--register=no",
        "--keep-unit",
        "--capability=all",
        "--resolv-conf=off",
        "--timezone=off",
        "--link-journal=no",
        "--kill-signal=SIGRTMIN+4",
    ]
    .map(String::from)
    .into();
    args.push(format!("--directory={}", folder.root().display()));
    args.push(format!("--machine={}", host.netns));
    args.push(format!("--hostname={}", host.name));
    args.push(format!("--network-namespace-path=/run/netns/{}", host.netns));
    args.extend(devices.iter().map(|device| format!("--bind={device}")));
    args.extend(DATA.map(|(name, path)| format!("--bind={}:{path}", folder.data(name).display())));
    args.push(recipe::INIT.into());
    args
}

/// The last lines that the host wrote on its console.
pub fn console_tail(folder: &HostFolder) -> String {
    let text = fs::read(folder.console()).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::folders::Folders;
    use crate::lab::process::Process;

    fn host(cgroups: Vec<std::path::PathBuf>) -> HostState {
        HostState {
            name: "n1".into(),
            address: [10, 99, 7, 11].into(),
            roles: Vec::new(),
            netns: "kb-abcdef-n1".into(),
            veth: "kbabcdef-n1".into(),
            cgroups,
        }
    }

    #[test]
    fn arguments_name_what_is_the_hosts_own() {
        let folder = Folders::at(Path::new("/c")).unwrap().lab("demo").unwrap().host("n1");
        let args = arguments(&host(Vec::new()), &folder, &["/dev/kmsg"]);
        insta::assert_snapshot!(args[8..].join("\n"), @r"
        --directory=/c/labs/demo/hosts/n1/root
        --machine=kb-abcdef-n1
        --hostname=n1
        --network-namespace-path=/run/netns/kb-abcdef-n1
        --bind=/dev/kmsg
        --bind=/c/labs/demo/hosts/n1/data/containerd:/var/lib/containerd
        --bind=/c/labs/demo/hosts/n1/data/kubelet:/var/lib/kubelet
        --bind=/c/labs/demo/hosts/n1/data/etcd:/var/lib/etcd
        /usr/lib/kbootstrap-lab/init
        ");
    }

    #[test]
    fn the_launcher_leaves_its_pid_and_enters_the_cgroups_before_it_becomes_the_program() {
        let dir = tempfile::tempdir().unwrap();
        let (process, cgroup) = (dir.path().join("process"), dir.path().join("cgroup"));
        fs::create_dir(&cgroup).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", LAUNCHER, "x"]).args([&process, &cgroup]).args(["--", "cat"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // It is `cat` as soon as it echoes.
        use std::io::{Read, Write};
        child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let found = Process::load(&process).unwrap();
        assert_eq!(found.pid, i32::try_from(child.id()).unwrap());
        assert!(found.is_alive());
        assert_eq!(fs::read_to_string(cgroup.join("cgroup.procs")).unwrap().trim(), child.id().to_string());
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(!found.is_alive());
    }

    #[test]
    fn without_its_cgroup_nothing_starts() {
        let dir = tempfile::tempdir().unwrap();
        let started = dir.path().join("started");
        let mut command = Command::new("sh");
        command.args(["-c", LAUNCHER, "x"]).arg(dir.path().join("process")).arg(dir.path().join("gone"));
        let status = command.args(["--", "touch"]).arg(&started).stderr(Stdio::null()).status().unwrap();
        assert!(!status.success() && !started.exists());
    }
}
