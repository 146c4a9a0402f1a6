//! One file with everything that is wanted out of it: downloaded, verified, unpacked, stored.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

use super::super::{Job, Supplied};
use super::http::Client;
use super::verified::{base_name, verified};
use super::{archive, checksum, registry};
use crate::artifacts::image;
use crate::artifacts::known;
use crate::artifacts::lock::LARGEST;
use crate::artifacts::release::{Inside, Place};
use crate::artifacts::requirements::Requirement;
use crate::artifacts::store::{Origin, OriginKind};
use crate::digest::sha256_of;
use crate::error::{Error, Result};
use crate::ui::step::{self, Step, megabytes};

/// Fetches one file; there is an answer for each thing in it.
pub fn one(
    client: &Client<'_>,
    things: &[(Requirement, Place)],
    job: &Job<'_>,
) -> Vec<(Requirement, Result<Supplied>)> {
    let Some((first, place)) = things.first() else { return Vec::new() };
    let fetched = step::run(job.reporter, "", title(first, place), |step| {
        let answers = fetch(client, place, things, job, step)?;
        let bytes = answers.iter().filter_map(|(_, a)| a.as_ref().ok()).map(|s| s.artifact.size).sum();
        Ok((answers, megabytes(bytes)))
    });
    match fetched {
        Ok(answers) => answers,
        Err(error) => things.iter().map(|(thing, _)| (thing.clone(), Err(error.clone()))).collect(),
    }
}

fn title(thing: &Requirement, place: &Place) -> String {
    match place.inside {
        Inside::Member(_) => format!("download {}", base_name(&place.url)),
        _ => format!("download {} {}", thing.name, thing.version),
    }
}

fn fetch(
    client: &Client<'_>,
    place: &Place,
    things: &[(Requirement, Place)],
    job: &Job<'_>,
    step: &Step<'_>,
) -> Result<Vec<(Requirement, Result<Supplied>)>> {
    let dir = job.store.folder("download")?;
    let known = known::sha256(&place.url);
    let is_pinned = things.iter().all(|(thing, _)| job.lock.get(thing).is_some());
    if client.is_plain() && known.is_none() && !is_pinned && !job.trust_plain_http {
        return Err(vouches_for_nothing());
    }
    // From where it really came: the lock says so.
    let origin = Origin { kind: OriginKind::Download, from: client.address(&place.url) };
    let accept = |thing: &Requirement, file: &Path| job.accept(thing, file, origin.clone());
    let (first, _) = &things[0];
    if let Inside::Registry(base) = &place.inside {
        let reference = first.image.clone().unwrap_or_default();
        let out = temporary(&dir)?;
        registry::pull(client, (base, &place.url, known), (&reference, &first.arch), (&dir, out.path()), step)?;
        return Ok(vec![(first.clone(), accept(first, out.path()))]);
    }
    let expected = match known {
        Some(sha256) => Some(sha256.to_owned()),
        None => published(client, place)?,
    };
    let pin = job.lock.get(first).filter(|_| place.inside == Inside::Whole);
    let most = pin.map_or(LARGEST, |pin| pin.size);
    let file =
        verified(client, &place.url, expected.as_deref(), (&dir, most), &|done, total| step.progress(done, total))?;
    if expected.is_none() && job.lock.get(first).is_none() {
        job.reporter.warn(&format!(
            "{} {}: the project publishes no checksum; what the connection brought is trusted once, and pinned",
            first.name, first.version
        ));
    }
    let answers = match place.inside {
        Inside::Member(_) => unpack(&file, things, &dir, accept),
        _ => Ok(things.iter().map(|(thing, _)| (thing.clone(), accept(thing, &file))).collect()),
    };
    let _ = fs::remove_file(&file);
    answers
}

fn unpack(
    file: &Path,
    things: &[(Requirement, Place)],
    dir: &Path,
    accept: impl Fn(&Requirement, &Path) -> Result<Supplied>,
) -> Result<Vec<(Requirement, Result<Supplied>)>> {
    let member = |place: &Place| match &place.inside {
        Inside::Member(name) => name.clone(),
        _ => String::new(),
    };
    let names: Vec<_> = things.iter().map(|(_, place)| member(place)).collect();
    let wanted: BTreeSet<_> = names.iter().map(String::as_str).collect();
    let members = archive::members(file, &wanted, dir)?;
    let answer = |(thing, place): &(Requirement, Place)| {
        let name = member(place);
        let taken = match members.get(&name) {
            Some(program) => wrap(thing, program.path(), dir).and_then(|made| match made {
                Some(image) => accept(thing, image.path()),
                None => accept(thing, program.path()),
            }),
            None => Err(Error::artifact(format!("{} has no member {name}", place.url))),
        };
        (thing.clone(), taken)
    };
    Ok(things.iter().map(answer).collect())
}

/// An image around a program that is published bare.
fn wrap(thing: &Requirement, program: &Path, dir: &Path) -> Result<Option<NamedTempFile>> {
    let Some(spec) = image::spec(thing) else { return Ok(None) };
    let out = temporary(dir)?;
    image::write(&spec, program, out.path())?;
    Ok(Some(out))
}

/// What a mirror on plain HTTP says of its own files is worth what the files are worth.
fn vouches_for_nothing() -> Error {
    Error::artifact("plain HTTP vouches for nothing: whoever is on the way can change a file and its checksum alike")
        .hint("name a mirror with https://, or an artifacts.lock from where the release sites can be reached")
        .hint("`kbootstrap artifacts fetch --trust-plain-http` takes it once, and pins what came")
}

/// The SHA-256 of the file at a place as the site says it today, to be shipped with the program.
pub fn of_site(client: &Client<'_>, place: &Place, dir: &Path) -> Result<String> {
    if let Inside::Registry(_) = place.inside {
        return registry::digest(client, &place.url);
    }
    if let Some(sha256) = published(client, place)? {
        return Ok(sha256);
    }
    let file = verified(client, &place.url, None, (dir, LARGEST), &|_, _| {})?;
    let io = |e: io::Error| Error::io(format!("read {}", file.display()), &e);
    let (sha256, _) = File::open(&file).and_then(sha256_of).map_err(io)?;
    let _ = fs::remove_file(&file);
    Ok(sha256)
}

/// The SHA-256 that the project publishes; none where it publishes none.
fn published(client: &Client<'_>, place: &Place) -> Result<Option<String>> {
    let Some(url) = &place.checksum else { return Ok(None) };
    let text = client.small(url, "*/*")?;
    let file = base_name(&place.url);
    match checksum::find(&String::from_utf8_lossy(&text), file) {
        Some(hash) => Ok(Some(hash)),
        None => Err(Error::artifact(format!("{} has no SHA-256 of {file}", client.address(url)))),
    }
}

fn temporary(dir: &Path) -> Result<NamedTempFile> {
    NamedTempFile::new_in(dir).map_err(|e| Error::io(format!("write to {}", dir.display()), &e))
}
