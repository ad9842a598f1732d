//! The most memory that a process has used.

use std::fs;

use anyhow::Context;

/// `VmHWM` in MiB.
pub(crate) fn peak_mib(pid: Option<u32>) -> anyhow::Result<f64> {
    let pid = pid.context("the process has ended")?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kib: f64 = peak.context("no VmHWM")?.parse()?;
    Ok(kib / 1024.0)
}
