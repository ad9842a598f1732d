//! The function's process.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use tokio::process::{Child, Command};

use super::LambdaSettings;

/// A running process with its output. Dropping it kills the process.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    stdout: Output,
    stderr: Output,
}

impl Process {
    pub(super) fn start(settings: &LambdaSettings, runtime_api: SocketAddr) -> io::Result<Process> {
        let bootstrap = std::path::absolute(&settings.bootstrap)?;
        let task_root = bootstrap.parent().unwrap_or(Path::new("/"));
        let (stdout, stdout_sink) = Output::open()?;
        let (stderr, stderr_sink) = Output::open()?;
        let child = Command::new(&bootstrap)
            .env_clear()
            .envs(settings.lambda_variables())
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string())
            .env("LAMBDA_TASK_ROOT", task_root)
            .envs(&settings.environment)
            .current_dir(task_root)
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

    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Kills the process and waits for its end.
    pub(super) async fn kill(&mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// Takes the lines written to stdout and stderr since the last time.
    pub(super) fn take_lines(&mut self) -> io::Result<(Vec<String>, Vec<String>)> {
        Ok((self.stdout.take_lines()?, self.stderr.take_lines()?))
    }
}

/// The stdout or stderr of a process: an unnamed file. Unlike a pipe, a file shows every byte as
/// soon as it is written, and the process never waits for a reader.
#[derive(Debug)]
struct Output {
    file: File,
    taken: u64,
}

impl Output {
    fn open() -> io::Result<(Output, File)> {
        let file = tempfile::tempfile()?;
        let sink = file.try_clone()?;
        Ok((Output { file, taken: 0 }, sink))
    }

    /// Takes the new lines. The last line may lack a line feed.
    fn take_lines(&mut self) -> io::Result<Vec<String>> {
        let end = self.file.metadata()?.len();
        let length = usize::try_from(end - self.taken).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        // The process shares the file's cursor, so this reads without it.
        self.file.read_exact_at(&mut bytes, self.taken)?;
        self.taken = end;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.lines().map(str::to_owned).collect())
    }
}
