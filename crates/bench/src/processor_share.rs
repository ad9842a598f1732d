//! Limits processes to a share of one processor, as Lambda does: in proportion to the memory, of which
//! 1,769 MB have one processor (Lambda Developer Guide, "Configure Lambda function memory").

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::Context;

use crate::contender::write_executable;

/// The memory of a function that has one processor, in MB.
pub(crate) const ONE_PROCESSOR_MB: u32 = 1769;

/// The period in which a process gets its share. It is short beside an event, and the least share of it is
/// above the least quota of the kernel, which is one millisecond.
const PERIOD: Duration = Duration::from_millis(20);

/// Where the control groups of this machine are mounted.
const MOUNT: &str = "/sys/fs/cgroup";

/// A control group with a quota of processor time. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct ProcessorShare {
    group: PathBuf,
    /// The part of one processor.
    share: f64,
}

impl ProcessorShare {
    /// Returns an error if this machine or its permissions do not allow to limit processes.
    pub(crate) fn check() -> anyhow::Result<()> {
        ProcessorShare::of_processor(1.0).map(drop)
    }

    /// Creates the group for a function with this memory.
    ///
    /// # Errors
    /// If this machine or its permissions do not allow it.
    pub(crate) fn of_memory(memory_mb: u32) -> anyhow::Result<ProcessorShare> {
        let share = f64::from(memory_mb) / f64::from(ONE_PROCESSOR_MB);
        ProcessorShare::create(Path::new(MOUNT), share)
    }

    /// Creates a group with a part of one processor.
    pub(crate) fn of_processor(share: f64) -> anyhow::Result<ProcessorShare> {
        ProcessorShare::create(Path::new(MOUNT), share)
    }

    fn create(mount: &Path, share: f64) -> anyhow::Result<ProcessorShare> {
        let name = format!("secret-replicator-bench-{}", std::process::id());
        let is_unified = mount.join("cgroup.controllers").exists();
        let parent = if is_unified {
            mount.to_owned()
        } else {
            mount.join("cpu")
        };
        let group = ProcessorShare {
            group: parent.join(name),
            share,
        };
        fs::create_dir_all(&group.group)
            .with_context(|| format!("failed to create {}", group.group.display()))?;
        let period = PERIOD.as_micros();
        let quota = format!("{:.0}", PERIOD.as_secs_f64() * 1e6 * share);
        if is_unified {
            write(&parent.join("cgroup.subtree_control"), "+cpu")?;
            write(&group.group.join("cpu.max"), &format!("{quota} {period}"))?;
        } else {
            write(&group.group.join("cpu.cfs_period_us"), &period.to_string())?;
            write(&group.group.join("cpu.cfs_quota_us"), &quota)?;
        }
        Ok(group)
    }

    /// Returns the part of one processor.
    pub(crate) fn share(&self) -> f64 {
        self.share
    }

    /// Writes a script that starts a program in the group.
    pub(crate) fn starter(&self, program: &Path) -> anyhow::Result<PathBuf> {
        let directory = program.parent().context("the program has no directory")?;
        let script = directory.join("start-with-share");
        let (group, program) = (self.group.display(), program.display());
        let text = format!("#!/bin/sh\necho $$ > '{group}/cgroup.procs' && exec '{program}'\n");
        write_executable(&script, &text)?;
        Ok(script)
    }
}

impl Drop for ProcessorShare {
    fn drop(&mut self) {
        // The kernel removes a group only after its last process has exited.
        for _ in 0..100 {
            if fs::remove_dir(&self.group).is_ok() || !self.group.exists() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        eprintln!(
            "failed to remove {}: remove it by hand",
            self.group.display()
        );
    }
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(file, text).with_context(|| format!("failed to write {text} to {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory that stands for the mounted control groups.
    fn mount(name: &str) -> PathBuf {
        let mount = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&mount).unwrap();
        mount
    }

    #[test]
    fn version_1_of_control_groups_gets_period_and_quota() {
        let mount = mount("cgroup-v1");
        let share = ProcessorShare::create(&mount, 128.0 / 1769.0).unwrap();
        let read = |file| fs::read_to_string(share.group.join(file)).unwrap();
        assert_eq!(read("cpu.cfs_period_us"), "20000");
        assert_eq!(read("cpu.cfs_quota_us"), "1447");
        fs::remove_dir_all(&mount).unwrap();
    }

    #[test]
    fn version_2_of_control_groups_gets_both_in_one_file() {
        let mount = mount("cgroup-v2");
        fs::write(mount.join("cgroup.controllers"), "cpu").unwrap();
        let share = ProcessorShare::create(&mount, 1.0).unwrap();
        let text = fs::read_to_string(share.group.join("cpu.max")).unwrap();
        assert_eq!(text, "20000 20000");
        let enabled = fs::read_to_string(mount.join("cgroup.subtree_control")).unwrap();
        assert_eq!(enabled, "+cpu");
        fs::remove_dir_all(&mount).unwrap();
    }
}
