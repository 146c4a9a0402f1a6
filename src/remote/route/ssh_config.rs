//! What the operator's OpenSSH configuration says about a host. It is asked of `ssh -G`, which alone knows what `Host`,
//! `Match` and `Include` come to.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};

/// The system's part of it.
const SYSTEM: &str = "/etc/ssh/ssh_config";

/// Which configuration is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SshConfig {
    /// None.
    #[default]
    Off,
    /// `~/.ssh/config`, then the system's.
    Usual,
    /// This file alone.
    File(PathBuf),
}

impl SshConfig {
    /// As `--ssh-config` names it: `none` for none, nothing for the usual files.
    pub fn named(option: Option<&Path>) -> Self {
        match option {
            None => SshConfig::Usual,
            Some(name) if name == Path::new("none") => SshConfig::Off,
            Some(file) => SshConfig::File(file.to_owned()),
        }
    }
}

/// What it says about one host. Texts may hold `%` tokens and `~`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Advice {
    pub host_name: String,
    pub port: Option<u16>,
    pub user: String,
    pub identities: Vec<String>,
    pub certificates: Vec<String>,
    pub identities_only: bool,
    pub agent: Option<String>,
    pub known_hosts: Vec<String>,
    pub revoked_keys: Vec<String>,
    pub host_key_alias: Option<String>,
    pub connect_timeout: Option<u64>,
    pub proxy_command: Option<String>,
    pub proxy_jump: Option<String>,
    pub passes_descriptor: bool,
}

/// Asks about a host by the name that was given for it; nothing when there is no configuration. `user` and `port` are
/// those that are decided already.
pub fn ask(
    config: &SshConfig,
    home: Option<&Path>,
    name: &str,
    user: Option<&str>,
    port: Option<u16>,
) -> Result<Option<Advice>> {
    let files: Vec<PathBuf> = match config {
        SshConfig::Off => return Ok(None),
        SshConfig::Usual => {
            let own = home.map(|home| home.join(".ssh/config"));
            own.into_iter().chain([PathBuf::from(SYSTEM)]).filter(|file| file.exists()).collect()
        }
        SshConfig::File(file) if file.is_file() => vec![std::path::absolute(file).unwrap_or_else(|_| file.clone())],
        SshConfig::File(file) => {
            return Err(Error::usage(format!("--ssh-config: there is no file {}", file.display())));
        }
    };
    if files.is_empty() {
        return Ok(None);
    }
    let file = with_defaults(&files)?;
    let mut command = Command::new("ssh");
    command.arg("-G").arg("-F").arg(file.path());
    if let Some(user) = user {
        command.args(["-l", user]);
    }
    if let Some(port) = port {
        command.args(["-p", &port.to_string()]);
    }
    let output = match command.arg("--").arg(name).stdin(Stdio::null()).output() {
        Ok(output) => output,
        // Most people who have no `ssh` have no configuration for it, either.
        Err(error) if error.kind() == ErrorKind::NotFound && *config == SshConfig::Usual => {
            let own = home.map(|home| home.join(".ssh/config")).filter(|own| own.exists());
            return own.map_or(Ok(None), |own| Err(no_ssh(&own)));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(no_ssh(&files[0])),
        Err(error) => return Err(Error::io("cannot start ssh", &error)),
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let own = file.path().display().to_string();
        let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with(&own)).collect();
        return Err(Error::input(format!("ssh cannot read its configuration for {name}"))
            .detail(lines.join("\n"))
            .hint("correct that file, name another one with --ssh-config, or read none: --ssh-config none"));
    }
    Ok(Some(parse(&String::from_utf8_lossy(&output.stdout))))
}

/// A file that includes the others, and then says what is true where they say nothing: `ssh` itself would take the
/// operator's own login name, and its usual keys, and not tell that nobody asked for them.
fn with_defaults(files: &[PathBuf]) -> Result<tempfile::NamedTempFile> {
    let failed = |error: std::io::Error| Error::io("cannot write a temporary file for ssh", &error);
    let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
    let mut text = String::new();
    for file in files {
        text += &format!("Include \"{}\"\n", file.display());
    }
    text += "Match all\n  User root\n  IdentityFile none\n";
    file.write_all(text.as_bytes()).map_err(failed)?;
    Ok(file)
}

fn no_ssh(file: &Path) -> Error {
    Error::usage(format!(
        "{} cannot be read: the program `ssh` is not here, which alone understands it",
        file.display()
    ))
    .hint("install OpenSSH's client, or go by the inventory alone: --ssh-config none")
}

/// Reads what `ssh -G` prints: an option in lower case and its value on each line.
fn parse(text: &str) -> Advice {
    let mut advice = Advice::default();
    let mut known_hosts = (Vec::new(), Vec::new());
    let files = |value: &str| value.split(' ').filter(|file| *file != "none").map(str::to_owned).collect::<Vec<_>>();
    for line in text.lines() {
        let Some((option, value)) = line.split_once(' ') else { continue };
        let some = || Some(value.to_owned()).filter(|value| value != "none");
        match option {
            "hostname" => advice.host_name = value.to_owned(),
            "port" => advice.port = value.parse().ok(),
            "user" => advice.user = value.to_owned(),
            "identityfile" => advice.identities.extend(some()),
            "certificatefile" => advice.certificates.extend(some()),
            "identitiesonly" => advice.identities_only = value == "yes",
            "identityagent" => advice.agent = Some(value.to_owned()),
            "userknownhostsfile" => known_hosts.0.extend(files(value)),
            "globalknownhostsfile" => known_hosts.1.extend(files(value)),
            "revokedhostkeys" => advice.revoked_keys.extend(some()),
            "hostkeyalias" => advice.host_key_alias = some(),
            "connecttimeout" => advice.connect_timeout = value.parse().ok(),
            "proxycommand" => advice.proxy_command = some(),
            "proxyjump" => advice.proxy_jump = some(),
            "proxyusefdpass" => advice.passes_descriptor = value == "yes",
            _ => {}
        }
    }
    // The user's own file is the one that new keys are recorded in.
    let (own, shared) = known_hosts;
    advice.known_hosts = own.into_iter().chain(shared).collect();
    advice
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn asked(text: &str, name: &str) -> Result<Option<Advice>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a config");
        fs::write(&file, text).unwrap();
        ask(&SshConfig::File(file), None, name, None, None)
    }

    #[test]
    fn what_openssh_says_is_taken() {
        let text = "Host web*\n HostName 10.0.0.1\n User kim\n Port 2222\n IdentityFile ~/%h.key\n IdentitiesOnly yes\n\
                    ProxyJump bob@bastion:22\n ConnectTimeout 3\nMatch host 10.0.0.1\n CertificateFile /c-cert.pub\n\
                    UserKnownHostsFile /k\n";
        let advice = asked(text, "web1").unwrap().unwrap();
        assert_eq!((advice.host_name.as_str(), advice.port, advice.user.as_str()), ("10.0.0.1", Some(2222), "kim"));
        assert_eq!((advice.identities, advice.identities_only), (vec!["~/%h.key".to_owned()], true));
        assert_eq!(advice.certificates, ["/c-cert.pub"]);
        assert_eq!((advice.proxy_jump.as_deref(), advice.connect_timeout), (Some("bob@bastion:22"), Some(3)));
        assert_eq!(advice.known_hosts[0], "/k");
    }

    #[test]
    fn where_it_says_nothing_nobody_else_does() {
        let advice = asked("Host other\n User kim\n", "web1").unwrap().unwrap();
        assert_eq!((advice.user.as_str(), advice.port), ("root", Some(22)));
        assert_eq!((advice.identities, advice.proxy_command, advice.proxy_jump), (vec![], None, None));
        assert_eq!(ask(&SshConfig::Off, None, "web1", None, None), Ok(None));
    }

    #[test]
    fn a_mistake_in_it_is_told_in_its_own_words() {
        let error = asked("Host *\n Prt 22\n", "web1").unwrap_err();
        assert_eq!(error.message, "ssh cannot read its configuration for web1");
        assert!(error.details[0].contains("line 2: Bad configuration option: prt"), "{error:?}");
        let missing = ask(&SshConfig::File("/nonexistent/config".into()), None, "web1", None, None).unwrap_err();
        insta::assert_snapshot!(missing, @"--ssh-config: there is no file /nonexistent/config");
    }
}
