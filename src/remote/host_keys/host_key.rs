//! Whether the key that a host offers is the one it must have.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::files::{bounded, lock};
use crate::remote::host_keys::certificate::{self, Certificate, is_certified};
use crate::remote::host_keys::known_hosts::{self, Entry, KnownHosts, Marker, Verdict, fingerprint, key_type};
use crate::remote::route::destination::Destination;

/// Host key algorithms in order of preference, by the type of key that they prove.
const ALGORITHMS: [(&str, &str); 5] = [
    ("ssh-ed25519", "ssh-ed25519"),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"),
    ("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"),
    ("ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"),
    ("ssh-rsa", "rsa-sha2-512,rsa-sha2-256"),
];

/// What a key revocation list begins with (OpenSSH's PROTOCOL.krl).
const KRL: &[u8] = b"SSHKRL\n\0";

/// So long another process may have a known_hosts file locked: it adds a line.
const PATIENCE: Duration = Duration::from_secs(10);

/// What decides over a host's key.
pub struct HostKeys {
    host: String,
    name: String,
    /// The name that a certificate must be for.
    principal: String,
    known: KnownHosts,
    pin: Option<Pin>,
    accept_new: bool,
    file: Option<PathBuf>,
}

/// The key that the inventory names.
#[derive(Debug, PartialEq, Eq)]
enum Pin {
    Fingerprint(String),
    Key(Vec<u8>),
}

impl HostKeys {
    /// Reads the destination's known_hosts files. Whichever of them says that a key is revoked, it is; the inventory's is
    /// asked about a host on the way only where the operator's own say nothing about it.
    pub fn load(host: &str, to: &Destination) -> Result<Self> {
        let mut known = KnownHosts::default();
        for file in &to.known_hosts {
            known.append(read(file)?);
        }
        for file in &to.revoked_in {
            known.append(read(file)?.revocations());
        }
        for file in &to.revoked_keys {
            known.append(revoked_keys(file)?);
        }
        if let Some(file) = to.inventory_file.as_ref().filter(|file| !to.known_hosts.contains(file)) {
            let entries = read(file)?;
            let is_known = known.knows(&to.known_as) || known.authorities(&to.principal).next().is_some();
            known.append(if is_known { entries.revocations() } else { entries });
        }
        Ok(HostKeys {
            host: host.to_owned(),
            name: to.known_as.clone(),
            principal: to.principal.clone(),
            known,
            pin: to.host_key.as_deref().map(|text| parse_pin(host, text)).transpose()?,
            accept_new: to.accept_new,
            file: to.known_hosts.first().cloned(),
        })
    }

    /// The algorithms to propose: first those of the keys that are known, so that a server with several keys shows one
    /// of them; certificates before all, where an authority is known that may have signed them.
    pub fn algorithms(&self) -> String {
        let certified = self.pin.is_none() && self.authorities().next().is_some();
        let pinned = match &self.pin {
            Some(Pin::Key(key)) => vec![key_type(key)],
            Some(Pin::Fingerprint(_)) => Vec::new(),
            None => {
                let own = self.known.of(&self.name).filter(|entry| entry.marker == Marker::Own);
                own.map(|entry| entry.key_type.clone()).collect()
            }
        };
        let (first, rest): (Vec<_>, Vec<_>) =
            ALGORITHMS.into_iter().partition(|(kind, _)| pinned.iter().any(|known| known == kind));
        let plain = first.into_iter().chain(rest).map(|(_, algorithms)| algorithms);
        let certificates = certificate::ALGORITHMS.into_iter().filter(|_| certified);
        certificates.chain(plain).collect::<Vec<_>>().join(",")
    }

    /// Accepts the key or says why not. With `accept_new`, the key of a host that is known by none is recorded.
    pub fn check(&self, key: &[u8]) -> Result<()> {
        if !is_certified(key) {
            return self.check_plain(key);
        }
        let certificate = Certificate::parse(key).ok_or_else(|| {
            Error::connect(format!("{}: the host shows a certificate that cannot be read", self.host))
        })?;
        for key in [certificate.authority, &certificate.key] {
            if let Some(entry) = self.revocation(&self.known, key) {
                return Err(self.revoked(key, entry));
            }
        }
        if self.pin.is_some() || !self.authorities().any(|entry| entry.key == certificate.authority) {
            return self.check_plain(&certificate.key);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        certificate.proves(&self.principal, now).map_err(|why| {
            Error::connect(format!("{}: the host certificate of {} is not accepted", self.host, self.name))
                .detail(why)
                .detail(format!("it is signed by {}", shown(certificate.authority)))
                .hint("give the host a certificate for that name (`ssh-keygen -s CA -h -n NAME,ADDRESS …`), or pin its key in the inventory (`hostKey`)")
        })
    }

    /// A certificate is for a name, whatever the port is.
    fn authorities(&self) -> impl Iterator<Item = &Entry> {
        self.known.authorities(&self.name).chain(self.known.authorities(&self.principal))
    }

    /// A key is revoked for a host, whatever the port is, as OpenSSH has it.
    fn revocation<'a>(&'a self, known: &'a KnownHosts, key: &[u8]) -> Option<&'a Entry> {
        known.revoked(&self.name, key).or_else(|| known.revoked(&self.principal, key))
    }

    fn check_plain(&self, key: &[u8]) -> Result<()> {
        if let Some(entry) = self.revocation(&self.known, key) {
            return Err(self.revoked(key, entry));
        }
        if let Some(pin) = &self.pin {
            return if pin.is(key) { Ok(()) } else { Err(self.not_pinned(key, pin)) };
        }
        match self.known.judge(&self.name, key) {
            Verdict::Known => Ok(()),
            Verdict::Unknown => match self.authorities().next() {
                Some(authority) => Err(self.not_certified(key, authority)),
                None if self.accept_new => self.record(key),
                None => Err(self.unknown(key)),
            },
            Verdict::Changed(entries) => Err(self.changed(key, &entries)),
        }
    }

    /// Appends the key under a lock, after looking again: another thread or process may have been faster.
    fn record(&self, key: &[u8]) -> Result<()> {
        let Some(path) = &self.file else {
            return Err(Error::connect(format!(
                "{}: there is no known_hosts file to record the host key in",
                self.host
            ))
            .hint("name one in the inventory, or set HOME"));
        };
        let failed = |error: io::Error| {
            Error::io(format!("cannot record the host key of {} in {}", self.host, path.display()), &error)
        };
        let file = open_for_append(path).map_err(failed)?;
        // Whoever may read the file can lock it, and is not waited for without end.
        let mut file = lock::within(file, PATIENCE).map_err(failed)?.ok_or_else(|| {
            let text = format!("another process has had it locked for {} seconds", PATIENCE.as_secs());
            failed(io::Error::new(io::ErrorKind::WouldBlock, text))
        })?;
        let bytes = bounded::all(&mut file, 0).map_err(failed)?;
        let text = String::from_utf8_lossy(&bytes);
        let mut now = KnownHosts::default();
        now.add(path, &text);
        if now.is_empty() && text.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
            return Err(Error::connect(format!(
                "{}: {} is no known_hosts file: nothing is added to it",
                self.host,
                path.display()
            ))
            .hint("name another file as knownHosts"));
        }
        if let Some(entry) = self.revocation(&now, key) {
            return Err(self.revoked(key, entry));
        }
        match now.judge(&self.name, key) {
            Verdict::Known => Ok(()),
            Verdict::Changed(entries) => Err(self.changed(key, &entries)),
            Verdict::Unknown => {
                let gap = if bytes.last().is_some_and(|&last| last != b'\n') { "\n" } else { "" };
                let line = format!("{gap}{}", known_hosts::line(&self.name, key));
                file.write_all(line.as_bytes()).and_then(|()| file.sync_data()).map_err(failed)
            }
        }
    }

    fn unknown(&self, key: &[u8]) -> Error {
        let port = self.name.rsplit_once("]:").map_or(String::new(), |(_, port)| format!("-p {port} "));
        let address = self.name.trim_start_matches('[').split("]:").next().unwrap_or(&self.name);
        let file = self.file.as_ref().map_or("~/.ssh/known_hosts".to_owned(), |file| file.display().to_string());
        Error::connect(format!("{}: the host key of {} is not known", self.host, self.name))
            .detail(format!("it offers {}", shown(key)))
            .hint(format!("compare that with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the host; when it is the same: ssh-keyscan {port}{address} >> {file}"))
            .hint(format!("or pin it at the host in the inventory: `ssh: {{hostKey: \"{}\"}}`", fingerprint(key)))
            .hint("or, on a network that you trust, let the first contact decide: --accept-new-host-keys")
    }

    fn not_certified(&self, key: &[u8], authority: &Entry) -> Error {
        Error::connect(format!("{}: {} shows no certificate of the authority that it is known by", self.host, self.name))
            .detail(format!("it offers {}", shown(key)))
            .detail(format!("{} has @cert-authority {}", authority.place, shown(&authority.key)))
            .hint("name the certificate in the host's sshd_config (`HostCertificate /etc/ssh/ssh_host_ed25519_key-cert.pub`), or pin the host's key in the inventory (`hostKey`)")
    }

    fn changed(&self, key: &[u8], entries: &[&Entry]) -> Error {
        let mut error = Error::connect(format!(
            "{}: THE HOST KEY OF {} HAS CHANGED: somebody may be listening in, or the host was reinstalled",
            self.host, self.name
        ))
        .detail(format!("it offers {}", shown(key)));
        for entry in entries {
            error = error.detail(format!("{} has {} {}", entry.place, entry.key_type, fingerprint(&entry.key)));
        }
        let places: Vec<String> = entries.iter().map(|entry| entry.place.to_string()).collect();
        error.hint(format!("only when you know why it changed: remove {} and connect again", places.join(" and ")))
    }

    fn revoked(&self, key: &[u8], entry: &Entry) -> Error {
        Error::connect(format!("{}: the host key of {} is marked @revoked in {}", self.host, self.name, entry.place))
            .detail(format!("it offers {}", shown(key)))
            .hint("give the host a new key (`ssh-keygen -A` after removing the old one) and make that one known")
    }

    fn not_pinned(&self, key: &[u8], pin: &Pin) -> Error {
        let pinned = match pin {
            Pin::Fingerprint(text) => text.clone(),
            Pin::Key(key) => shown(key),
        };
        Error::connect(format!("{}: the host key of {} is not the one that the inventory pins", self.host, self.name))
            .detail(format!("it offers {}", shown(key)))
            .detail(format!("hostKey: {pinned}"))
            .hint("a host has a key of each type: pin `ssh-ed25519 AAAA…` from /etc/ssh/ssh_host_ed25519_key.pub, or correct hostKey when you know why it changed")
    }
}

impl Pin {
    fn is(&self, key: &[u8]) -> bool {
        match self {
            Pin::Fingerprint(text) => *text == fingerprint(key),
            Pin::Key(pinned) => pinned == key,
        }
    }
}

fn shown(key: &[u8]) -> String {
    format!("{} {}", key_type(key), fingerprint(key))
}

/// The entries of a known_hosts file; none where there is no such file.
fn read(file: &Path) -> Result<KnownHosts> {
    let mut known = KnownHosts::default();
    match bounded::bytes(file) {
        Ok(bytes) => known.add(file, &String::from_utf8_lossy(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::io(format!("cannot read {}", file.display()), &error)),
    }
    Ok(known)
}

/// What a file of RevokedHostKeys revokes. As with OpenSSH, no host is believed while it cannot be read.
fn revoked_keys(file: &Path) -> Result<KnownHosts> {
    let hint = "RevokedHostKeys in the SSH configuration names it";
    let bytes = bounded::bytes(file)
        .map_err(|error| Error::io(format!("cannot read {}", file.display()), &error).hint(hint.to_owned()))?;
    if bytes.starts_with(KRL) {
        return Err(Error::input(format!("{} is a key revocation list, which is not supported", file.display()))
            .hint(format!("{hint}: make it a file of public keys, one a line")));
    }
    let mut known = KnownHosts::default();
    known.add_revoked(file, &String::from_utf8_lossy(&bytes));
    Ok(known)
}

fn parse_pin(host: &str, text: &str) -> Result<Pin> {
    let mut words = text.split_ascii_whitespace();
    let first = words.next().unwrap_or_default();
    if let Some(digest) = first.strip_prefix("SHA256:") {
        let digest = digest.trim_end_matches('=');
        if digest.len() == 43 && digest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte)) {
            return Ok(Pin::Fingerprint(format!("SHA256:{digest}")));
        }
    } else if let Some(key) = words.next().and_then(known_hosts::decode_key).filter(|key| key_type(key) == first) {
        return Ok(Pin::Key(key));
    }
    Err(Error::input(format!("{host}: hostKey is neither a fingerprint nor a public key: `{text}`"))
        .hint("write `SHA256:…` as `ssh-keygen -l` shows it, or `ssh-ed25519 AAAA…` as it stands in a .pub file"))
}

fn open_for_append(path: &Path) -> io::Result<fs::File> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
#[path = "host_key_tests.rs"]
mod tests;
