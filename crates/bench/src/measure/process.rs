//! Processor time and memory of a process, from `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::Context;

/// The processor time of a process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    /// The time in milliseconds.
    pub(crate) ms: f64,
    /// Clock samples in user mode.
    user_ticks: u32,
    /// Clock samples in the kernel.
    system_ticks: u32,
}

impl Cpu {
    /// Reads the time since the start of the process (kernel documentation, "The /proc Filesystem" and
    /// "Scheduler Statistics").
    pub(crate) fn of(pid: Option<u32>) -> anyhow::Result<Cpu> {
        let pid = pid.context("the process has ended")?;
        let line = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name of the process precedes the fields and can contain closing brackets.
        let (_, fields) = line.rsplit_once(')').context("the name is missing")?;
        let field = |index| {
            fields
                .split_whitespace()
                .nth(index)
                .context("the times are missing")
        };
        let mut time = Duration::ZERO;
        for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
            let times = fs::read_to_string(thread?.path().join("schedstat"))?;
            let nanoseconds = times
                .split_whitespace()
                .next()
                .context("the times are missing")?;
            time += Duration::from_nanos(nanoseconds.parse()?);
        }
        Ok(Cpu {
            ms: time.as_secs_f64() * 1e3,
            user_ticks: field(11)?.parse()?,
            system_ticks: field(12)?.parse()?,
        })
    }

    /// Adds the time between two readings.
    pub(crate) fn add(&mut self, before: Cpu, after: Cpu) {
        self.ms += after.ms - before.ms;
        self.user_ticks += after.user_ticks - before.user_ticks;
        self.system_ticks += after.system_ticks - before.system_ticks;
    }

    /// Returns the kernel's share of the time. `None` with too few samples.
    pub(crate) fn system_share(&self) -> Option<f64> {
        let ticks = self.user_ticks + self.system_ticks;
        (ticks >= FEWEST_TICKS).then(|| f64::from(self.system_ticks) / f64::from(ticks))
    }
}

/// The minimum number of samples, which keeps the error of the share at a few hundredths.
const FEWEST_TICKS: u32 = 100;

/// Returns the peak of the resident memory (`VmHWM`) in MiB.
pub(crate) fn peak_mib(pid: Option<u32>) -> anyhow::Result<f64> {
    status_mib(pid, "VmHWM")
}

/// Returns the resident memory that does not belong to a file (`RssAnon`) in MiB: heap and stack.
pub(crate) fn anonymous_mib(pid: Option<u32>) -> anyhow::Result<f64> {
    status_mib(pid, "RssAnon")
}

fn status_mib(pid: Option<u32>, field: &str) -> anyhow::Result<f64> {
    let pid = pid.context("the process has ended")?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let mut fields = status.lines().filter_map(|line| line.split_once(':'));
    let found = fields.find(|(name, _)| *name == field);
    let kib = found.and_then(|(_, value)| value.trim().strip_suffix(" kB"));
    let kib: f64 = kib
        .with_context(|| format!("{field} is missing"))?
        .parse()?;
    Ok(kib / 1024.0)
}
