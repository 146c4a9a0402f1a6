//! Passwords of keys and stores: from a file, the environment, or a person at the terminal; never from the command
//! line, where everybody on the machine can read them.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{Error, Result};
use crate::files;
use crate::pki::Passwords;
use crate::remote::{Interrupt, Prompt, Terminal};
use crate::secret::Secret;
use crate::text::utf8;

/// A password of this variable serves where no file is named.
pub const PASSWORD_VARIABLE: &str = "KBOOTSTRAP_PASSWORD";

/// From the file, the first variable that is set, or the terminal; none where nobody is there to ask.
pub fn find(file: Option<&Path>, variables: &[&str], question: &str) -> Result<Option<Secret>> {
    if let Some(path) = file {
        return read(path).map(Some);
    }
    let set = variables.iter().find_map(|variable| std::env::var(variable).ok());
    if let Some(value) = set {
        return Ok(Some(Secret::new(value)));
    }
    ask(question)
}

/// As [`find`], for a new secret: a person types it twice.
pub fn choose(file: Option<&Path>, variables: &[&str], question: &str, option: &str) -> Result<Secret> {
    let from_elsewhere = file.is_some() || variables.iter().any(|variable| std::env::var_os(variable).is_some());
    let first = find(file, variables, question)?.ok_or_else(|| missing(question, option, variables))?;
    if !from_elsewhere && ask(&format!("{question}, once more"))?.as_ref() != Some(&first) {
        return Err(Error::input("the two passwords are not the same"));
    }
    Ok(first)
}

/// How a person gives a password: for hints.
pub fn ways(option: &str, variables: &[&str]) -> String {
    format!("{option} FILE (its first line), or the variable {}", variables.join(" or "))
}

/// Nobody gave it.
pub fn missing(what: &str, option: &str, variables: &[&str]) -> Error {
    Error::usage(format!("{what} is needed, and nobody is there to ask")).hint(ways(option, variables))
}

/// The first line of a file: editors put a line break at its end.
fn read(path: &Path) -> Result<Secret> {
    let read = files::read(path)?;
    let bytes = utf8(&read, &path.display().to_string())?;
    let end = bytes.iter().position(|byte| b"\r\n".contains(byte)).unwrap_or(bytes.len());
    if end == 0 {
        return Err(Error::input(format!("{}: the first line, which is the password, is empty", path.display())));
    }
    Ok(Secret::new(&bytes[..end]))
}

/// Only where a person sits: a pipeline is not kept waiting.
fn ask(question: &str) -> Result<Option<Secret>> {
    if !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    // Ended by the signal itself, the program would leave the terminal without echo.
    let raised = Arc::new(AtomicBool::new(false));
    let ends = [SIGINT, SIGTERM, SIGHUP].map(|signal| flag::register(signal, raised.clone()));
    let answer = Terminal.ask(&format!("{question}: "), &Interrupt::from(raised));
    for id in ends.into_iter().flatten() {
        signal_hook::low_level::unregister(id);
    }
    answer
}

/// The one password for all stores of a run.
#[derive(Debug)]
pub struct OfStores {
    file: Option<PathBuf>,
    known: Mutex<Option<Option<Secret>>>,
}

impl OfStores {
    /// Found when it is first needed.
    pub fn new(file: Option<PathBuf>) -> Self {
        OfStores { file, known: Mutex::new(None) }
    }
}

impl Passwords for OfStores {
    fn ways(&self) -> Option<String> {
        Some(ways("--password-file", &[PASSWORD_VARIABLE]))
    }
    fn unasked(&self, store: &str) -> Result<Option<Secret>> {
        match self.file.is_some() || std::env::var_os(PASSWORD_VARIABLE).is_some() {
            true => self.of(store),
            false => Ok(None),
        }
    }
    fn of(&self, store: &str) -> Result<Option<Secret>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none() {
            *known = Some(find(self.file.as_deref(), &[PASSWORD_VARIABLE], &format!("password of {store}"))?);
        }
        Ok(known.clone().flatten())
    }
}
