//! What listens on a host while paths are tried, run here by a `systemd-run` that only starts what it is given.

use std::fs;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use kbootstrap::cluster::Layout;
use kbootstrap::components::Protocol;
use kbootstrap::facts::paths;
use kbootstrap::random::nonce;

/// Makes the unit's folder and runs its command with our socket as standard input, as systemd would with its own.
const SYSTEMD_RUN: &str = "#!/bin/sh
for word; do case $word in RuntimeDirectory=*) mkdir /run/${word#*=} ;; esac; done
while [ \"$1\" != -l ]; do shift; done
shift 2
exec timeout 20 \"$@\"
";

/// Anybody may send something there.
#[test]
fn what_is_heard_while_paths_are_tried_is_bounded() {
    let (folder, nonce) = (tempfile::tempdir().unwrap(), nonce().unwrap());
    let program = folder.path().join("systemd-run");
    fs::write(&program, SYSTEMD_RUN).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let first = format!("{nonce} 7\n");
    sender.send_to(first.as_bytes(), at).unwrap();

    let script = paths::listen(at.ip(), &[(Protocol::Udp, at.port())], &[], &nonce);
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).env("PATH", path).stdin(OwnedFd::from(socket));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                // Refused once nobody listens.
                let _ = sender.send_to(&[b'x'; 2000], at);
            }
        });
        let ran = command.output();
        over.store(true, Ordering::Relaxed);
        ran.unwrap();
    });
    let heard_in = format!("{}-{nonce}-{}", Layout::tries(), at.port());
    let heard = fs::read(format!("{heard_in}/heard")).unwrap();
    fs::remove_dir_all(heard_in).unwrap();
    assert!(heard.starts_with(first.as_bytes()), "what came in time is there");
    assert!(heard.len() > 1 << 20 && heard.len() <= 2 << 20, "{} bytes", heard.len());
}
