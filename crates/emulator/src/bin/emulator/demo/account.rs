use std::path::Path;

use anyhow::{Context, ensure};
use tokio::process::Command;

/// Runs the commands of the command-line tool that read an account, and prints what they show.
///
/// # Errors
/// A command cannot be started or fails.
pub(super) async fn show(tool: &Path, region: &str, endpoint: &str) -> anyhow::Result<()> {
    for command in ["plan", "status"] {
        let output = Command::new(tool)
            .args([command, "--region", region, "--endpoint-url", endpoint])
            .env("AWS_ACCESS_KEY_ID", "any")
            .env("AWS_SECRET_ACCESS_KEY", "any")
            .env_remove("AWS_PROFILE")
            .output()
            .await
            .with_context(|| format!("failed to start {}", tool.display()))?;
        // 2 stands for findings.
        ensure!(
            matches!(output.status.code(), Some(0 | 2)),
            "{command} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        println!("$ secret-replicator {command} --region {region}");
        println!("{}", String::from_utf8_lossy(&output.stdout));
    }
    Ok(())
}
