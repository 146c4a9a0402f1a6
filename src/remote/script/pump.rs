//! Feeds a command and listens to it at the same time, so that neither side ever waits for the other.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::remote::script::text::Sink;

/// Bytes asked of the source at a time.
const CHUNK: usize = 256 * 1024;
/// Bytes taken from the command at a time.
const TAKE: usize = 64 * 1024;
/// So often both streams are read before the input has its turn.
const TURNS: usize = 16;
/// How long to wait for the streams to close once the script has reported its status: something that it left
/// running in the background may hold them open for ever.
const GRACE: Duration = Duration::from_millis(500);

/// The three streams of a running command, none of which may block.
pub trait Pipes {
    /// Takes some bytes for standard input; [`io::ErrorKind::BrokenPipe`] when the command reads no more.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Closes standard input.
    fn close_stdin(&mut self) -> io::Result<()>;
    /// Bytes of standard output; 0 at its end.
    fn read_stdout(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
    /// Bytes of standard error; 0 at its end.
    fn read_stderr(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
    /// Whether both output streams are at their end.
    fn ended(&mut self) -> bool;
    /// Whether a write was cut in half, and nothing else can be sent before it is finished.
    fn unfinished(&self) -> bool;
    /// Something moved: the other side is alive.
    fn moved(&mut self);
    /// Waits a moment for something to move. Fails when interrupted or when the other side is gone.
    fn wait(&mut self) -> Result<()>;
    /// Fails when interrupted.
    fn check(&self) -> Result<()>;
    /// What a failed read or write means.
    fn lost(&self, error: &io::Error) -> Error;
}

/// How long a host is waited for. What it says in the meantime is no reason to wait longer: that may have no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Until the end of its answer.
    Answer(Duration),
    /// Since it last took [`STRIDE`] bytes of its input, which has an end.
    Input(Duration),
}

/// So many bytes of input taken are progress.
const STRIDE: usize = 64 * 1024;

/// A command's streams, for a limited time.
pub struct Within<'p> {
    pipes: &'p mut dyn Pipes,
    host: String,
    patience: Patience,
    since: Instant,
    /// Bytes taken since then.
    taken: usize,
    /// All of the input was taken.
    fed: bool,
}

impl<'p> Within<'p> {
    /// From now on.
    pub fn new(pipes: &'p mut dyn Pipes, host: &str, patience: Patience) -> Self {
        Within { pipes, host: host.to_owned(), patience, since: Instant::now(), taken: 0, fed: false }
    }

    fn took(&mut self, count: usize) {
        self.taken += count;
        if self.taken >= STRIDE && matches!(self.patience, Patience::Input(_)) {
            (self.taken, self.since) = (0, Instant::now());
        }
    }
}

impl Pipes for Within<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pipes.write(bytes).inspect(|count| self.took(*count))
    }
    fn close_stdin(&mut self) -> io::Result<()> {
        self.pipes.close_stdin().inspect(|()| self.fed = true)
    }
    fn read_stdout(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.pipes.read_stdout(buffer)
    }
    fn read_stderr(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.pipes.read_stderr(buffer)
    }
    fn ended(&mut self) -> bool {
        self.pipes.ended()
    }
    fn unfinished(&self) -> bool {
        self.pipes.unfinished()
    }
    fn moved(&mut self) {
        self.pipes.moved();
    }
    fn wait(&mut self) -> Result<()> {
        self.pipes.wait()
    }
    fn check(&self) -> Result<()> {
        let (Patience::Answer(limit) | Patience::Input(limit)) = self.patience;
        if self.since.elapsed() > limit {
            let what = if self.fed { "no answer after" } else { "it has taken nothing of what is sent to it for" };
            return Err(Error::remote(format!("{}: {what} {} s", self.host, limit.as_secs_f32())).hint(
                "the host takes connections and does not come to the end of a question: look at what hangs there",
            ));
        }
        self.pipes.check()
    }
    fn lost(&self, error: &io::Error) -> Error {
        self.pipes.lost(error)
    }
}

/// Runs until the command has ended and everything it said has been heard.
pub fn pump(pipes: &mut dyn Pipes, source: &mut dyn Read, sink: &mut dyn Sink) -> Result<()> {
    let mut feed = Feed { chunk: Zeroizing::new(vec![0; CHUNK]), at: 0, len: 0, state: State::Open };
    let mut buffer = vec![0; TAKE];
    let mut complete_since: Option<Instant> = None;
    loop {
        pipes.check()?;
        let ending = sink.complete() || pipes.ended();
        let fed = feed.step(pipes, source, ending)?;
        let heard = listen(pipes, sink, &mut buffer)?;
        let done =
            pipes.ended() || (sink.complete() && complete_since.get_or_insert_with(Instant::now).elapsed() > GRACE);
        if done && !pipes.unfinished() {
            return Ok(());
        }
        if fed || heard {
            pipes.moved();
        } else {
            pipes.wait()?;
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Open,
    SourceEnded,
    Closed,
}

/// What is still to be written. Private keys pass through here, so it is wiped.
struct Feed {
    chunk: Zeroizing<Vec<u8>>,
    at: usize,
    len: usize,
    state: State,
}

impl Feed {
    /// Writes what the command takes now; whether that was anything. When the command is `ending`, it takes no more:
    /// then only a write that was cut in half is finished.
    fn step(&mut self, pipes: &mut dyn Pipes, source: &mut dyn Read, ending: bool) -> Result<bool> {
        let mut moved = false;
        if ending && !pipes.unfinished() {
            return Ok(false);
        }
        if self.state == State::Open && self.at == self.len && !ending {
            self.refill(source)?;
        }
        while self.at < self.len {
            match pipes.write(&self.chunk[self.at..self.len]) {
                Ok(0) => break,
                Ok(count) => {
                    self.at += count;
                    moved = true;
                    if ending {
                        return Ok(true);
                    }
                }
                Err(error) if would_block(&error) => break,
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    self.at = self.len;
                    self.state = State::SourceEnded;
                }
                Err(error) => return Err(pipes.lost(&error)),
            }
        }
        if self.state == State::SourceEnded && self.at == self.len {
            match pipes.close_stdin() {
                Ok(()) => {
                    self.state = State::Closed;
                    moved = true;
                }
                Err(error) if would_block(&error) => {}
                Err(error) => return Err(pipes.lost(&error)),
            }
        }
        Ok(moved)
    }

    fn refill(&mut self, source: &mut dyn Read) -> Result<()> {
        (self.at, self.len) = (0, 0);
        loop {
            match source.read(&mut self.chunk) {
                Ok(0) => self.state = State::SourceEnded,
                Ok(count) => self.len = count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::io("reading what a host is to receive", &error)),
            }
            return Ok(());
        }
    }
}

/// Takes what both streams hold now, of a host that never stops a part; whether that was anything.
fn listen(pipes: &mut dyn Pipes, sink: &mut dyn Sink, buffer: &mut [u8]) -> Result<bool> {
    let mut moved = false;
    for _ in 0..TURNS {
        let mut quiet = true;
        if let Some(count) = taken(pipes.read_stdout(buffer), pipes)? {
            sink.stdout(&buffer[..count])?;
            quiet = false;
        }
        if let Some(count) = taken(pipes.read_stderr(buffer), pipes)? {
            sink.stderr(&buffer[..count])?;
            quiet = false;
        }
        if quiet {
            return Ok(moved);
        }
        moved = true;
        pipes.check()?;
    }
    Ok(moved)
}

fn taken(result: io::Result<usize>, pipes: &dyn Pipes) -> Result<Option<usize>> {
    match result {
        Ok(0) => Ok(None),
        Ok(count) => Ok(Some(count)),
        Err(error) if would_block(&error) => Ok(None),
        Err(error) => Err(pipes.lost(&error)),
    }
}

fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::remote::script::text::Plain;

    /// A command that takes `room` bytes, then stops in the middle of a packet, ends, and only afterwards has room for
    /// the rest of that packet.
    struct Halfway {
        room: usize,
        taken: usize,
        cut: Cell<Option<u32>>,
        output: Vec<u8>,
    }

    impl Pipes for Halfway {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(waits) = self.cut.get() {
                if waits > 0 {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                self.cut.set(None);
                self.taken += 1;
                return Ok(1);
            }
            if self.taken >= self.room {
                self.cut.set(Some(3));
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let count = bytes.len().min(1000);
            self.taken += count;
            Ok(count)
        }
        fn close_stdin(&mut self) -> io::Result<()> {
            Ok(())
        }
        fn read_stdout(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.taken < self.room {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let count = self.output.len().min(buffer.len());
            buffer[..count].copy_from_slice(&self.output[..count]);
            self.output.drain(..count);
            Ok(count)
        }
        fn read_stderr(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Ok(0)
        }
        fn ended(&mut self) -> bool {
            self.taken >= self.room && self.output.is_empty()
        }
        fn unfinished(&self) -> bool {
            self.cut.get().is_some()
        }
        fn moved(&mut self) {}
        fn wait(&mut self) -> Result<()> {
            self.cut.set(self.cut.get().map(|waits| waits.saturating_sub(1)));
            Ok(())
        }
        fn check(&self) -> Result<()> {
            Ok(())
        }
        fn lost(&self, error: &io::Error) -> Error {
            Error::connect(error.to_string())
        }
    }

    #[test]
    fn a_packet_cut_in_half_is_finished_and_no_other_is_begun() {
        let mut pipes = Halfway { room: CHUNK + 38_000, taken: 0, cut: Cell::new(None), output: vec![b'x'; 100_000] };
        let mut sink = Plain::default();
        pump(&mut pipes, &mut io::repeat(7), &mut sink).unwrap();
        assert_eq!((pipes.taken, pipes.unfinished(), sink.stdout.len()), (CHUNK + 38_001, false, 100_000));
    }

    /// A command that takes so much and then no more, talks without end, and says that it is done after so many words.
    struct Talker {
        room: usize,
        words: usize,
    }

    impl Pipes for Talker {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.room);
            self.room -= count;
            if count == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(count) }
        }
        fn close_stdin(&mut self) -> io::Result<()> {
            Ok(())
        }
        fn read_stdout(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.words += 1;
            buffer[0] = b'x';
            Ok(1)
        }
        fn read_stderr(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }
        fn ended(&mut self) -> bool {
            false
        }
        fn unfinished(&self) -> bool {
            false
        }
        fn moved(&mut self) {}
        fn wait(&mut self) -> Result<()> {
            Ok(())
        }
        fn check(&self) -> Result<()> {
            Ok(())
        }
        fn lost(&self, error: &io::Error) -> Error {
            Error::connect(error.to_string())
        }
    }

    /// Is complete after so many bytes.
    struct Until(usize);

    impl Sink for Until {
        fn stdout(&mut self, bytes: &[u8]) -> Result<()> {
            self.0 = self.0.saturating_sub(bytes.len());
            Ok(())
        }
        fn stderr(&mut self, _: &[u8]) -> Result<()> {
            Ok(())
        }
        fn complete(&self) -> bool {
            self.0 == 0
        }
    }

    #[test]
    fn one_that_goes_on_talking_after_its_end_is_not_listened_to() {
        pump(&mut Talker { room: usize::MAX, words: 0 }, &mut io::empty(), &mut Until(100)).unwrap();
    }

    #[test]
    fn talking_is_no_progress_and_taking_is() {
        let limit = Duration::from_millis(300);
        for (patience, source, words) in [
            (Patience::Answer(limit), io::empty().chain(io::repeat(1).take(0)), "no answer after 0.3 s"),
            (Patience::Input(limit), io::empty().chain(io::repeat(1).take(0)), "no answer after 0.3 s"),
            (
                Patience::Input(limit),
                io::empty().chain(io::repeat(1).take(1 << 30)),
                "it has taken nothing of what is sent to it for 0.3 s",
            ),
        ] {
            let (mut source, mut talker) = (source, Talker { room: 10 * STRIDE, words: 0 });
            let started = Instant::now();
            let mut within = Within::new(&mut talker, "n1", patience);
            let error = pump(&mut within, &mut source, &mut Until(usize::MAX)).unwrap_err();
            assert_eq!(error.message, format!("n1: {words}"));
            assert!(started.elapsed() < limit * 10);
        }
        let mut talker = Talker { room: 0, words: 0 };
        let mut within = Within::new(&mut talker, "n1", Patience::Input(limit));
        let before = within.since;
        within.took(STRIDE - 1);
        assert_eq!(within.since, before, "a byte now and then is no progress");
        within.took(1);
        assert!(within.since > before);
    }
}
