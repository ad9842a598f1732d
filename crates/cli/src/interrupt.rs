//! Ends the process when the user interrupts it.
//!
//! A command that only reads ends at once. A command that writes ends the calls in progress first: their results
//! would otherwise be unknown.

use std::io::{IsTerminal, stderr};
use std::process::exit;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use tokio::runtime::Builder;

/// The exit code of an interrupted process, as shells report it: 128 and the number of SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;

/// Clears the line of the progress.
const CLEAR_LINE: &str = "\r\x1b[2K";

/// The process only reads.
const READING: u8 = 0;
/// The process writes.
const WRITING: u8 = 1;
/// The process ends the writes in progress.
const ENDING: u8 = 2;

/// The phase of the process. A process runs one command.
static PHASE: AtomicU8 = AtomicU8::new(READING);

/// Announces the first write. From now on, an interruption lets the writes in progress end.
pub(crate) fn begin_writes() {
    PHASE.store(WRITING, Ordering::SeqCst);
}

/// Returns whether the writes must end.
pub(crate) fn is_requested() -> bool {
    PHASE.load(Ordering::SeqCst) == ENDING
}

/// Ends the writes, as an interruption does.
pub(crate) fn request() {
    PHASE.store(ENDING, Ordering::SeqCst);
}

/// Watches for interruptions (SIGINT, Ctrl-C). A thread of its own watches, so that the process ends at once also
/// while it formats or writes a report.
pub(crate) fn watch() {
    thread::spawn(|| {
        // Without a runtime, the system ends the process.
        let Ok(runtime) = Builder::new_current_thread().enable_all().build() else {
            return;
        };
        while runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            interrupted();
        }
    });
}

fn interrupted() {
    let clear = if stderr().is_terminal() {
        CLEAR_LINE
    } else {
        ""
    };
    let ending = PHASE.compare_exchange(WRITING, ENDING, Ordering::SeqCst, Ordering::SeqCst);
    match ending {
        Ok(_) => anstream::eprintln!(
            "{clear}interrupted; the calls in progress end now (again to end at once)"
        ),
        Err(READING) => {
            anstream::eprintln!("{clear}interrupted; the account is unchanged");
            exit(INTERRUPTED.into());
        }
        Err(_) => {
            anstream::eprintln!(
                "{clear}interrupted; calls may have been made, run the command again: it continues"
            );
            exit(INTERRUPTED.into());
        }
    }
}
