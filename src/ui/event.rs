//! What happened, for the progress display, the JSON stream and the log alike.

use serde::Serialize;

/// How loud a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For the log only.
    Debug,
    /// For everybody.
    Info,
    /// Something that a person should look at.
    Warning,
}

/// Something happened. No event ever carries secret bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A stage of the whole run begins, for example `push programs`.
    Stage {
        /// Its title.
        title: String,
    },
    /// A step begins; `host` is empty for what happens on the operator's machine.
    Started {
        /// Host.
        host: String,
        /// Step, for example `start etcd`.
        step: String,
    },
    /// Bytes moved within a running step.
    Progress {
        /// Host.
        host: String,
        /// Step.
        step: String,
        /// So far.
        done: u64,
        /// In all; 0 where unknown.
        total: u64,
    },
    /// What a running step waits for, where that has changed.
    Waiting {
        /// Host.
        host: String,
        /// Step.
        step: String,
        /// What was seen last, in the words of who said it.
        seen: String,
    },
    /// A step ended well.
    Done {
        /// Host.
        host: String,
        /// Step.
        step: String,
        /// How long it took, milliseconds.
        millis: u64,
        /// What it did, in a few words; may be empty.
        note: String,
    },
    /// A step failed; the error is reported at the end.
    Failed {
        /// Host.
        host: String,
        /// Step.
        step: String,
        /// First line of the error.
        message: String,
    },
    /// Words.
    Message {
        /// How loud.
        level: Level,
        /// Host, or empty.
        host: String,
        /// One line.
        text: String,
    },
}

/// Somewhere that events go to. Called from many threads.
pub trait Reporter: Send + Sync {
    /// Takes one event.
    fn report(&self, event: &Event);

    /// Words for everybody.
    fn info(&self, text: &str) {
        self.report(&Event::Message { level: Level::Info, host: String::new(), text: text.into() });
    }
    /// Something that a person should look at.
    fn warn(&self, text: &str) {
        self.report(&Event::Message { level: Level::Warning, host: String::new(), text: text.into() });
    }
}

/// Drops events.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _event: &Event) {}
}
