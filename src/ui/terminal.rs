//! The live display: what runs now, host by host, above it what has been done.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::event::{Event, Level, Reporter};
use super::reporters::{duration, line};
use super::stderr::paint;
use crate::text::shown_line;

/// Shows at most this many running steps; a terminal is not endless.
const LINES: usize = 12;

/// Progress on a terminal's standard error.
pub struct Terminal {
    bars: MultiProgress,
    running: Mutex<BTreeMap<(String, String), ProgressBar>>,
    began: Instant,
    color: bool,
}

impl Terminal {
    /// Draws on standard error.
    pub fn new(color: bool) -> Self {
        Terminal {
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(12)),
            running: Mutex::new(BTreeMap::new()),
            began: Instant::now(),
            color,
        }
    }

    fn start(&self, host: &str, step: &str) {
        let mut running = self.running.lock().unwrap_or_else(|e| e.into_inner());
        if running.len() >= LINES {
            return;
        }
        let bar = self.bars.add(ProgressBar::new_spinner());
        bar.set_style(style("{spinner} {prefix:<10} {msg} {elapsed}"));
        bar.set_prefix(if host.is_empty() { "here".to_owned() } else { shown_line(host).into_owned() });
        bar.set_message(shown_line(step).into_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        running.insert((host.to_owned(), step.to_owned()), bar);
    }

    fn progress(&self, host: &str, step: &str, done: u64, total: u64) {
        let running = self.running.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(bar) = running.get(&(host.to_owned(), step.to_owned())) {
            if total > 0 && bar.length() != Some(total) {
                bar.set_length(total);
                bar.set_style(style("{spinner} {prefix:<10} {msg} {bar:20} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec}"));
            }
            bar.set_position(done);
        }
    }

    fn waits(&self, host: &str, step: &str, seen: &str) {
        let running = self.running.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(bar) = running.get(&(host.to_owned(), step.to_owned())) {
            // What takes longer than the line is in the log.
            bar.set_style(style("{spinner} {prefix:<10} {wide_msg} {elapsed}"));
            bar.set_message(shown_line(&format!("{step}: {seen}")).into_owned());
        }
    }

    fn end(&self, host: &str, step: &str) {
        let bar = self.running.lock().unwrap_or_else(|e| e.into_inner()).remove(&(host.to_owned(), step.to_owned()));
        if let Some(bar) = bar {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
    }

    fn print(&self, text: &str, color: &str) {
        // The display is gone when the terminal is; the log has it all.
        let _ = self.bars.println(paint(self.color, color, text));
    }
}

impl Reporter for Terminal {
    fn report(&self, event: &Event) {
        match event {
            Event::Started { host, step } => self.start(host, step),
            Event::Progress { host, step, done, total } => self.progress(host, step, *done, *total),
            Event::Waiting { host, step, seen } => self.waits(host, step, seen),
            Event::Done { host, step, .. } | Event::Failed { host, step, .. } => self.end(host, step),
            Event::Stage { .. } | Event::Message { .. } => {}
        }
        let Some(text) = line(event) else { return };
        match event {
            Event::Failed { .. } => self.print(&text, "31"),
            Event::Message { level: Level::Warning, .. } => self.print(&text, "33"),
            Event::Stage { title } => {
                let at = duration(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX));
                self.print(&format!("== {title} (after {at})"), "1");
            }
            _ => self.print(&text, ""),
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
