//! Passphrases and passwords: asked for once, on the terminal, and shared by all threads; a password only for its host.

use std::collections::HashMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Error, Result};
use crate::remote::interrupt::Interrupt;
use crate::secret::Secret;
use crate::text::shown;

/// How often a person may mistype.
const TRIES: u32 = 3;

/// Asks a person for something secret.
pub trait Prompt: Send + Sync {
    /// The answer, or none when there is nobody to ask. `question` ends with `: `.
    fn ask(&self, question: &str, interrupt: &Interrupt) -> Result<Option<Secret>>;
}

/// Nobody to ask: for `--no-input` and the like.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl Prompt for Nobody {
    fn ask(&self, _: &str, _: &Interrupt) -> Result<Option<Secret>> {
        Ok(None)
    }
}

/// The controlling terminal, whatever stdin and stdout are. What is typed is not shown.
#[derive(Debug, Clone, Copy)]
pub struct Terminal;

impl Prompt for Terminal {
    fn ask(&self, question: &str, interrupt: &Interrupt) -> Result<Option<Secret>> {
        let Ok(mut tty) = OpenOptions::new().read(true).write(true).open("/dev/tty") else { return Ok(None) };
        let failed = |error: std::io::Error| Error::io("asking on the terminal", &error);
        let hidden = Hidden::new(&tty).map_err(failed)?;
        write!(tty, "{}", shown(question)).map_err(failed)?;
        let answer = read_line(&mut tty, interrupt);
        drop(hidden);
        writeln!(tty).map_err(failed)?;
        answer
    }
}

/// Echo is off while this lives.
struct Hidden {
    tty: File,
    before: Termios,
}

impl Hidden {
    fn new(tty: &File) -> std::io::Result<Self> {
        let before = tcgetattr(tty)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(tty, OptionalActions::Flush, &quiet)?;
        Ok(Hidden { tty: tty.try_clone()?, before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.tty, OptionalActions::Flush, &self.before);
    }
}

fn read_line(tty: &mut File, interrupt: &Interrupt) -> Result<Option<Secret>> {
    let mut line = Zeroizing::new(Vec::with_capacity(1024));
    let mut piece = [0; 256];
    loop {
        interrupt.check("terminal")?;
        let tick = Timespec { tv_sec: 0, tv_nsec: Duration::from_millis(100).subsec_nanos().into() };
        if !matches!(poll(&mut [PollFd::new(&*tty, PollFlags::IN)], Some(&tick)), Ok(1)) {
            continue;
        }
        let count = tty.read(&mut piece).map_err(|error| Error::io("reading from the terminal", &error))?;
        line.extend_from_slice(&piece[..count]);
        piece.zeroize();
        if count == 0 && line.is_empty() {
            return Ok(None);
        }
        if count == 0 || line.last() == Some(&b'\n') {
            let end = line.iter().position(|byte| b"\r\n".contains(byte)).unwrap_or(line.len());
            return Ok(Some(Secret::new(&line[..end])));
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    /// For example `sudo password of kim`.
    pub what: String,
    /// The host that gets the answer; none where it stays here.
    pub on: Option<String>,
}

/// What was answered so far, by question. Whoever asks the same meanwhile waits for that answer.
///
/// What a person has typed for one host goes to no other unasked: a host that lies would only have to ask.
pub struct Answers {
    ask: Box<dyn Prompt>,
    given: Mutex<All>,
}

#[derive(Default)]
struct All {
    given: HashMap<Question, Given>,
    /// The host that was answered last, by what was asked for.
    latest: HashMap<String, String>,
}

/// The state of one question.
#[derive(Default)]
struct Given {
    answer: Option<Secret>,
    asked: u32,
    nobody: bool,
}

/// What asking led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    /// This, right or wrong.
    Answer(Secret),
    /// Nobody is there to answer.
    Nobody,
    /// The person was asked often enough.
    Exhausted,
}

impl Answers {
    pub fn new(ask: Box<dyn Prompt>) -> Self {
        Answers { ask, given: Mutex::default() }
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives an answer beforehand, for every host.
    pub fn preset(&self, what: &str, answer: Secret) {
        let given = Given { answer: Some(answer), asked: TRIES, nobody: false };
        self.all().given.insert(Question { what: what.to_owned(), on: None }, given);
    }

    /// The answer to a question, asked now unless somebody answered it before. `wrong` is an answer that turned out to
    /// be wrong: the question is asked again unless another thread has a newer answer.
    pub fn get(&self, question: &Question, wrong: Option<&Secret>, interrupt: &Interrupt) -> Result<Reply> {
        let mut all = self.all();
        let for_all = Question { on: None, ..question.clone() };
        let question = if all.given.contains_key(&for_all) { &for_all } else { question };
        let other = all.other(question, wrong);
        let given = all.given.entry(question.clone()).or_default();
        if let Some(answer) = given.answer.as_ref().filter(|answer| Some(*answer) != wrong) {
            return Ok(Reply::Answer(answer.clone()));
        }
        if given.nobody {
            return Ok(Reply::Nobody);
        }
        if given.asked >= TRIES {
            return Ok(Reply::Exhausted);
        }
        given.asked += 1;
        let again = if wrong.is_some() { "that was not right, try again. " } else { "" };
        let on = question.on.as_ref().map_or(String::new(), |host| format!(" on {host}"));
        let same = other.as_ref().map_or(String::new(), |(host, _)| format!(" (Enter: the same as on {host})"));
        let typed = self.ask.ask(&format!("{again}{}{on}{same}: ", question.what), interrupt)?;
        given.answer = match (typed, other) {
            (Some(typed), Some((_, same))) if typed.expose().is_empty() => Some(same),
            (typed, _) => typed,
        };
        given.nobody = given.answer.is_none();
        let reply = given.answer.clone().map_or(Reply::Nobody, Reply::Answer);
        if let (Reply::Answer(_), Some(host)) = (&reply, &question.on) {
            all.latest.insert(question.what.clone(), host.clone());
        }
        Ok(reply)
    }
}

impl All {
    /// What was answered for another host, which may be right here, too.
    fn other(&self, question: &Question, wrong: Option<&Secret>) -> Option<(String, Secret)> {
        question.on.as_ref()?;
        let host = self.latest.get(&question.what).filter(|host| Some(*host) != question.on.as_ref())?;
        let of_host = Question { what: question.what.clone(), on: Some(host.clone()) };
        let answer = self.given.get(&of_host)?.answer.as_ref().filter(|answer| Some(*answer) != wrong)?;
        Some((host.clone(), answer.clone()))
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answers")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Answers "1", "2", … and counts.
    struct Counting(AtomicU32);

    impl Prompt for Counting {
        fn ask(&self, _: &str, _: &Interrupt) -> Result<Option<Secret>> {
            let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
            Ok(Some(Secret::new(number.to_string())))
        }
    }

    fn q() -> Question {
        Question { what: "q".to_owned(), on: None }
    }

    /// Answers what is written down, and keeps the questions.
    struct Written(Mutex<(Vec<&'static str>, Vec<String>)>);

    impl Prompt for std::sync::Arc<Written> {
        fn ask(&self, question: &str, _: &Interrupt) -> Result<Option<Secret>> {
            let mut all = self.0.lock().unwrap();
            all.1.push(question.to_owned());
            Ok(Some(Secret::new(all.0.remove(0))))
        }
    }

    #[test]
    fn a_password_goes_to_the_host_that_it_was_meant_for() {
        let written = std::sync::Arc::new(Written(Mutex::new((vec!["one", "", "three"], Vec::new()))));
        let answers = Answers::new(Box::new(written.clone()));
        let on = |host: &str| {
            let question = Question { what: "sudo password of kim".to_owned(), on: Some(host.to_owned()) };
            answers.get(&question, None, &Interrupt::new()).unwrap()
        };
        let got = [on("n1"), on("n1"), on("n2"), on("n3"), on("n2")];
        assert_eq!(got, [answer("one"), answer("one"), answer("one"), answer("three"), answer("one")]);
        insta::assert_debug_snapshot!(written.0.lock().unwrap().1, @r#"
        [
            "sudo password of kim on n1: ",
            "sudo password of kim on n2 (Enter: the same as on n1): ",
            "sudo password of kim on n3 (Enter: the same as on n2): ",
        ]
        "#);
    }

    fn answer(text: &str) -> Reply {
        Reply::Answer(Secret::new(text))
    }

    #[test]
    fn many_threads_ask_once() {
        let answers = Answers::new(Box::new(Counting(AtomicU32::new(0))));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(answers.get(&q(), None, &Interrupt::new()), Ok(answer("1"))));
            }
        });
    }

    #[test]
    fn a_wrong_answer_is_asked_again_three_times_in_all() {
        let answers = Answers::new(Box::new(Counting(AtomicU32::new(0))));
        let wrong = |text: &str| answers.get(&q(), Some(&Secret::new(text)), &Interrupt::new()).unwrap();
        assert_eq!(answers.get(&q(), None, &Interrupt::new()), Ok(answer("1")));
        assert_eq!(wrong("1"), answer("2"));
        assert_eq!(wrong("1"), answer("2"), "a slow thread takes the newer answer");
        assert_eq!(wrong("2"), answer("3"));
        assert_eq!(wrong("3"), Reply::Exhausted);
    }

    #[test]
    fn nobody_is_asked_only_once() {
        let answers = Answers::new(Box::new(Nobody));
        assert_eq!(answers.get(&q(), None, &Interrupt::new()), Ok(Reply::Nobody));
        answers.preset("q", Secret::new("given"));
        assert_eq!(answers.get(&q(), None, &Interrupt::new()), Ok(answer("given")));
        assert_eq!(answers.get(&q(), Some(&Secret::new("given")), &Interrupt::new()), Ok(Reply::Exhausted));
    }
}
