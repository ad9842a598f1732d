//! The function's process.

use std::io;
use std::process::{ExitStatus, Stdio};

use tokio::process::{Child, Command};

use super::environment::Environment;
use super::output::Output;

/// A running process with its output. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    stdout: Output,
    stderr: Output,
}

impl Process {
    pub(super) fn start(environment: &Environment) -> io::Result<Process> {
        let (stdout, stdout_sink) = Output::open()?;
        let (stderr, stderr_sink) = Output::open()?;
        // The command is dropped here, and our copies of the sinks with it: otherwise the end of
        // the process would not be the end of its output.
        let child = Command::new(&environment.bootstrap)
            .env_clear()
            .envs(&environment.variables)
            .current_dir(&environment.task_root)
            .stdin(Stdio::null())
            .stdout(stdout_sink)
            .stderr(stderr_sink)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Process {
            child,
            stdout,
            stderr,
        })
    }

    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Collects output until the process ends. Loses nothing when cancelled.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        loop {
            tokio::select! {
                () = self.stdout.fill() => {}
                () = self.stderr.fill() => {}
                status = self.child.wait() => return status,
            }
        }
    }

    /// Kills the process and waits until it is gone.
    pub(super) async fn kill(&mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// Everything written since the last time, to stdout and to stderr.
    pub(super) fn take_lines(&mut self) -> Lines {
        self.stdout.drain();
        self.stderr.drain();
        Lines {
            stdout: self.stdout.take_lines(),
            stderr: self.stderr.take_lines(),
        }
    }
}

/// The output of a process.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) stdout: Vec<String>,
    pub(super) stderr: Vec<String>,
}
