//! The operator's SSH configuration: where hosts are, jump hosts, proxy commands; and host certificates.

use std::fs;
use std::io;
use std::process::Command;

use kbootstrap::error::{Error, Kind, Result};
use kbootstrap::remote::{Connector, Interrupt, Operator, SshConfig, SshTarget, Transport};

use crate::common::sshd::{BEHIND, FREE, Sshd, connect, keygen};

/// A connector that reads this configuration.
fn reading(folder: &Sshd, config: &str) -> Connector {
    let file = folder.path("ssh_config");
    fs::write(&file, config).unwrap();
    let operator = Operator { ssh_config: SshConfig::File(file), ..Operator::default() };
    Connector::silent(operator, Interrupt::new())
}

/// A host of which the inventory says no more than its name.
fn named(address: &str) -> SshTarget {
    SshTarget {
        address: address.into(),
        port: None,
        user: None,
        keys: vec![],
        known_hosts: None,
        host_key: None,
        accept_new: false,
        may_record: false,
        connect_timeout: None,
    }
}

/// What the configuration says to reach the server itself.
fn block(host: &str, sshd: &Sshd, more: &str) -> String {
    format!(
        "Host {host}\n HostName 127.0.0.1\n Port {}\n IdentityFile {}\n UserKnownHostsFile {}\n {more}\n",
        sshd.port,
        sshd.path("client").display(),
        sshd.path("known_hosts").display()
    )
}

/// A server that is reached by [`BEHIND`] alone, which this machine cannot resolve; it takes the key of `front`.
fn behind(front: &Sshd) -> Sshd {
    let sshd = Sshd::start();
    fs::copy(front.path("authorized_keys"), sshd.path("authorized_keys")).unwrap();
    let known = format!("[{BEHIND}]:{} {}\n", sshd.port, sshd.public_key("host_ed25519"));
    fs::write(sshd.path("known_hosts"), known).unwrap();
    sshd
}

/// The configuration for it, with another way there.
fn block_behind(sshd: &Sshd, front: &Sshd, way: &str) -> String {
    format!(
        "Host inner\n HostName {BEHIND}\n Port {}\n IdentityFile {}\n UserKnownHostsFile {}\n {way}\n",
        sshd.port,
        front.path("client").display(),
        sshd.path("known_hosts").display()
    )
}

fn works(host: Result<Box<dyn Transport>>) {
    let mut host = host.unwrap_or_else(|error| panic!("{error:?}"));
    let mut big = io::Read::take(io::repeat(7), 5_000_000);
    assert_eq!(host.run("wc -c", &mut big).unwrap().stdout, b"5000000\n");
    assert_eq!(host.run("head -c 3000000 /dev/zero", &mut io::empty()).unwrap().stdout.len(), 3_000_000);
    assert_eq!(host.run("cat; exit 3", &mut &b"in"[..]).unwrap().status, 3);
}

fn refused(host: Result<Box<dyn Transport>>) -> Error {
    host.err().expect("nobody may get in")
}

#[test]
fn an_alias_leads_to_the_host() {
    let sshd = Sshd::start();
    let config = block("web", &sshd, &format!("User {FREE}"));
    let mut host = connect(&reading(&sshd, &config), named("web")).unwrap();
    assert_eq!(host.run("echo $SUDO_USER", &mut io::empty()).unwrap().stdout, format!("{FREE}\n").into_bytes());
    works(connect(&reading(&sshd, &block("web", &sshd, "")), named("web")));
    let off = Connector::silent(Operator::default(), Interrupt::new());
    let error = refused(connect(&off, named("web.invalid")));
    assert_eq!(error.message, "web1: cannot find the address of web.invalid");
}

#[test]
fn what_the_inventory_says_wins() {
    let sshd = Sshd::start();
    let config = format!(
        "Host 127.0.0.1\n Port 1\n User nobody\n IdentityFile /nonexistent\n UserKnownHostsFile {0}\n",
        "/nonexistent"
    );
    works(connect(&reading(&sshd, &config), sshd.ssh_target()));
}

#[test]
fn a_named_identity_goes_before_a_full_agent() {
    let sshd = Sshd::with("MaxAuthTries 1");
    works(connect(&reading(&sshd, &block("web", &sshd, "IdentitiesOnly yes")), named("web")));
}

#[test]
fn through_a_jump_host() {
    let front = Sshd::start();
    let inner = behind(&front);
    let config = block("bastion", &front, &format!("User {FREE}")) + &block_behind(&inner, &front, "ProxyJump bastion");
    works(connect(&reading(&front, &config), named("inner")));
    assert!(front.log().contains(&format!("Accepted publickey for {FREE}")), "{}", front.log());
    assert!(inner.log().contains("Accepted publickey for root"), "{}", inner.log());
    let straight = block("bastion", &front, "") + &block_behind(&inner, &front, "");
    let error = refused(connect(&reading(&front, &straight), named("inner")));
    assert_eq!(error.message, format!("web1: cannot find the address of {BEHIND}"));
}

#[test]
fn through_two_jump_hosts_and_a_port_of_the_last() {
    let (front, second) = (Sshd::start(), Sshd::start());
    fs::copy(front.path("authorized_keys"), second.path("authorized_keys")).unwrap();
    let inner = behind(&front);
    let key = front.path("client");
    let second_block =
        block("second", &second, "").replace(&second.path("client").display().to_string(), &key.display().to_string());
    let config =
        block("bastion", &front, "") + &second_block + &block_behind(&inner, &front, "ProxyJump bastion,second");
    let connector = reading(&front, &config);
    works(connect(&connector, named("inner")));
    for (sshd, name) in [(&front, "the first"), (&second, "the second"), (&inner, "the last")] {
        assert!(sshd.log().contains("Accepted publickey"), "{name}: {}", sshd.log());
    }
    let mut host = connect(&connector, named("inner")).unwrap();
    let mut stream = host.dial(([127, 0, 0, 1], inner.port).into()).unwrap();
    let mut banner = [0; 4];
    io::Read::read_exact(&mut stream, &mut banner).unwrap();
    assert_eq!(&banner, b"SSH-");
}

#[test]
fn every_hop_must_be_known() {
    let front = Sshd::start();
    let inner = behind(&front);
    let config = block("bastion", &front, "") + &block_behind(&inner, &front, "ProxyJump bastion");
    let (front_known, inner_known) = (front.path("known_hosts"), inner.path("known_hosts"));
    let (front_line, inner_line) = (fs::read(&front_known).unwrap(), fs::read(&inner_known).unwrap());
    fs::write(&front_known, "").unwrap();
    let error = refused(connect(&reading(&front, &config), named("inner")));
    let message = format!("web1: jump host bastion: the host key of [127.0.0.1]:{} is not known", front.port);
    assert_eq!(error.message, message);
    assert!(error.details.last().unwrap().contains("is reached by the ProxyJump bastion of"), "{error:?}");
    fs::write(&front_known, front_line).unwrap();
    fs::write(&inner_known, "").unwrap();
    let error = refused(connect(&reading(&front, &config), named("inner")));
    assert_eq!(error.message, format!("web1: the host key of [{BEHIND}]:{} is not known", inner.port));
    fs::write(&inner_known, inner_line).unwrap();
    works(connect(&reading(&front, &config), named("inner")));
}

/// The inventory may come with a repository, and the jump host is the operator's.
#[test]
fn an_inventory_vouches_for_no_jump_host_that_the_operator_knows() {
    let front = Sshd::start();
    let inner = behind(&front);
    let config = block("bastion", &front, "") + &block_behind(&inner, &front, "ProxyJump bastion");
    let (own, inventorys) = (front.path("known_hosts"), front.path("inventorys"));
    let good = front.known_hosts_line("host_ed25519");
    fs::write(&inventorys, fs::read_to_string(inner.path("known_hosts")).unwrap() + &good).unwrap();
    let target = SshTarget { known_hosts: Some(inventorys), ..named("inner") };
    let with_own = |text: &str| {
        fs::write(&own, text).unwrap();
        connect(&reading(&front, &config), target.clone())
    };
    let (other, place) = (front.public_key("client"), format!("[127.0.0.1]:{}", front.port));
    let changed = refused(with_own(&format!("{place} {other}\n")));
    assert!(changed.message.contains("jump host bastion: THE HOST KEY OF"), "{changed:?}");
    for hosts in [place.as_str(), "127.0.0.1"] {
        let uncertified = refused(with_own(&format!("@cert-authority {hosts} {other}\n")));
        assert!(uncertified.message.contains("shows no certificate of the authority"), "{uncertified:?}");
        let revoked = refused(with_own(&format!("@revoked {hosts} {}\n", front.public_key("host_ed25519"))));
        assert!(revoked.message.contains("is marked @revoked"), "{revoked:?}");
    }
    assert!(!front.log().contains("Accepted publickey"), "we logged in to a host that we do not trust");
    works(with_own(""));
    works(with_own(&good));
}

#[test]
fn a_jump_host_that_forwards_nothing_is_named() {
    let front = Sshd::with("AllowTcpForwarding no");
    let inner = behind(&front);
    let config = block("bastion", &front, "") + &block_behind(&inner, &front, "ProxyJump bastion");
    let error = refused(connect(&reading(&front, &config), named("inner")));
    let message = format!("web1: jump host bastion: cannot connect from there to {BEHIND}:{}", inner.port);
    assert_eq!((error.message, error.details[0].as_str()), (message, "its SSH server forwards no connections"));
    assert!(error.hints[0].contains("AllowTcpForwarding yes"), "{:?}", error.hints);
}

#[test]
fn a_jump_host_that_cannot_reach_the_host_is_named() {
    let front = Sshd::start();
    let config = block("bastion", &front, "") + "Host inner\n HostName 127.0.0.1\n Port 1\n ProxyJump bastion\n";
    let error = refused(connect(&reading(&front, &config), named("inner")));
    assert_eq!(error.message, "web1: jump host bastion: cannot connect from there to 127.0.0.1:1");
}

/// `Host *` is true of the jump host, too.
#[test]
fn a_jump_host_is_not_reached_through_itself() {
    let front = Sshd::start();
    let inner = behind(&front);
    let everywhere = "Host *\n ProxyJump bastion\n";
    let config = block("bastion", &front, "") + &block_behind(&inner, &front, "") + everywhere;
    works(connect(&reading(&front, &config), named("inner")));
    let circle = "Host a\n ProxyJump b\nHost b\n ProxyJump a\nHost inner\n ProxyJump a\n";
    let error = refused(connect(&reading(&front, circle), named("inner")));
    assert_eq!(error.kind, Kind::Input, "{error:?}");
    assert!(error.message.contains("is it a circle?"), "{error:?}");
}

#[test]
fn through_a_command() {
    let front = Sshd::start();
    let inner = behind(&front);
    let outer = front.path("outer_config");
    fs::write(&outer, block("bastion", &front, "BatchMode yes")).unwrap();
    let way = format!("ProxyCommand ssh -F {} -W %h:%p bastion", outer.display());
    let connector = reading(&front, &block_behind(&inner, &front, &way));
    works(connect(&connector, named("inner")));
    assert!(front.log().contains("Accepted publickey"), "{}", front.log());
    // It ends with the connection.
    let left = Command::new("pgrep").args(["-f", &outer.display().to_string()]).output().unwrap().stdout;
    assert_eq!(String::from_utf8_lossy(&left), "");
}

#[test]
fn a_command_that_fails_is_quoted() {
    let front = Sshd::start();
    let config = "Host inner\n ProxyCommand echo no route to %h:%p today >&2; exit 1\n";
    let error = refused(connect(&reading(&front, config), named("inner")));
    assert_eq!(error.message, "web1: no SSH connection with inner:22");
    assert!(error.details.contains(&"the ProxyCommand said: no route to inner:22 today".to_owned()), "{error:?}");
}

/// Inventories, records and configurations name hosts and users; a shell reads the commands that they are put into.
#[test]
fn names_that_are_more_than_a_word_to_a_shell_run_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made");
    let touch = format!("touch${{IFS}}{}", made.display());
    let front = Sshd::start();
    let exec = |token: &str| format!("Match exec \"true {token}\"\n ConnectTimeout 3\n");
    let way = |token: &str| format!("Host *\n ProxyCommand echo {token} >&2; exit 1\n");
    let user = |name: &str| SshTarget { user: Some(name.to_owned()), ..named("inner") };
    let odd = [
        format!("x;{touch}"),
        format!("x`{touch}`"),
        format!("$({touch})"),
        format!("x|{touch}"),
        format!("x&{touch}"),
    ];
    for name in &odd {
        for config in ["%r", "%h", "%n"].iter().flat_map(|token| [exec(token), way(token)]) {
            for target in [user(name), named(name)] {
                let error = refused(connect(&reading(&front, &config), target));
                assert!(error.message.contains("is refused"), "{config}: {error:?}");
            }
        }
        // Those that the configuration itself puts in their place.
        let user = format!("Host inner\n User \"{name}\"\n{}", way("%r"));
        let host = format!("Host inner\n HostName \"{name}\"\n{}", way("%h"));
        let jump = format!("Host inner\n ProxyJump bastion\nHost bastion\n User \"{name}\"\n{}", way("%r"));
        for config in [user, host, jump] {
            refused(connect(&reading(&front, &config), named("inner")));
        }
        assert!(!made.exists(), "{name} was run");
    }
    // The names are given to a shell: what is tried here would run.
    let runs = format!("Host inner\n ProxyCommand echo $(touch {})\n", made.display());
    refused(connect(&reading(&front, &runs), named("inner")));
    assert!(made.exists());
}

/// A server with a host certificate for this name, of an authority in its folder.
fn certified(kind: &str, more: &'static [&'static str]) -> Sshd {
    let name = format!("host_{kind}");
    Sshd::made(move |at| {
        keygen(&at.join("ca"), "ed25519", "", &[]);
        let mut sign = Command::new("ssh-keygen");
        sign.args(["-q", "-h", "-I", "web", "-s"]).arg(at.join("ca")).args(more).arg(at.join(format!("{name}.pub")));
        assert!(sign.status().unwrap().success());
        format!("HostCertificate {}/{name}-cert.pub", at.display())
    })
}

fn with_authority(sshd: &Sshd, hosts: &str) -> SshTarget {
    let line = format!("@cert-authority {hosts} {}\n", sshd.public_key("ca"));
    fs::write(sshd.path("known_hosts"), line).unwrap();
    sshd.ssh_target()
}

fn silent() -> Connector {
    Connector::silent(Operator::default(), Interrupt::new())
}

#[test]
fn a_host_certificate_of_a_known_authority_is_enough() {
    for kind in ["ed25519", "ecdsa"] {
        let sshd = certified(kind, &["-n", "127.0.0.1"]);
        works(connect(&silent(), with_authority(&sshd, "127.0.0.*")));
        works(connect(&silent(), with_authority(&sshd, &format!("[127.0.0.1]:{}", sshd.port))));
    }
}

#[test]
fn a_host_certificate_that_proves_nothing_is_refused() {
    let why = |sshd: &Sshd| {
        let error = refused(connect(&silent(), with_authority(sshd, "*")));
        assert!(error.message.contains("the host certificate of [127.0.0.1]:"), "{error:?}");
        assert!(!sshd.log().contains("Accepted publickey"), "we logged in to a host that we do not trust");
        error.details[0].clone()
    };
    let other = certified("ed25519", &["-n", "web2"]);
    assert_eq!(why(&other), "the host certificate `web` is for web2, not for 127.0.0.1");
    let old = certified("ed25519", &["-n", "127.0.0.1", "-V", "20200101:20200102"]);
    assert_eq!(why(&old), "the host certificate `web` has expired");
}

#[test]
fn a_certificate_of_a_strange_authority_is_as_good_as_the_key_alone() {
    let sshd = certified("ed25519", &["-n", "127.0.0.1"]);
    let strange = format!("@cert-authority * {}\n", sshd.public_key("client"));
    let known = sshd.known_hosts_line("host_ed25519");
    fs::write(sshd.path("known_hosts"), format!("{strange}{known}")).unwrap();
    works(connect(&silent(), sshd.ssh_target()));
    fs::write(sshd.path("known_hosts"), strange).unwrap();
    let target = SshTarget { accept_new: true, ..sshd.ssh_target() };
    let error = refused(connect(&silent(), target));
    assert!(error.message.contains("shows no certificate of the authority"), "{error:?}");
}

#[test]
fn a_revoked_authority_is_refused() {
    let sshd = certified("ed25519", &["-n", "127.0.0.1"]);
    let target = with_authority(&sshd, "*");
    let file = sshd.path("known_hosts");
    let known = fs::read_to_string(&file).unwrap();
    // For the host, too, and not only for its port: OpenSSH refuses it.
    for hosts in ["*", "127.0.0.1"] {
        fs::write(&file, format!("{known}@revoked {hosts} {}\n", sshd.public_key("ca"))).unwrap();
        let error = refused(connect(&silent(), target.clone()));
        assert!(error.message.contains("is marked @revoked"), "{error:?}");
    }
}

/// Who writes the inventory says which keys its hosts have, not which are good in spite of the operator.
#[test]
fn what_the_operator_has_revoked_no_inventory_makes_good() {
    let sshd = Sshd::start();
    let own = sshd.path("own_known_hosts");
    let config = format!("Host *\n UserKnownHostsFile {}\n", own.display());
    works(connect(&reading(&sshd, &config), sshd.ssh_target()));
    fs::write(&own, format!("127.0.0.1 {}\n", sshd.public_key("client"))).unwrap();
    works(connect(&reading(&sshd, &config), sshd.ssh_target()));
    fs::write(&own, format!("@revoked * {}\n", sshd.public_key("host_ed25519"))).unwrap();
    let error = refused(connect(&reading(&sshd, &config), sshd.ssh_target()));
    assert!(
        error.message.contains("is marked @revoked in") && error.message.contains("own_known_hosts:1"),
        "{error:?}"
    );
}

#[test]
fn keys_that_the_configuration_revokes_are_refused() {
    let sshd = Sshd::start();
    let list = sshd.path("revoked");
    let config = format!("Host *\n RevokedHostKeys {}\n", list.display());
    let error = refused(connect(&reading(&sshd, &config), sshd.ssh_target()));
    assert!(error.message.starts_with("cannot read "), "nobody knows what is revoked: {error:?}");
    fs::write(&list, format!("# mine\n{}\n", sshd.public_key("client"))).unwrap();
    works(connect(&reading(&sshd, &config), sshd.ssh_target()));
    fs::write(&list, format!("# mine\n{} web\n", sshd.public_key("host_ed25519"))).unwrap();
    let error = refused(connect(&reading(&sshd, &config), sshd.ssh_target()));
    assert!(error.message.ends_with(&format!("is marked @revoked in {}:2", list.display())), "{error:?}");
    fs::remove_file(&list).unwrap();
    let status = Command::new("ssh-keygen").arg("-qkf").arg(&list).arg(sshd.path("host_ed25519.pub")).status().unwrap();
    assert!(status.success());
    let error = refused(connect(&reading(&sshd, &config), sshd.ssh_target()));
    assert!(error.message.ends_with("is a key revocation list, which is not supported"), "{error:?}");
}

#[test]
fn without_the_program_the_configuration_is_not_passed_over_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config"), "Host *\n").unwrap();
    let kbootstrap = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kbootstrap"));
        command.args(args).current_dir(folder.path()).env("PATH", folder.path()).env("HOME", folder.path());
        command.output().unwrap()
    };
    let made = kbootstrap(&["init", "--name", "demo", "--master", "10.255.255.1"]);
    assert!(made.status.success(), "{made:?}");
    let output = kbootstrap(&["check", "--ssh-config", "config"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("the program `ssh` is not here") && said.contains("--ssh-config none"), "{said}");
}
