//! The machine and the date of a measurement.

use std::fs;

use anyhow::Context;
use serde::Serialize;

/// The bundle of root certificates of Debian and its derivatives.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Reads the root certificates that the system trusts, as PEM; empty if there is no bundle.
pub(crate) fn system_roots() -> String {
    fs::read_to_string(SYSTEM_ROOTS).unwrap_or_default()
}

/// The machine and the date of a measurement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Machine {
    pub(crate) date: String,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    /// The number of root certificates that the system trusts.
    pub(crate) roots: usize,
    /// The load average over five minutes; the measurement itself adds about one.
    pub(crate) load: f64,
}

impl Machine {
    /// Reads the properties of this machine from the kernel.
    pub(crate) fn read() -> anyhow::Result<Machine> {
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        let model = processors
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .map_or(std::env::consts::ARCH, |name| {
                name.trim_start_matches([' ', '\t', ':'])
            });
        let load = fs::read_to_string("/proc/loadavg")?;
        let load = load
            .split(' ')
            .nth(1)
            .context("the load is missing")?
            .parse()?;
        Ok(Machine {
            date: chrono::Utc::now().format("%Y-%m-%d %H:%M UTC").to_string(),
            processor: model.to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?
                .trim()
                .to_owned(),
            roots: system_roots().matches("BEGIN CERTIFICATE").count(),
            load,
        })
    }
}
