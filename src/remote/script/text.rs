//! How a script travels, and how its end is recognised.
//!
//! Any login shell only ever sees one short constant command; the script itself follows on stdin, framed by its length,
//! and the payload comes after it. So no shell's quoting rules, no argument limit and no sudo log touch the script.
//! A nonce marks where its output begins (start-up files may print anything before) and which status it ended with:
//! libssh2 reports status 0 for a killed command and for a channel that the server closed, so its word is never taken.

use std::io::Write;
use std::time::Instant;

use crate::error::{Error, Result};
use crate::remote::ANSWER_BYTES;
use crate::secret::Secret;
use crate::text::sh_quote;

/// As much of stderr as is kept, in bytes.
pub const STDERR_KEPT: usize = 64 * 1024;

/// What is said when standard input ended before a program came.
const EATEN: &str = "__KB_EATEN";
/// So much of what is said on standard output before a script begins is kept, in bytes.
const NOISE_KEPT: usize = 4096;

/// A script wrapped for sending.
#[derive(Debug)]
pub struct Program {
    /// What the host's `/bin/sh` evaluates.
    pub text: String,
    begin: String,
    status: String,
}

impl Program {
    /// Wraps `script`; `nonce` must be unguessable enough not to occur in any output.
    pub fn new(script: &str, nonce: &str) -> Result<Self> {
        if script.contains('\0') {
            return Err(Error::internal("a script for a host holds a NUL byte"));
        }
        let begin = format!("__KB_BEGIN_{nonce}");
        let status = format!("__KB_RC_{nonce}");
        let text = format!(
            "LC_ALL=C LANG=C PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:$PATH\n\
             export LC_ALL LANG PATH\numask 022\ncd /\necho {begin}\necho {begin} >&2\n\
             ( eval {script} )\nprintf '\\n{status}=%d\\n' $?\nexit 0\n",
            script = sh_quote(script),
        );
        Ok(Program { text, begin, status })
    }

    /// What listens to this program's output, and gives the script's own to `stdout` as it comes.
    pub fn answer<'w>(&self, host: &str, stdout: &'w mut dyn Write) -> Answer<'w> {
        Answer {
            host: host.to_owned(),
            begin: format!("{}\n", self.begin).into_bytes(),
            status_mark: format!("\n{}=", self.status).into_bytes(),
            stdout,
            held: Vec::new(),
            noise: Vec::new(),
            begun: None,
            idle: 0,
            status: None,
            stderr: Stderr { mark: format!("{}\n", self.begin).into_bytes(), ..Stderr::default() },
            told: None,
        }
    }
}

/// The command that reads a program of `size` bytes from stdin and becomes it.
///
/// It has nothing in it that sh, bash, dash, zsh, fish or csh see differently. `dd` with one full block reads exactly
/// that many bytes and leaves the payload alone, which `head -c` does not promise everywhere.
///
/// It passes over everything before the line `go`: a password that sudo did not take, and lines that a start-up file of
/// the login shell may eat in its place. When it never comes, that is said: somebody has eaten all there was.
pub fn bootstrap(size: usize, go: &str) -> String {
    format!(
        "/bin/sh -c 'until [ \"$kb_line\" = {go} ]; do IFS= read -r kb_line || {{ echo {EATEN} >&2; exit 1; }}; done; \
         kb_program=$(dd bs={size} count=1 iflag=fullblock status=none) && eval \"$kb_program\"'"
    )
}

/// What is sent before a program: lines that nobody misses, and the one that says that it begins.
pub fn opening(go: &str) -> String {
    format!("\n\n\n\n{go}\n")
}

/// Listens to the two output streams of a command.
pub trait Sink {
    /// Bytes from standard output.
    fn stdout(&mut self, bytes: &[u8]) -> Result<()>;
    /// Bytes from standard error.
    fn stderr(&mut self, bytes: &[u8]) -> Result<()>;
    /// Whether all that matters has been said, even if somebody still holds the streams open.
    fn complete(&self) -> bool;
}

/// At most so many bytes are kept of what a command without wrapping says on standard output.
const PLAIN_KEPT: usize = 1 << 20;
/// A status has at most so many digits.
const DIGITS: usize = 3;

/// Takes the two streams as they come.
#[derive(Debug, Clone, Default)]
pub struct Plain {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// How the command ended, once it has.
    pub status: i32,
}

impl Sink for Plain {
    fn stdout(&mut self, bytes: &[u8]) -> Result<()> {
        let room = PLAIN_KEPT.saturating_sub(self.stdout.len()).min(bytes.len());
        self.stdout.extend_from_slice(&bytes[..room]);
        Ok(())
    }
    fn stderr(&mut self, bytes: &[u8]) -> Result<()> {
        self.stderr.extend_from_slice(bytes);
        keep_tail(&mut self.stderr);
        Ok(())
    }
    fn complete(&self) -> bool {
        false
    }
}

impl Plain {
    /// The same without what the host was told.
    pub fn without(self, told: &Secret) -> Self {
        let [stdout, stderr] = [&self.stdout, &self.stderr].map(|bytes| without(bytes, Some(told)));
        Plain { stdout, stderr, ..self }
    }
}

/// Less than this is in every second word.
const PASSWORD: usize = 4;

/// What a host says, with asterisks where it repeats a password: it knows it, and who reads a log or an error should not.
fn without(said: &[u8], told: Option<&Secret>) -> Vec<u8> {
    let Some(told) = told.map(Secret::expose).filter(|told| told.len() >= PASSWORD) else { return said.to_vec() };
    let (mut kept, mut rest) = (Vec::with_capacity(said.len()), said);
    while let Some(at) = find(rest, told) {
        kept.extend_from_slice(&rest[..at]);
        kept.extend_from_slice(b"***");
        rest = &rest[at + told.len()..];
    }
    kept.extend_from_slice(rest);
    kept
}

/// A program's output with the wrapping taken off.
pub struct Answer<'w> {
    host: String,
    begin: Vec<u8>,
    status_mark: Vec<u8>,
    stdout: &'w mut dyn Write,
    /// What came and may be the beginning of a mark.
    held: Vec<u8>,
    /// The end of what was said before the script began.
    noise: Vec<u8>,
    begun: Option<Instant>,
    /// How much came that is no answer: before the script began, and on standard error.
    idle: usize,
    status: Option<i32>,
    stderr: Stderr,
    /// What the host was told, and is not shown to have said.
    told: Option<Secret>,
}

impl Answer<'_> {
    /// Shows this nowhere, should the host repeat it in its words.
    pub fn hiding(self, told: Option<&Secret>) -> Self {
        Answer { told: told.cloned(), ..self }
    }
    /// Whether the script was started at all.
    pub fn begun(&self) -> bool {
        self.begun.is_some()
    }
    /// When it was.
    pub fn begun_at(&self) -> Option<Instant> {
        self.begun
    }
    /// The exit status, once the script reported it.
    pub fn status(&self) -> Option<i32> {
        self.status
    }
    /// What was said on standard output when the script did not begin.
    pub fn noise(&self) -> String {
        let noise = without(&[self.noise.as_slice(), &self.held].concat(), self.told.as_ref());
        String::from_utf8_lossy(&noise).trim().to_owned()
    }
    /// Whether somebody read the standard input that was meant for the script.
    pub fn eaten(&self) -> bool {
        find(&self.stderr.before, EATEN.as_bytes()).is_some()
    }
    /// Standard error for a person: the script's own words, or what was said instead of running it.
    pub fn words(&self) -> String {
        let bytes = if self.begun() { &self.stderr.kept } else { &self.stderr.before };
        String::from_utf8_lossy(&without(bytes, self.told.as_ref())).trim().to_owned()
    }
    /// The end of the script's standard error.
    pub fn into_stderr(self) -> Vec<u8> {
        tail(without(&self.stderr.kept, self.told.as_ref()))
    }

    /// Drops what comes before the script's output.
    fn find_begin(&mut self) {
        let found = find(&self.held, &self.begin);
        let noise = found.map_or((self.held.len() + 1).saturating_sub(self.begin.len()), |at| at + self.begin.len());
        self.noise.extend(self.held.drain(..noise));
        let surplus = self.noise.len().saturating_sub(NOISE_KEPT);
        self.noise.drain(..surplus);
        self.begun = found.map(|_| Instant::now());
    }

    /// Counts what is no answer; most of it is forgotten, and still it must end.
    fn bear(&mut self, count: usize) -> Result<()> {
        self.idle += count;
        if self.idle <= ANSWER_BYTES {
            return Ok(());
        }
        let most = ANSWER_BYTES >> 20;
        Err(Error::remote(format!("{}: it says more than {most} MiB that nobody asked for", self.host))
            .hint("look at what its start-up files print (.bashrc, /etc/profile.d); is it still yours?"))
    }

    /// Passes on what comes before the status, and keeps what may be part of it.
    fn find_status(&mut self) -> Result<()> {
        let found = find(&self.held, &self.status_mark);
        let output = found.unwrap_or((self.held.len() + 1).saturating_sub(self.status_mark.len()));
        let passed = self.stdout.write_all(&self.held[..output]);
        passed.map_err(|error| Error::io("writing what a host sends", &error))?;
        self.held.drain(..output);
        let Some(text) = self.held.strip_prefix(self.status_mark.as_slice()) else { return Ok(()) };
        let end = text.iter().take(DIGITS + 1).position(|&byte| byte == b'\n');
        let digits = end.and_then(|end| std::str::from_utf8(&text[..end]).ok());
        self.status = digits.and_then(|digits| digits.parse::<u8>().ok()).map(i32::from);
        if self.status.is_none() && text.len() > DIGITS {
            let what = "it says that a script has ended, and not with which status";
            return Err(Error::remote(format!("{}: {what}", self.host)).hint("is it still yours?"));
        }
        Ok(())
    }
}

impl Sink for Answer<'_> {
    fn stdout(&mut self, bytes: &[u8]) -> Result<()> {
        if self.status.is_some() {
            return Ok(());
        }
        self.held.extend_from_slice(bytes);
        if !self.begun() {
            self.bear(bytes.len())?;
            self.find_begin();
        }
        if self.begun() { self.find_status() } else { Ok(()) }
    }
    fn stderr(&mut self, bytes: &[u8]) -> Result<()> {
        self.stderr.push(bytes);
        self.bear(bytes.len())
    }
    fn complete(&self) -> bool {
        self.status.is_some()
    }
}

/// Standard error, split where the script began.
#[derive(Debug, Default)]
struct Stderr {
    mark: Vec<u8>,
    before: Vec<u8>,
    kept: Vec<u8>,
    begun: bool,
}

impl Stderr {
    fn push(&mut self, bytes: &[u8]) {
        if self.begun {
            self.kept.extend_from_slice(bytes);
            return keep_tail(&mut self.kept);
        }
        self.before.extend_from_slice(bytes);
        match find(&self.before, &self.mark) {
            Some(at) => {
                self.kept = self.before.split_off(at + self.mark.len());
                self.before.truncate(at);
                self.begun = true;
                keep_tail(&mut self.kept);
            }
            None => keep_tail(&mut self.before),
        }
    }
}

/// Forgets the oldest bytes beyond [`STDERR_KEPT`], not at every byte but when twice that has come together.
fn keep_tail(bytes: &mut Vec<u8>) {
    if bytes.len() > 2 * STDERR_KEPT {
        bytes.drain(..bytes.len() - STDERR_KEPT);
    }
}

/// The last [`STDERR_KEPT`] bytes.
fn tail(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() > STDERR_KEPT {
        bytes.drain(..bytes.len() - STDERR_KEPT);
    }
    bytes
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let (first, rest) = needle.split_first()?;
    let mut at = 0;
    while let Some(step) = bytes.get(at..)?.iter().position(|byte| byte == first) {
        at += step;
        if bytes[at + 1..].starts_with(rest) {
            return Some(at);
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bootstrap_is_one_quoted_word_without_traps() {
        let text = bootstrap(812, "__KB_GO_ab");
        insta::assert_snapshot!(text, @r#"/bin/sh -c 'until [ "$kb_line" = __KB_GO_ab ]; do IFS= read -r kb_line || { echo __KB_EATEN >&2; exit 1; }; done; kb_program=$(dd bs=812 count=1 iflag=fullblock status=none) && eval "$kb_program"'"#);
        assert_eq!(text.matches('\'').count(), 2);
        assert!(!text.contains(['\\', '\n', '!', '`']), "{text}");
    }

    #[test]
    fn a_nul_byte_is_refused() {
        assert!(Program::new("a\0b", "n").is_err());
    }

    #[test]
    fn noise_before_the_script_is_not_its_output() {
        let mut stdout = Vec::new();
        let mut answer = Program::new("true", "n1").unwrap().answer("web1", &mut stdout);
        answer.stdout(b"Welcome!\nToday is a good day__KB_BEG").unwrap();
        answer.stdout(b"IN_n1\n").unwrap();
        answer.stdout(b"__KB_BEGIN_n1\nreal\n\n__KB_RC_n1=").unwrap();
        assert_eq!(answer.status(), None);
        answer.stdout(b"7\nstraggler").unwrap();
        answer.stderr(b"stty: not a tty\n__KB_BEGIN_n1\nwords").unwrap();
        assert_eq!((answer.status(), answer.begun(), answer.words().as_str()), (Some(7), true, "words"));
        assert_eq!(answer.into_stderr(), b"words");
        assert_eq!(stdout, b"__KB_BEGIN_n1\nreal\n");
    }

    #[test]
    fn a_status_without_end_is_none() {
        for text in ["0000000", "0x\n", "x", "\n", "-1\n"] {
            let mut stdout = Vec::new();
            let mut answer = Program::new("true", "n1").unwrap().answer("web1", &mut stdout);
            let said = format!("__KB_BEGIN_n1\n\n__KB_RC_n1={text}");
            let taken = answer.stdout(said.as_bytes()).and_then(|()| answer.stdout(b"12345"));
            assert!(taken.is_err() && answer.status().is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_password_that_a_host_repeats_is_not_shown() {
        let password = Secret::new("hunter2");
        let mut stdout = Vec::new();
        let mut answer = Program::new("true", "n1").unwrap().answer("web1", &mut stdout).hiding(Some(&password));
        answer.stdout(b"you typed hunter2\n").unwrap();
        answer.stderr(b"hunter2? hunter2!\n").unwrap();
        assert_eq!((answer.words().as_str(), answer.noise().trim()), ("***? ***!", "you typed ***"));
        answer.stderr(b"__KB_BEGIN_n1\nset -x: hunter2hunter2").unwrap();
        assert!(answer.into_stderr().ends_with(b"set -x: ******"));
        let plain = Plain { stderr: b"no: hunter2".to_vec(), ..Plain::default() }.without(&password);
        assert_eq!(plain.stderr, b"no: ***");
    }

    #[test]
    fn stderr_keeps_its_end() {
        let mut stdout = Vec::new();
        let mut answer = Program::new("true", "n1").unwrap().answer("web1", &mut stdout);
        answer.stderr(b"__KB_BEGIN_n1\n").unwrap();
        for _ in 0..5000 {
            answer.stderr(&[b'x'; 100]).unwrap();
        }
        answer.stderr(b"the end").unwrap();
        let stderr = answer.into_stderr();
        assert_eq!(stderr.len(), STDERR_KEPT);
        assert!(stderr.ends_with(b"xthe end"));
    }

    proptest! {
        #[test]
        fn however_the_bytes_are_cut_the_answer_is_the_same(
            noise in prop::collection::vec(any::<u8>(), 0..40),
            body in prop::collection::vec(any::<u8>(), 0..80),
            status in 0..256i32,
            cut in 1usize..17,
        ) {
            let mut wire = noise;
            wire.extend_from_slice(b"\n__KB_BEGIN_n\n");
            wire.extend_from_slice(&body);
            wire.extend_from_slice(format!("\n__KB_RC_n={status}\n").as_bytes());
            let mut stdout = Vec::new();
            let mut answer = Program::new("true", "n").unwrap().answer("web1", &mut stdout);
            for piece in wire.chunks(cut) {
                answer.stdout(piece).unwrap();
                answer.stderr(piece).unwrap();
                prop_assert!(answer.held.len() < 64, "{} bytes are held back", answer.held.len());
            }
            prop_assert_eq!(answer.status(), Some(status));
            prop_assert_eq!(stdout, body);
        }
    }
}
