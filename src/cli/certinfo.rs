//! `kbootstrap certinfo`.

use std::fmt::Write;

use serde::Serialize;
use time::OffsetDateTime;

use super::Ctx;
use crate::cfssl::{certinfo, source};
use crate::error::{Error, Result};
use crate::pki::{Certificate, CertificateInfo, Csr, CsrInfo};
use crate::ui::{Format, Printer};

/// Show what is in a certificate or CSR, like cfssl certinfo
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  kbootstrap certinfo pki/*.pem          # a summary of each certificate, chains too
  kbootstrap certinfo -o json ca.pem
  kbootstrap certinfo -cert ca.pem       # cfssl's JSON
  kbootstrap certinfo -csr server.csr")]
pub struct Args {
    /// Certificates (PEM); `-`: standard input
    files: Vec<String>,
    /// Print this certificate as cfssl's JSON
    #[arg(long, value_name = "FILE", conflicts_with_all = ["files", "csr"])]
    cert: Option<String>,
    /// Print this CSR as JSON
    #[arg(long, value_name = "FILE", conflicts_with = "files")]
    csr: Option<String>,
    /// How to print the summary: text, or json for programs
    #[arg(short, long, value_enum, default_value_t, hide_possible_values = true, value_name = "FORMAT")]
    output: Format,
}

/// One certificate of one file.
#[derive(Debug, Serialize)]
struct Entry {
    file: String,
    days_left: i64,
    certificate: CertificateInfo,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        if let Some(file) = &self.cert {
            let (text, name) = source::read(file)?;
            ctx.out.text(&certinfo::json(&Certificate::from_pem(&text, &name)?)?)?;
        } else if let Some(file) = &self.csr {
            let (text, name) = source::read(file)?;
            ctx.out.json(&CsrInfo::of(&Csr::from_pem(&text, &name)?)?)?;
        } else if self.files.is_empty() {
            return Err(Error::usage("no certificate is named")
                .hint("certinfo FILE…, certinfo -cert FILE or certinfo -csr FILE"));
        } else {
            self.summaries(ctx)?;
        }
        Ok(0)
    }

    fn summaries(&self, ctx: &Ctx) -> Result<()> {
        let now = OffsetDateTime::now_utc();
        let (mut entries, mut errors) = (Vec::new(), Vec::new());
        for file in &self.files {
            match read(file, now, self.files.len() > 1) {
                Ok(found) => entries.extend(found),
                Err(error) => errors.push(error),
            }
        }
        if entries.is_empty() && errors.is_empty() {
            errors.push(Error::pki("there are only keys in these files, and no certificate"));
        }
        match self.output {
            _ if entries.is_empty() => {}
            Format::Json => ctx.out.json(&entries)?,
            Format::Text => {
                let texts: Vec<_> = entries.iter().map(|entry| summary(entry, &ctx.out)).collect();
                ctx.out.text(&texts.join("\n"))?;
            }
        }
        Error::all(errors)
    }
}

/// The certificates of a file. `*.pem` names keys too: among several files they are passed over.
fn read(file: &str, now: OffsetDateTime, skip_keys: bool) -> Result<Vec<Entry>> {
    let (text, name) = source::read(file)?;
    if skip_keys && is_key(&text) {
        return Ok(Vec::new());
    }
    let all = Certificate::all_from_pem(&text, &name)?;
    all.iter()
        .map(|certificate| {
            let certificate = CertificateInfo::of(certificate)?;
            Ok(Entry { file: name.clone(), days_left: certificate.days_left(now), certificate })
        })
        .collect()
}

/// A private key and nothing else.
fn is_key(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let mut begins = text.lines().filter(|line| line.starts_with("-----BEGIN ")).peekable();
    begins.peek().is_some() && begins.all(|line| line.ends_with("PRIVATE KEY-----") || line.contains("EC PARAMETERS"))
}

fn summary(entry: &Entry, printer: &Printer) -> String {
    let info = &entry.certificate;
    let issuer = if info.self_issued { "itself" } else { info.issuer.text.as_str() };
    let ca = match (info.is_ca, info.path_length) {
        (false, _) => "no".to_owned(),
        (true, None) => "yes".to_owned(),
        (true, Some(length)) => format!("yes, path length {length}"),
    };
    let left = match entry.days_left {
        days @ ..0 => printer.paint("31", &format!("expired {} days ago", -days)),
        days @ 0..30 => printer.paint("33", &format!("{days} days left")),
        days => printer.paint("32", &format!("{days} days left")),
    };
    let rows = [
        ("subject", printable(&info.subject.text)),
        ("issuer", printable(issuer)),
        ("names", printable(&info.sans.join(", "))),
        ("key", info.key.clone()),
        ("signature", info.signature_algorithm.clone()),
        ("usages", info.usages.join(", ")),
        ("CA", ca),
        ("valid", format!("{} to {}, {left}", date(info.not_before), date(info.not_after))),
        ("serial", info.serial_number.clone()),
        ("sha256", info.sha256.clone()),
    ];
    let mut text = format!("{}\n", printer.paint("1", &entry.file));
    for (label, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {label:<10} {value}");
    }
    text
}

/// Names come from whoever made the certificate: no control character of theirs reaches the terminal.
fn printable(value: &str) -> String {
    value.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn date(time: OffsetDateTime) -> String {
    time.date().to_string()
}
