//! The lines that a process writes.

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;

use tokio::io::Interest;
use tokio::net::UnixStream;

/// The reading end of a process's stdout or stderr.
///
/// A socket pair instead of a pipe, because the standard library can read one without blocking.
/// That is what makes [`Output::drain`] exact: it asks the kernel, not tokio's idea of what is
/// ready, so it finds every byte that was written before it is called.
#[derive(Debug)]
pub(super) struct Output {
    source: StdStream,
    readiness: UnixStream,
    state: State,
    unfinished: Vec<u8>,
    lines: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Closed,
}

impl Output {
    /// An output, and what the process is to write to.
    pub(super) fn open() -> io::Result<(Output, OwnedFd)> {
        let (source, sink) = StdStream::pair()?;
        source.set_nonblocking(true)?;
        let output = Output {
            readiness: UnixStream::from_std(source.try_clone()?)?,
            source,
            state: State::Open,
            unfinished: Vec::new(),
            lines: Vec::new(),
        };
        Ok((output, sink.into()))
    }

    /// Waits for bytes and takes all there are; never returns once the process has closed its end.
    /// Loses nothing when cancelled.
    pub(super) async fn fill(&mut self) {
        if self.state == State::Closed || self.readiness.readable().await.is_err() {
            std::future::pending::<()>().await;
        }
        let Output {
            source,
            readiness,
            unfinished,
            ..
        } = self;
        // Reading until it would block is also what tells tokio to wait for the next bytes.
        let end = readiness.try_io(Interest::READABLE, || read_available(source, unfinished));
        self.note_end(&end);
    }

    /// Takes every byte that has been written so far.
    pub(super) fn drain(&mut self) {
        let end = read_available(&mut self.source, &mut self.unfinished);
        self.note_end(&end);
    }

    /// Everything drained so far, as lines; a last line without a line feed counts.
    pub(super) fn take_lines(&mut self) -> Vec<String> {
        if !self.unfinished.is_empty() {
            self.unfinished.push(b'\n');
            self.split_lines();
        }
        std::mem::take(&mut self.lines)
    }

    fn note_end(&mut self, end: &io::Result<()>) {
        let is_still_open = end
            .as_ref()
            .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        if !is_still_open {
            self.state = State::Closed;
        }
        self.split_lines();
    }

    fn split_lines(&mut self) {
        let Some(end) = self.unfinished.iter().rposition(|byte| *byte == b'\n') else {
            return;
        };
        let rest = self.unfinished.split_off(end + 1);
        let complete = std::mem::replace(&mut self.unfinished, rest);
        let text = String::from_utf8_lossy(&complete);
        self.lines.extend(text.lines().map(str::to_owned));
    }
}

/// Reads to the end: `Ok` if the other side has closed, `WouldBlock` if there is no more for now.
fn read_available(source: &mut StdStream, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;

    use super::*;

    #[tokio::test]
    async fn draining_finds_every_line_written_before_without_waiting() {
        let (mut output, sink) = Output::open().unwrap();
        let mut sink = File::from(sink);
        output.drain();
        assert_eq!(output.take_lines(), Vec::<String>::new());
        sink.write_all(b"one\ntwo\nthr").unwrap();
        sink.write_all(b"ee").unwrap();
        output.drain();
        assert_eq!(output.take_lines(), ["one", "two", "three"]);
    }

    #[tokio::test]
    async fn more_than_the_buffer_of_the_pipe_can_be_written_while_somebody_fills() {
        let (mut output, sink) = Output::open().unwrap();
        let line = "x".repeat(1023) + "\n";
        let writer = std::thread::spawn(move || {
            let mut sink = File::from(sink);
            for _ in 0..2048 {
                sink.write_all(line.as_bytes()).unwrap();
            }
        });
        while output.state == State::Open {
            output.fill().await;
        }
        writer.join().unwrap();
        assert_eq!(output.take_lines().len(), 2048);
    }

    #[tokio::test]
    async fn bytes_that_are_no_text_are_shown_as_such() {
        let (mut output, sink) = Output::open().unwrap();
        File::from(sink).write_all(b"a\xffb\n").unwrap();
        output.drain();
        assert_eq!(output.take_lines(), ["a\u{fffd}b"]);
    }
}
