//! What the kernel has noted of a process.

use std::fs;

use anyhow::Context;

/// The time that a process has had on a processor, in ms.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    /// In its own code and that of its libraries.
    pub(crate) user_ms: f64,
    /// In the kernel.
    pub(crate) system_ms: f64,
}

impl Cpu {
    /// What it has had so far, to ten milliseconds ("The /proc filesystem", `/proc/PID/stat`).
    pub(crate) fn of(pid: Option<u32>) -> anyhow::Result<Cpu> {
        let pid = pid.context("the process has ended")?;
        let line = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name before may hold anything, closing brackets too.
        let (_, fields) = line.rsplit_once(')').context("no name")?;
        let field = |index| fields.split_whitespace().nth(index);
        let in_a_second = u32::try_from(rustix::param::clock_ticks_per_second())?;
        let milliseconds = |index| {
            let ticks: u32 = field(index).context("no times")?.parse()?;
            anyhow::Ok(f64::from(ticks) * 1e3 / f64::from(in_a_second))
        };
        Ok(Cpu {
            user_ms: milliseconds(11)?,
            system_ms: milliseconds(12)?,
        })
    }
}

/// The most that was ever resident (`VmHWM`), in MiB.
pub(crate) fn peak_mib(pid: Option<u32>) -> anyhow::Result<f64> {
    status_mib(pid, "VmHWM")
}

/// What is resident and no part of a file (`RssAnon`), in MiB: heap and stack, without the code.
pub(crate) fn anonymous_mib(pid: Option<u32>) -> anyhow::Result<f64> {
    status_mib(pid, "RssAnon")
}

fn status_mib(pid: Option<u32>, field: &str) -> anyhow::Result<f64> {
    let pid = pid.context("the process has ended")?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let mut fields = status.lines().filter_map(|line| line.split_once(':'));
    let found = fields.find(|(name, _)| *name == field);
    let kib = found.and_then(|(_, value)| value.trim().strip_suffix(" kB"));
    let kib: f64 = kib.with_context(|| format!("no {field}"))?.parse()?;
    Ok(kib / 1024.0)
}
