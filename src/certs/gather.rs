//! Reading everything that a person named, all of it at once.

use std::io::Read;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::content::{self, Content, Held};
use super::folder::{self, LARGEST};
use super::server::{Client, Server};
use super::source::{Source, missing};
use super::{Asked, Found, Related, Trust};
use crate::error::{Error, Result};
use crate::files;
use crate::parallel;
use crate::pki::Passwords;

/// Servers are asked this many at a time: they wait, they do not compute.
const SERVERS_AT_ONCE: usize = 32;

/// How to read.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    /// For PKCS#12 files.
    pub passwords: &'a dyn Passwords,
    /// For servers.
    pub client: &'a Client,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Certificates, in the order of their sources.
    pub found: Vec<Found>,
    /// CSRs and CRLs in files that were named; in folders they are passed over.
    pub related: Vec<Related>,
    /// What could not be read.
    pub errors: Vec<Error>,
    /// How many files of folders held nothing of interest.
    pub skipped: usize,
    /// Stores in folders whose password nobody gave, and files and folders there that we may not read.
    pub locked: Vec<Error>,
}

impl Gathered {
    fn take(&mut self, held: Held, in_folder: bool) {
        let Held { certificates, related, errors } = held;
        if in_folder && certificates.is_empty() && errors.is_empty() {
            self.skipped += 1;
            return;
        }
        self.found.extend(certificates);
        self.errors.extend(errors);
        if !in_folder {
            self.related.extend(related);
        }
    }
}

/// One piece of work.
enum Task {
    File(PathBuf, Asked),
    Server(Server),
}

/// Reads all sources. A key among several named files is passed over: `*.pem` names keys too.
pub fn gather(sources: &[Source], settings: Settings<'_>) -> Gathered {
    let mut gathered = Gathered::default();
    let (mut files, mut servers) = (Vec::new(), Vec::new());
    for source in sources {
        match source {
            Source::StandardInput => standard_input(settings, &mut gathered),
            Source::Path(path) if path.is_dir() => match folder::files(path, &mut gathered.locked) {
                Ok(all) => files.extend(all.into_iter().map(|file| Task::File(file, Asked::InFolder))),
                Err(error) => gathered.errors.push(error),
            },
            Source::Path(path) => files.push(Task::File(path.clone(), Asked::among(sources.len()))),
            Source::Server(server) => servers.push(Task::Server(server.clone())),
        }
    }
    // Files are computed on, servers waited for.
    let mut results = parallel::each(&files, parallel::cores(), |task| work(task, settings));
    results.extend(parallel::each(&servers, SERVERS_AT_ONCE, |task| work(task, settings)));
    for (task, result) in files.iter().chain(&servers).zip(results) {
        let named = !matches!(task, Task::File(_, Asked::Among | Asked::InFolder));
        match result {
            Ok(Content::Held(held)) => gathered.take(held, matches!(task, Task::File(_, Asked::InFolder))),
            Ok(Content::Nothing(error)) if named => gathered.errors.push(error),
            Ok(Content::Nothing(_)) => gathered.skipped += 1,
            Ok(Content::Locked(error)) if named => gathered.errors.push(error),
            Ok(Content::Locked(error)) => gathered.locked.push(error),
            Err(error) => gathered.errors.push(error),
        }
    }
    gathered
}

fn work(task: &Task, settings: Settings<'_>) -> Result<Content> {
    match task {
        Task::File(path, asked) => file(path, *asked, settings),
        Task::Server(server) => {
            let host = server.asked_name(settings.client);
            let chain = server.chain(settings.client)?;
            let found = chain.into_iter().enumerate().map(|(i, certificate)| Found {
                place: if i == 0 { server.to_string() } else { format!("{server} (chain {i})") },
                certificate,
                trust: Trust::Never,
                host: (i == 0).then(|| host.clone()),
            });
            Ok(Content::Held(Held { certificates: found.collect(), ..Held::default() }))
        }
    }
}

fn file(path: &Path, asked: Asked, settings: Settings<'_>) -> Result<Content> {
    let what = path.display().to_string();
    if asked != Asked::Alone && path.metadata().is_ok_and(|metadata| metadata.len() > LARGEST) {
        return Ok(Content::Nothing(Error::pki(format!("{what}: it is too large for a certificate"))));
    }
    let bytes = match files::read(path) {
        Ok(bytes) => bytes,
        Err(error) if asked == Asked::InFolder => return Ok(Content::Locked(error)),
        Err(error) => return Err(missing(path, error)),
    };
    content::read(&bytes, &what, path.parent().unwrap_or(Path::new("")), settings.passwords)
}

fn standard_input(settings: Settings<'_>, gathered: &mut Gathered) {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = std::io::stdin().lock().take(LARGEST).read_to_end(&mut bytes);
    let read = read.map_err(|e| Error::io("read standard input", &e));
    match read.and_then(|_| content::read(&bytes, "standard input", Path::new(""), settings.passwords)) {
        Ok(Content::Held(held)) => gathered.take(held, false),
        Ok(Content::Nothing(error) | Content::Locked(error)) | Err(error) => gathered.errors.push(error),
    }
}
