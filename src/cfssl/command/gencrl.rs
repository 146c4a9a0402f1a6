//! `cfssl gencrl`.

use base64::Engine;
use time::Duration;

use crate::cfssl::answers::failure::Failure;
use crate::cfssl::authority;
use crate::cfssl::call::Call;
use crate::cfssl::go;
use crate::pki::{Authority, CrlSpec, Revoked, Serial};

/// A week.
const LIFE: i64 = 7 * 24 * 3600;

pub fn run(call: &mut Call) -> Result<(), Failure> {
    let serials = go::file::read(&call.pop()?)?;
    let certificate = go::file::read(&call.pop()?)?;
    let key = go::file::read(&call.pop()?)?;
    let seconds = call.args.first().map(|text| seconds(text.trim())).transpose()?.filter(|s| *s != 0);
    let certificate = authority::certificate(&certificate)?;
    let text = String::from_utf8_lossy(&serials);
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    // cfssl takes what it cannot read for zero.
    let revoked = lines.map(|(number, line)| {
        let serial = Serial::of_revoked(line).map_err(|e| e.context(format!("line {}", number + 1)))?;
        Ok::<_, Failure>(Revoked { serial, at: call.now, reason: None })
    });
    let spec = CrlSpec {
        revoked: revoked.collect::<Result<_, _>>()?,
        this_update: call.now,
        next_update: call.now.saturating_add(Duration::seconds(seconds.unwrap_or(LIFE))),
        number: CrlSpec::number_of(call.now),
    };
    let key = authority::key(&key)?;
    if !authority::fits(&certificate, &key) {
        return Err(Failure::code(2300, "Private key does not match public key"));
    }
    let authority = Authority::with_rules(certificate, key, call.now, call.rules)?;
    let mut warnings = authority.doubts().to_vec();
    let der = spec.sign(&authority, &mut warnings)?;
    call.warn(&warnings);
    Ok(call.out.text(&(base64::engine::general_purpose::STANDARD.encode(der) + "\n"))?)
}

fn seconds(text: &str) -> Result<i64, Failure> {
    let wrong = |why: &str| Failure::text(format!("strconv.ParseInt: parsing {text:?}: {why}"));
    match text.parse::<i64>() {
        Ok(seconds) if i32::try_from(seconds).is_ok() => Ok(seconds),
        Ok(_) => Err(wrong("value out of range")),
        Err(_) => Err(wrong("invalid syntax")),
    }
}
