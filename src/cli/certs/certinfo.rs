//! `kbootstrap certinfo`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use time::OffsetDateTime;

use super::certinfo_text;
use super::related::{self, Shown};
use crate::certs::{self, Client, Entry, Gathered, Settings, Source, StartTls};
use crate::cfssl::{answers::certinfo, source};
use crate::cli::Ctx;
use crate::cli::password::OfStores;
use crate::error::{CERTIFICATE_ENDS_SOON, CERTIFICATE_NOT_VALID, Error, Result};
use crate::files;
use crate::pki::{Certificate, Csr, CsrInfo};
use crate::secret::Secret;
use crate::ui::stderr;

/// Show certificates and when they end: of files, folders, kubeconfigs, PKCS#12 stores and live servers
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  # a table; what ends first stands first
  kbootstrap certinfo /etc/kubernetes ~/.kube/config
  kbootstrap certinfo 10.0.0.11:6443 10.0.0.11:2379 10.0.0.21:10250 \\
    --ca pki/ca.pem
  # for monitoring: exit code 11 or 12
  kbootstrap certinfo pki --warn-days 30
  kbootstrap certinfo store.p12 --password-file password.txt -o details
  kbootstrap certinfo server.csr ca.crl -o details
  kbootstrap certinfo mail.example.net --starttls smtp
  kbootstrap certinfo www.example.net:443 --servername other.example.net -o yaml
  # cfssl's JSON
  kbootstrap certinfo -cert ca.pem
  kbootstrap certinfo -csr server.csr

Folders are read with all folders in them; keys and other files in them are passed over. A chain is verified against \
the self-signed CAs among what is read and the CAs of kubeconfigs; with --ca, against those alone.")]
pub struct Args {
    /// Files (certificates, CSRs, CRLs, kubeconfigs, stores), folders, servers (HOST:PORT); `-`: standard input
    #[arg(value_name = "PATH|HOST:PORT")]
    files: Vec<OsString>,
    /// Print this certificate as cfssl's JSON
    #[arg(long, value_name = "FILE", conflicts_with_all = ["files", "csr"])]
    cert: Option<OsString>,
    /// Print this CSR as JSON
    #[arg(long, value_name = "FILE", conflicts_with = "files")]
    csr: Option<OsString>,
    /// Trust the CAs in this file, and no others (repeat for more)
    #[arg(long, value_name = "FILE")]
    ca: Vec<PathBuf>,
    /// End with exit code 11 when a certificate ends within so many days, 12 when one is not valid
    #[arg(long, value_name = "DAYS")]
    warn_days: Option<i64>,
    /// Ask servers for this name (SNI), in place of their host
    #[arg(long, value_name = "NAME")]
    servername: Option<String>,
    /// Ask servers for TLS in this protocol first: smtp, lmtp, imap, pop3, sieve, nntp, ftp, ldap, postgres, mysql, xmpp,
    /// xmpp-server. Its usual port need not be named
    #[arg(long, value_name = "PROTOCOL", value_enum, hide_possible_values = true)]
    starttls: Option<StartTls>,
    /// Client certificate to show to servers that want one
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_cert: Option<PathBuf>,
    /// Private key of the client certificate
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,
    /// How long a server may take
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    timeout: u16,
    /// File with the password of PKCS#12 stores; else KBOOTSTRAP_PASSWORD, else it is asked for
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// How to print: text (a table), wide (with more columns), details, or json or yaml for programs
    #[arg(short, long, value_enum, default_value_t, hide_possible_values = true, value_name = "FORMAT")]
    output: Format,
}

/// How certificates are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A table.
    #[default]
    Text,
    /// A table with everything, nothing cut off.
    Wide,
    /// A block for each certificate.
    Details,
    /// For programs.
    Json,
    /// For programs and people.
    Yaml,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        if let Some(file) = &self.cert {
            let (text, name) = source::read(file)?;
            ctx.out.document(&certinfo::json(&Certificate::read(&text, &name)?)?)?;
            Ok(0)
        } else if let Some(file) = &self.csr {
            let (text, name) = source::read(file)?;
            ctx.out.json(&CsrInfo::of(&Csr::read(&text, &name)?))?;
            Ok(0)
        } else if self.files.is_empty() {
            Err(Error::usage("no certificate is named")
                .hint("certinfo FILE…, certinfo -cert FILE or certinfo -csr FILE"))
        } else {
            self.table(ctx)
        }
    }

    fn table(&self, ctx: &Ctx) -> Result<u8> {
        let named = authorities(&self.ca)?;
        let client = self.client()?;
        let passwords = OfStores::new(self.password_file.clone());
        let sources = self.files.iter().map(|file| self.source(file)).collect::<Result<Vec<_>>>()?;
        let mut gathered = certs::gather(&sources, Settings { passwords: &passwords, client: &client });
        let found = std::mem::take(&mut gathered.found);
        let mut related = Vec::new();
        for shown in gathered.related.iter().map(Shown::read) {
            match shown {
                Ok(shown) => related.push(shown),
                Err(error) => gathered.errors.push(error),
            }
        }
        if found.is_empty() && related.is_empty() {
            Error::all(gathered.errors.into_iter().chain(gathered.locked))?;
            return Err(Error::pki("there is no certificate in any of these files"));
        }
        let now = OffsetDateTime::now_utc();
        let entries = certs::judge(found, &named, now)?;
        self.print(&entries, &related, now, ctx)?;
        notes(&gathered);
        Error::all(gathered.errors)?;
        Ok(self.warn_days.map_or(0, |days| exit_code(&entries, &related, days, !named.is_empty(), now)))
    }

    fn print(&self, entries: &[Entry], related: &[Shown], now: OffsetDateTime, ctx: &Ctx) -> Result<()> {
        let (soon, out) = (self.warn_days.unwrap_or(30), &ctx.out);
        match self.output {
            Format::Text | Format::Wide => {
                let wide = self.output == Format::Wide;
                let shown = if wide { certinfo_text::wide } else { certinfo_text::table };
                let mut tables: Vec<_> = (!entries.is_empty()).then(|| shown(entries, soon, out)).into_iter().collect();
                tables.extend(related::tables(related, wide, now, out));
                out.text(&tables.join("\n"))
            }
            Format::Details => {
                let blocks = entries.iter().map(|entry| certinfo_text::block(entry, soon, out));
                let blocks = blocks.chain(related.iter().map(|shown| shown.block(out)));
                out.text(&blocks.collect::<Vec<_>>().join("\n"))
            }
            Format::Json => out.json(&all(entries, related)),
            Format::Yaml => {
                let yaml = serde_saphyr::to_string(&all(entries, related));
                out.text(&yaml.map_err(|e| Error::internal(format!("write YAML: {e}")))?)
            }
        }
    }

    fn source(&self, argument: &OsString) -> Result<Source> {
        Source::parse_or_server(argument, self.starttls.map(StartTls::port))
    }

    fn client(&self) -> Result<Client> {
        let identity = match (&self.client_cert, &self.client_key) {
            (Some(cert), Some(key)) => Some((files::read(cert)?.to_vec(), Secret::new(files::read(key)?.to_vec()))),
            _ => None,
        };
        let timeout = Duration::from_secs(self.timeout.into());
        Ok(Client { server_name: self.servername.clone(), timeout, identity, start: self.starttls })
    }
}

/// All certificates of the files of `--ca`.
pub fn authorities(files: &[PathBuf]) -> Result<Vec<Certificate>> {
    let read = |file: &PathBuf| Certificate::read_all(&files::read(file)?, &display(file));
    Ok(files.iter().map(read).collect::<Result<Vec<_>>>()?.concat())
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

/// What was not shown.
fn notes(gathered: &Gathered) {
    if gathered.skipped > 0 {
        let files = if gathered.skipped == 1 { "file holds" } else { "files hold" };
        stderr::line(&format!("note: {} other {files} no certificate", gathered.skipped));
    }
    for reason in &gathered.locked {
        stderr::line(&format!("note: passed over: {reason}"));
    }
}

/// What is listed for programs.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum Listed<'a> {
    Certificate(&'a Entry),
    Related(&'a Shown),
}

fn all<'a>(entries: &'a [Entry], related: &'a [Shown]) -> Vec<Listed<'a>> {
    entries.iter().map(Listed::Certificate).chain(related.iter().map(Listed::Related)).collect()
}

/// For monitoring. Without `--ca` a chain that does not verify is no alarm: its root may just not be there. A CRL ends
/// when the next one is due.
fn exit_code(entries: &[Entry], related: &[Shown], days: i64, must_verify: bool, now: OffsetDateTime) -> u8 {
    let invalid =
        |entry: &Entry| entry.ended || entry.certificate.not_before > now || (must_verify && !entry.chain.verified);
    let left: Vec<_> = related.iter().filter_map(|shown| shown.days_left(now)).collect();
    if entries.iter().any(invalid) || left.iter().any(|left| left.is_negative()) {
        CERTIFICATE_NOT_VALID
    } else if entries.iter().any(|entry| entry.days_left <= days) || left.iter().any(|left| left.whole_days() <= days) {
        CERTIFICATE_ENDS_SOON
    } else {
        0
    }
}
