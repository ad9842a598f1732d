//! The memory of a process.

use std::fs;

use anyhow::Context;

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
