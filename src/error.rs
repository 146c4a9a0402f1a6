//! The one error type: what went wrong, where, and what to do about it.
//!
//! [`Kind`] is the table of exit codes; [`Reason`] is for code that must know more. Messages are for people: no code
//! reads them. `cli::run` is the only place that prints an [`Error`].

use std::fmt;
use std::io;
use std::sync::Arc;

/// What sort of failure it was, which decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A defect in kbootstrap itself.
    Internal,
    /// The operator's own machine failed: a file, a lock, a program, the network of a lab.
    Local,
    /// The command line was wrong.
    Usage,
    /// The inventory, a template or another input file was wrong.
    Input,
    /// A key, certificate, CSR or CA was refused.
    Pki,
    /// A host could not be reached, or its host key or our credentials were refused.
    Connect,
    /// A host refused a step: a script failed, a unit did not start, a preflight check failed.
    Remote,
    /// The cluster is there but not healthy, or did not become so in time.
    Health,
    /// A running cluster cannot take what the inventory says. Nothing was touched.
    Refused,
    /// A program or image is missing, corrupt, or could not be had from any source.
    Artifact,
    /// Interrupted by the person (Ctrl-C, SIGTERM).
    Interrupted,
}

impl Kind {
    /// The exit code of the process; `docs/exit-codes.md` is the same table.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Internal | Kind::Local => 1,
            Kind::Usage => 2,
            Kind::Input => 3,
            Kind::Pki => 4,
            Kind::Connect => 5,
            Kind::Remote => 6,
            Kind::Health => 7,
            Kind::Artifact => 8,
            Kind::Refused => 9,
            Kind::Interrupted => 130,
        }
    }
}

/// What it was about, where code goes on in another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A file holds nothing.
    Empty,
    /// A key's algorithm, rather than its size.
    Algorithm,
    /// A private key, rather than the certificate that it goes with.
    PrivateKey,
    /// A password is missing or wrong.
    Password,
    /// A signature does not match.
    Signature,
    /// The lock file pins other bytes.
    Pinned,
    /// etcd's database has reached its quota.
    OutOfSpace,
}

/// Exit code of `plan --exit-code` and `pki apply --dry-run --exit-code` when something would change.
pub const WOULD_CHANGE: u8 = 10;
/// Exit code of `certinfo --warn-days` when a certificate ends within that many days.
pub const CERTIFICATE_ENDS_SOON: u8 = 11;
/// Exit code of `certinfo --warn-days` when a certificate has expired, is not valid yet, or (with `--ca`) does not verify.
pub const CERTIFICATE_NOT_VALID: u8 = 12;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure as a person should read it. It never holds secret bytes.
#[derive(Debug, Clone)]
pub struct Error {
    /// Decides the exit code.
    pub kind: Kind,
    /// What it was about.
    pub reason: Option<Reason>,
    /// One sentence: what failed and where (host, file, field), lowercase, no full stop.
    pub message: String,
    /// Evidence in the words of whoever failed: a source line with a caret, journal lines, a unit's status.
    pub details: Vec<String>,
    /// What to do next, one suggestion each.
    pub hints: Vec<String>,
    /// Further failures found at the same time; all are reported.
    pub others: Vec<Error>,
    /// The error of a library or of the operating system that it came from.
    pub cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// Causes do not count: they say what the message says.
impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        let parts = |e: &Self| (e.kind, e.reason);
        parts(self) == parts(other)
            && self.message == other.message
            && (&self.details, &self.hints, &self.others) == (&other.details, &other.hints, &other.others)
    }
}

impl Eq for Error {}

impl Error {
    /// A failure of the given kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        let (details, hints, others) = (Vec::new(), Vec::new(), Vec::new());
        Error { kind, reason: None, message: message.into(), details, hints, others, cause: None }
    }
    /// See [`Kind::Internal`].
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }
    /// See [`Kind::Refused`].
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }
    /// See [`Kind::Local`].
    pub fn local(message: impl Into<String>) -> Self {
        Self::new(Kind::Local, message)
    }
    /// See [`Kind::Usage`].
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }
    /// See [`Kind::Input`].
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(Kind::Input, message)
    }
    /// See [`Kind::Pki`].
    pub fn pki(message: impl Into<String>) -> Self {
        Self::new(Kind::Pki, message)
    }
    /// See [`Kind::Connect`].
    pub fn connect(message: impl Into<String>) -> Self {
        Self::new(Kind::Connect, message)
    }
    /// See [`Kind::Remote`].
    pub fn remote(message: impl Into<String>) -> Self {
        Self::new(Kind::Remote, message)
    }
    /// See [`Kind::Health`].
    pub fn health(message: impl Into<String>) -> Self {
        Self::new(Kind::Health, message)
    }
    /// See [`Kind::Artifact`].
    pub fn artifact(message: impl Into<String>) -> Self {
        Self::new(Kind::Artifact, message)
    }
    /// An I/O error on the operator's machine: `context` names the action and the path.
    pub fn io(context: impl fmt::Display, cause: &io::Error) -> Self {
        let same = match cause.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(cause.kind(), cause.to_string()),
        };
        Self::local(format!("{context}: {cause}")).caused_by(same)
    }

    /// Says what it was about.
    #[must_use]
    pub fn because(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }
    /// Whether that is what it was about.
    pub fn is(&self, reason: Reason) -> bool {
        self.reason == Some(reason)
    }
    /// Keeps the error that it came from.
    #[must_use]
    pub fn caused_by(mut self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// What was refused stands in a file that a person writes: whatever refused it, that file is to be mended.
    #[must_use]
    pub fn of_file(self) -> Self {
        self.written_in(Kind::Input)
    }
    /// What was refused stands in the command line.
    #[must_use]
    pub fn of_command_line(self) -> Self {
        self.written_in(Kind::Usage)
    }
    /// Failures that no text is at fault for (of the machine, of a host) stay what they are.
    fn written_in(mut self, place: Kind) -> Self {
        let others = self.others.iter_mut().map(|other| &mut other.kind);
        for kind in std::iter::once(&mut self.kind).chain(others) {
            if matches!(kind, Kind::Usage | Kind::Input | Kind::Pki) {
                *kind = place;
            }
        }
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
    /// Adds a hint that concerns all of what was found: it comes last.
    #[must_use]
    pub fn hint_last(mut self, hint: impl Into<String>) -> Self {
        self.others.last_mut().map_or(&mut self.hints, |last| &mut last.hints).push(hint.into());
        self
    }
    /// Adds `did you mean …?` where there is something near, else the other hint.
    #[must_use]
    pub fn meant(self, near: Option<&str>, otherwise: impl FnOnce() -> String) -> Self {
        self.hint(near.map_or_else(otherwise, |near| format!("did you mean `{near}`?")))
    }
    /// Adds evidence, one block of text (it may have several lines).
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.details.push(detail.into());
        self
    }
    /// Puts `prefix: ` before the message, to say on whose behalf it failed.
    #[must_use]
    pub fn context(mut self, prefix: impl fmt::Display) -> Self {
        self.message = format!("{prefix}: {}", self.message);
        self
    }

    /// Its message where the host's name stands before it already.
    pub fn of_host(&self, host: &str) -> &str {
        let Error { message, .. } = self;
        message.strip_prefix(host).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(message)
    }

    /// It and those that were found with it.
    pub fn each(&self) -> impl Iterator<Item = &Error> {
        std::iter::once(self).chain(&self.others)
    }

    /// The messages of [`Error::each`], a line each.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> String {
        self.each().map(|error| error.message.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// All of them as one error, or `Ok` when there is none. The first gives the exit code.
    pub fn all(errors: impl IntoIterator<Item = Error>) -> Result<()> {
        let mut errors = errors.into_iter();
        match errors.next() {
            None => Ok(()),
            Some(mut first) => {
                for mut error in errors {
                    let found_with_it = std::mem::take(&mut error.others);
                    first.others.push(error);
                    first.others.extend(found_with_it);
                }
                Err(first)
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| &**cause as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keeps_every_error_and_the_kind_of_the_first() {
        let error = Error::all([Error::input("a"), Error::pki("b"), Error::health("c")]).unwrap_err();
        assert_eq!(error.kind, Kind::Input);
        assert_eq!(error.others.iter().map(|e| e.message.as_str()).collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(Error::all([]), Ok(()));
        let nested = Error::all([Error::input("x"), error]).unwrap_err();
        assert_eq!(nested.others.iter().map(|e| e.message.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn a_mistake_is_of_the_place_where_it_is_written() {
        let refused = || Error::all([Error::pki("a"), Error::local("b"), Error::usage("c")]).unwrap_err();
        let kinds = |error: Error| error.each().map(|error| error.kind).collect::<Vec<_>>();
        assert_eq!(kinds(refused().of_file()), [Kind::Input, Kind::Local, Kind::Input]);
        assert_eq!(kinds(refused().of_command_line()), [Kind::Usage, Kind::Local, Kind::Usage]);
    }

    #[test]
    fn a_host_is_named_once() {
        let error = Error::connect("n1: cannot connect");
        assert_eq!((error.of_host("n1"), error.of_host("n")), ("cannot connect", "n1: cannot connect"));
    }

    #[test]
    fn a_failing_machine_is_no_defect_and_its_error_is_kept() {
        use std::error::Error as _;
        let missing = std::fs::read("/nonexistent").unwrap_err();
        let error = Error::io("read /nonexistent", &missing).context("n1");
        assert_eq!((error.kind, error.kind.exit_code()), (Kind::Local, Error::internal("x").kind.exit_code()));
        assert_ne!(error.kind, Kind::Internal);
        let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>()).unwrap();
        assert_eq!(cause.kind(), io::ErrorKind::NotFound);
    }
}
