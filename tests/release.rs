//! The release as a stranger gets it: the Debian package, on Debian 11, whose C library is older than the one that it was
//! built with. `make test-long` makes the release first.

use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbootstrap::artifacts::Store;

/// The nameserver of the host: a loopback address that nobody else answers on.
const NAMESERVER: &str = "127.0.0.99:53";

/// What is done on the host. Its configuration names modules for looking up hosts and users, of which `myhostname` is there:
/// a static program that loaded it would get a second, older C library with it, and die.
const ON_THE_HOST: &str = r#"
set -eu
dpkg -i /release.deb >/dev/null
printf 'passwd: files systemd myhostname\ngroup: files systemd\nhosts: files myhostname dns\n' >/etc/nsswitch.conf
echo 'nameserver 127.0.0.99' >/etc/resolv.conf
echo '127.0.0.1 in-file.test' >>/etc/hosts
ls /lib/*/libnss_myhostname.so.2 /usr/share/man/man1/kbootstrap-up.1.gz \
  /usr/share/bash-completion/completions/kbootstrap /usr/share/doc/kbootstrap/copyright >/dev/null
cd /root
kbootstrap --version
kbootstrap check --help >/dev/null
echo '{"CN":"old host"}' >ca.json
kbootstrap gencert -initca ca.json --out ca 2>/dev/null
kbootstrap certinfo ca.pem >/dev/null
kbootstrap certlint ca.pem >/dev/null
for name in in-file.test in-dns.test nowhere.test; do
  kbootstrap certinfo $name:9 2>&1 || echo "exit code $?"
done
# Without HOME the user's folder is looked up, and the host is dialled by name.
cat >inventory.yaml <<'EOF'
cluster: c
ssh: {keys: [~/.ssh/none], port: 9}
hosts: [{name: m1, address: 10.0.0.1, sshAddress: in-dns.test, roles: [etcd, master, node]}]
EOF
env -u HOME kbootstrap check -i inventory.yaml 2>&1 | head -n 2
"#;

#[test]
#[ignore = "needs what make release makes, and Debian 11 from a mirror: make test-long"]
fn the_package_works_on_debian_11() {
    let dist = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/dist");
    let version = env!("CARGO_PKG_VERSION");
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let package = dist.join(format!("kbootstrap_{version}_{arch}.deb"));
    assert!(package.is_file(), "{} is missing: make release", package.display());
    let sums = Command::new("sha256sum").args(["-c", "--strict", "SHA256SUMS"]).current_dir(&dist).output().unwrap();
    assert!(sums.status.success(), "{sums:?}");

    std::thread::spawn(answer_names);
    let said = on_debian_11(&package);
    let lines: Vec<&str> = said.lines().collect();
    let refused = |name: &str| format!("error: {name}:9: cannot connect: Connection refused (os error 111)");
    assert_eq!(lines[0], format!("kbootstrap {version}"), "{said}");
    assert_eq!(
        lines[1..5],
        [&refused("in-file.test"), "exit code 5", &refused("in-dns.test"), "exit code 5"],
        "{said}"
    );
    assert!(lines[5].starts_with("error: nowhere.test:9: cannot find its address: "), "{said}");
    assert_eq!(lines[6], "exit code 5", "{said}");
    assert_eq!(
        lines[7..],
        ["error: m1: cannot connect to in-dns.test:9", "  Connection refused (os error 111)"],
        "{said}"
    );
}

#[test]
#[ignore = "needs what make release makes: make test-long"]
fn the_bill_of_materials_names_what_is_inside() {
    let dist = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/dist");
    let bill = fs::read(dist.join(format!("kbootstrap-{}.cdx.json", env!("CARGO_PKG_VERSION")))).unwrap();
    let bill: serde_json::Value = serde_json::from_slice(&bill).unwrap();
    assert_eq!(bill["bomFormat"], "CycloneDX");
    let names: Vec<&str> = bill["components"].as_array().unwrap().iter().filter_map(|c| c["name"].as_str()).collect();
    // What cryptography, SSH, compression and the C library are: that is what people will look for.
    for name in ["ring", "aws-lc-sys", "openssl-src", "libssh2-sys", "libz-sys", "zstd-sys", "rustls", "glibc"] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    for name in ["insta", "proptest", "assert_cmd"] {
        assert!(!names.contains(&name), "{name} is only in the tests");
    }
}

/// Installs the package on a Debian 11 that nobody has used before, and runs the script there; what it prints.
fn on_debian_11(package: &Path) -> String {
    let cache = Store::open_default().unwrap().cache().join("tests");
    fs::create_dir_all(&cache).unwrap();
    let tree = debian_11(&cache);
    let work = tempfile::tempdir_in(&cache).unwrap();
    for name in ["upper", "work", "root"] {
        fs::create_dir(work.path().join(name)).unwrap();
    }
    // Its mounts go with its namespace.
    let enter = r#"set -eu
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
mount -t proc proc "$2/root/proc"
cp "$3" "$2/root/release.deb"
exec chroot "$2/root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin NO_COLOR=1 sh -c "$4""#;
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", enter, "sh"])
        .args([&tree, work.path(), package])
        .arg(ON_THE_HOST)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// The tree of a Debian 11, made once and never written again.
fn debian_11(cache: &Path) -> PathBuf {
    let tree = cache.join("debian-11");
    if !tree.exists() {
        let partial = tempfile::tempdir_in(cache).unwrap();
        let made = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "debootstrap", "--variant=minbase"])
            .args(["--include=libnss-myhostname", "bullseye"])
            .arg(partial.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
        fs::rename(partial.keep(), &tree).unwrap();
    }
    tree
}

/// Answers questions for the address of `in-dns.test` with 127.0.0.1, all others with "no such name" (RFC 1035).
fn answer_names() {
    let socket = UdpSocket::bind(NAMESERVER).unwrap();
    let mut packet = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut packet) {
        let question = &packet[12..length];
        let end = question.iter().position(|byte| *byte == 0).unwrap() + 5;
        let known = question.starts_with(b"\x06in-dns\x04test\0");
        let address = known && question[end - 4..end] == [0, 1, 0, 1];
        let mut answer = packet[..2].to_vec();
        // An authoritative answer to a question that asked for recursion; 3 is "no such name".
        answer.extend([0x85, if known { 0x80 } else { 0x83 }, 0, 1, 0, u8::from(address), 0, 0, 0, 0]);
        answer.extend(&question[..end]);
        if address {
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
        }
        socket.send_to(&answer, from).unwrap();
    }
}
