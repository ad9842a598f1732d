//! On what, and when, something was measured.

use std::fs;

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// The circumstances of a measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) date: String,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    /// Of the last five minutes; the measurement's own share is about one.
    pub(crate) load: f64,
}

impl Machine {
    /// Reads what Linux says.
    pub(crate) fn look() -> anyhow::Result<Machine> {
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        let model = processors
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .map_or(std::env::consts::ARCH, |name| {
                name.trim_start_matches([' ', '\t', ':'])
            });
        let load = fs::read_to_string("/proc/loadavg")?;
        let load = load.split(' ').nth(1).context("a load")?.parse()?;
        Ok(Machine {
            date: chrono::Utc::now().format("%Y-%m-%d %H:%M UTC").to_string(),
            processor: model.to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?
                .trim()
                .to_owned(),
            load,
        })
    }
}
