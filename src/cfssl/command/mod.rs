//! cfssl's commands, one file each.

mod bundle;
mod certinfo;
mod cfssljson;
mod gencert;
mod gencrl;
mod gencsr;
mod genkey;
mod selfsign;
mod sign;
mod spec;

use super::call::Call;
use crate::cfssl::answers::failure::Failure;
use crate::cfssl::answers::templates;

pub use cfssljson::run as cfssljson;

/// One command.
pub struct Command {
    /// As it is called.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// Ways to call it.
    pub usage: &'static [&'static str],
    /// Its flags, of all that it takes.
    pub flags: &'static [&'static str],
    /// Runs it.
    pub run: fn(&mut Call) -> Result<(), Failure>,
}

/// All of them.
pub static COMMANDS: [Command; 19] = [
    Command {
        name: "gencert",
        about: "make a key and a certificate",
        usage: &[
            "cfssl gencert -initca CSRJSON",
            "cfssl gencert -ca cert -ca-key key [-config config] [-profile profile] [-hostname hostname] CSRJSON",
            "cfssl gencert -initca -ca-key key CSRJSON",
            "cfssl gencert -renewca -ca cert -ca-key key",
        ],
        flags: &["initca", "renewca", "ca", "ca-key", "config", "cn", "hostname", "profile", "crl"],
        run: gencert::run,
    },
    Command {
        name: "genkey",
        about: "make a key and a CSR",
        usage: &["cfssl genkey CSRJSON", "cfssl genkey -initca CSRJSON"],
        flags: &["initca"],
        run: genkey::run,
    },
    Command {
        name: "gencsr",
        about: "make a CSR for a key that is there",
        usage: &[
            "cfssl gencsr -key key [-hostname hostname] CSRJSON",
            "cfssl gencsr -key key [-hostname hostname] -cert cert",
        ],
        flags: &["key", "cert", "hostname"],
        run: gencsr::run,
    },
    Command {
        name: "sign",
        about: "sign a CSR",
        usage: &[
            "cfssl sign -ca cert -ca-key key [-config config] [-profile profile] [-hostname hostname] CSR [SUBJECT]",
        ],
        flags: &["hostname", "csr", "ca", "ca-key", "config", "profile"],
        run: sign::run,
    },
    Command {
        name: "selfsign",
        about: "make a key and a certificate that signs itself, for tests only",
        usage: &["cfssl selfsign HOSTNAME CSRJSON"],
        flags: &["config", "profile"],
        run: selfsign::run,
    },
    Command {
        name: "certinfo",
        about: "show what is in a certificate or a CSR",
        usage: &["cfssl certinfo -cert file", "cfssl certinfo -csr file", "cfssl certinfo -domain host[:port]"],
        flags: &["cert", "csr", "domain"],
        run: certinfo::run,
    },
    Command {
        name: "bundle",
        about: "make a chain of certificates",
        usage: &["cfssl bundle -cert file [-ca-bundle file] [-int-bundle file] [-key keyfile] [-flavor force]"],
        flags: &["cert", "key", "ca-bundle", "int-bundle", "flavor"],
        run: bundle::run,
    },
    Command {
        name: "gencrl",
        about: "make a list of revoked certificates",
        usage: &["cfssl gencrl SERIALS CERT KEY [SECONDS]"],
        flags: &[],
        run: gencrl::run,
    },
    Command {
        name: "print-defaults",
        about: "print a file to start from",
        usage: &["cfssl print-defaults TYPE", "cfssl print-defaults list"],
        flags: &[],
        run: print_defaults,
    },
    Command { name: "version", about: "print the version", usage: &["cfssl version"], flags: &[], run: version },
    absent("serve"),
    absent("info"),
    absent("scan"),
    absent("revoke"),
    absent("crl"),
    absent("ocspsign"),
    absent("ocsprefresh"),
    absent("ocspdump"),
    absent("ocspserve"),
];

/// A command of cfssl that kbootstrap does not have.
const fn absent(name: &'static str) -> Command {
    Command { name, about: "not there in kbootstrap", usage: &[], flags: &[], run: not_there }
}

fn not_there(_: &mut Call) -> Result<(), Failure> {
    Err(Failure::text(
        "kbootstrap has no cfssl server, no OCSP, no database of certificates and no scanner: this command is not there",
    ))
}

/// Refuses flags that would need a server or a database.
pub fn check_flags(call: &Call) -> Result<(), Failure> {
    match ["remote", "db-config"].iter().find(|name| !call.flag(name).is_empty()) {
        None => Ok(()),
        Some(name) => Err(Failure::text(format!(
            "-{name} is not there in kbootstrap: it signs with the CA's files (-ca, -ca-key), and keeps no database"
        ))),
    }
}

fn print_defaults(call: &mut Call) -> Result<(), Failure> {
    let text = match call.pop()?.as_str() {
        "config" => templates::CONFIG,
        "csr" => templates::CSR,
        _ => "Default configurations are available for:\n\tconfig\n\tcsr\n",
    };
    Ok(call.out.text(text)?)
}

/// What cfssl prints, so that scripts that look for a version find the one whose behaviour they get.
pub const VERSION: &str = concat!("Version: 1.6.5\nRuntime: kbootstrap ", env!("CARGO_PKG_VERSION"), "\n");

fn version(call: &mut Call) -> Result<(), Failure> {
    Ok(call.out.text(VERSION)?)
}
