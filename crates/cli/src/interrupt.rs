//! Ends the process when the user interrupts it.

use std::io::{IsTerminal, stderr};
use std::process::exit;
use std::thread;

use tokio::runtime::Builder;

/// The exit code of an interrupted process, as shells report it: 128 and the number of SIGINT.
const INTERRUPTED: i32 = 130;

/// Clears the line of the progress.
const CLEAR_LINE: &str = "\r\x1b[2K";

/// Watches for an interruption (SIGINT, Ctrl-C), and then ends the process. A thread of its own watches, so that the
/// process ends at once also while it formats or writes a report.
pub(crate) fn watch() {
    thread::spawn(|| {
        // Without a runtime, the system ends the process.
        let Ok(runtime) = Builder::new_current_thread().enable_all().build() else {
            return;
        };
        if runtime.block_on(tokio::signal::ctrl_c()).is_err() {
            return;
        }
        let clear = if stderr().is_terminal() {
            CLEAR_LINE
        } else {
            ""
        };
        anstream::eprintln!("{clear}interrupted; the account is unchanged");
        exit(INTERRUPTED);
    });
}
