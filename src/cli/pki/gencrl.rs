//! `kbootstrap gencrl`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime, Time};

use super::output_args::{self, CaPasswordArgs};
use crate::cfssl::source;
use crate::cli::Ctx;
use crate::error::{Error, Result};
use crate::files;
use crate::pki::{Authority, CrlSpec, Lifetime, Reason, Revoked, Serial, crl_number, crl_pem};
use crate::text::utf8;

/// Make a list of revoked certificates (CRL), like cfssl gencrl
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  kbootstrap gencrl revoked.txt ca.pem ca-key.pem --out ca.crl
  kbootstrap gencrl revoked.txt ca.pem ca-key.pem --expiry 30d --der \\
    --out ca.crl
  echo '0x2a keyCompromise 2026-11-21' | kbootstrap gencrl - ca.pem ca-key.pem

Each line of the list is a serial number in decimal, or in hexadecimal after 0x; then, if you like, the reason by its \
name in RFC 5280 (keyCompromise, superseded, …) and the day of the revocation. `#` begins a remark.")]
pub struct Args {
    /// Text with one serial number in a line; `-`: standard input
    serials: OsString,
    /// CA certificate: a file, file:PATH or env:VARIABLE
    ca: OsString,
    /// CA private key: a file, file:PATH or env:VARIABLE
    ca_key: OsString,
    #[command(flatten)]
    ca_password: CaPasswordArgs,
    /// When the next list is due, from now
    #[arg(long, value_name = "TIME", default_value = "7d")]
    expiry: Lifetime,
    /// Number of this list, greater than that of the last one [default: nanoseconds since 1970]
    #[arg(long, value_name = "N")]
    number: Option<u64>,
    /// DER in place of PEM
    #[arg(long)]
    der: bool,
    /// Write this file in place of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        let now = OffsetDateTime::now_utc();
        output_args::spare(self.out.as_ref(), [&self.serials, &self.ca, &self.ca_key].into_iter())?;
        let (list, list_name) = source::read(&self.serials)?;
        let list = String::from_utf8_lossy(utf8(&list, &list_name)?);
        if list.contains("PRIVATE KEY-----") {
            return Err(Error::input(format!("{list_name}: a private key is in it, and no serial numbers"))
                .hint("the order is: the list, the CA certificate, the CA key"));
        }
        if list.contains("-----BEGIN ") {
            return Err(Error::input(format!("{list_name}: PEM is in it, and no serial numbers"))
                .hint("the order is: the list, the CA certificate, the CA key"));
        }
        let revoked = parse(&list, &list_name, now)?;
        let (certificate, certificate_name) = source::read_ca(&self.ca)?;
        let (key, key_name) = source::read_ca_key(&self.ca_key, &self.ca_password)?;
        let authority = Authority::load(&certificate, &certificate_name, &key, &key_name, now)?;
        let next_update = now.checked_add(self.expiry.duration());
        let spec = CrlSpec {
            revoked,
            this_update: now,
            next_update: next_update.ok_or_else(|| Error::usage("--expiry reaches beyond time"))?,
            number: self.number(&authority, now)?,
        };
        let der = spec.sign(&authority, &mut Vec::new())?;
        let bytes = if self.der { der } else { crl_pem(&der).into_bytes() };
        match &self.out {
            Some(path) => files::write_public(path, &bytes)?,
            None => ctx.out.bytes(&bytes)?,
        }
        Ok(0)
    }
}

impl Args {
    /// The number that is given, or one of the clock; greater than that of the CA's list that is replaced.
    fn number(&self, authority: &Authority, now: OffsetDateTime) -> Result<u64> {
        // A pipe would wait for somebody to write into it.
        let file = self.out.as_deref().filter(|path| path.is_file());
        let old = file.and_then(|path| Some((path, crl_number(&files::read(path).ok()?)?)));
        let old = old.filter(|(_, (issuer, _))| issuer == authority.certificate().subject());
        match (self.number, old) {
            (Some(number), Some((path, (_, old)))) if number <= old => {
                let text =
                    format!("--number {number}: the list in {} has number {old}, and numbers grow", path.display());
                Err(Error::usage(text).hint("give it a greater one, or none"))
            }
            (Some(number), _) => Ok(number),
            (None, old) => Ok(CrlSpec::number_of(now).max(old.map_or(0, |(_, (_, old))| old.saturating_add(1)))),
        }
    }
}

/// All bad lines at once.
fn parse(text: &str, name: &str, now: OffsetDateTime) -> Result<Vec<Revoked>> {
    let (mut revoked, mut errors) = (Vec::new(), Vec::new());
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        match entry(line, now) {
            Ok(entry) => revoked.push(entry),
            Err(error) => errors.push(error.context(format!("{name}:{}", number + 1))),
        }
    }
    let mut seen = BTreeSet::new();
    let twice = revoked.iter().map(|entry: &Revoked| &entry.serial).filter(|serial| !seen.insert(*serial));
    errors.extend(twice.map(|serial| Error::input(format!("{name}: {serial} is in it twice"))));
    Error::all(errors)?;
    Ok(revoked)
}

fn entry(line: &str, now: OffsetDateTime) -> Result<Revoked> {
    let mut words = line.split_whitespace();
    let serial = Serial::of_revoked(words.next().unwrap_or_default())?;
    let reason = words.next().map(Reason::parse).transpose()?;
    let at = words.next().map(moment).transpose()?.unwrap_or(now);
    if at > now {
        return Err(Error::input(format!("`{line}`: the day of a revocation cannot lie in the future")));
    }
    match words.next() {
        None => Ok(Revoked { serial, at, reason }),
        Some(word) => Err(Error::input(format!("`{word}` is too much: a line is SERIAL [REASON [DAY]]"))),
    }
}

/// A day, from its beginning in UTC, or a moment (RFC 3339).
fn moment(text: &str) -> Result<OffsetDateTime> {
    let day = Date::parse(text, time::macros::format_description!("[year]-[month]-[day]"));
    let day = day.map(|day| day.with_time(Time::MIDNIGHT).assume_utc());
    day.or_else(|_| OffsetDateTime::parse(text, &Rfc3339))
        .map_err(|_| Error::input(format!("`{text}` is no day")).hint("write for example 2026-11-21"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_lines_are_named_all_at_once() {
        let now = time::macros::datetime!(2026-11-21 10:00 UTC);
        let good = parse("# list\n42\n0x2b superseded 2026-01-31  # old\n\n", "x", now).unwrap();
        assert_eq!(good.len(), 2);
        assert_eq!(good[1].at, time::macros::datetime!(2026-01-31 0:00 UTC));
        let lines = "abc\n1 because\n2 4 yesterday\n3 4 2026-01-01 x\n4\n0x4\n5 4 2026-11-22\n6 removeFromCRL";
        let error = parse(lines, "x", now).unwrap_err();
        insta::assert_snapshot!(error.messages(), @r"
        x:1: `abc` is no serial number: it has other characters than digits
        x:2: `because` is no reason for a revocation
        x:3: `yesterday` is no day
        x:4: `x` is too much: a line is SERIAL [REASON [DAY]]
        x:7: `5 4 2026-11-22`: the day of a revocation cannot lie in the future
        x:8: `removeFromCRL` is for delta CRLs
        x: 4 is in it twice
        ");
    }
}
