//! The progress of long work, on standard error.
//!
//! A terminal gets a line that changes. Elsewhere, for instance in the log of a pipeline, a line appears now and
//! then. Short work shows nothing.

use std::cell::Cell;
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The time between two lines where standard error is not a terminal.
const INTERVAL: Duration = Duration::from_secs(10);

/// The progress of reading secrets. AWS does not say how many there are, so there is a rate and no end.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    started: Instant,
    secrets: Cell<usize>,
    next_line: Cell<Instant>,
}

impl Progress {
    /// Starts the display.
    pub(crate) fn start() -> Self {
        let now = Instant::now();
        Self {
            bar: stderr().is_terminal().then(bar),
            started: now,
            secrets: Cell::new(0),
            next_line: Cell::new(now + INTERVAL),
        }
    }

    /// Adds secrets that were listed.
    pub(crate) fn add(&self, secrets: usize) {
        let total = self.secrets.get() + secrets;
        self.secrets.set(total);
        if let Some(bar) = &self.bar {
            bar.inc(u64::try_from(secrets).unwrap_or(u64::MAX));
            return;
        }
        let now = Instant::now();
        if now >= self.next_line.get() {
            self.next_line.set(now + INTERVAL);
            let elapsed = now - self.started;
            eprintln!("{}", line(total, elapsed));
        }
    }

    /// Ends the display.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    // The template is constant, and a test creates it.
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

const TEMPLATE: &str = "{spinner} reading: {human_pos} secrets, {per_sec}, {elapsed}";

fn line(secrets: usize, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs().max(1);
    let per_second = u64::try_from(secrets).unwrap_or(u64::MAX) / seconds;
    format!("reading: {secrets} secrets, {per_second}/s, {seconds} s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_display_has_a_rate() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
        let text = line(5000, Duration::from_secs(20));
        assert_eq!(text, "reading: 5000 secrets, 250/s, 20 s");
    }
}
