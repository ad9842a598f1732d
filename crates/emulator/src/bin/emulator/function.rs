//! The function, with the policy and settings of the command line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use secret_replicator_emulator::{
    Answer, Emulator, Invocation, KeyState, Lambda, LambdaSettings, WorldSettings,
};
use serde_json::Value;

/// The options of the function and of the keys that it finds.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The policy, YAML or JSON. The built-in policy by default.
    #[arg(long)]
    policy: Option<PathBuf>,
    /// The Regions in which replicas may be created, separated by spaces or commas. No limit by
    /// default.
    #[arg(long)]
    allowed_regions: Option<String>,
    /// Another setting of the function. Can be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    setting: Vec<(String, String)>,
    /// A customer key that does not exist. All others exist. Can be repeated.
    #[arg(long, value_name = "REGION:KEY", value_parser = missing_key)]
    missing_key: Vec<(String, String)>,
}

fn setting(text: &str) -> Result<(String, String), String> {
    pair(text, '=', "DRY_RUN=true")
}

fn missing_key(text: &str) -> Result<(String, String), String> {
    let example = "eu-west-1:alias/app";
    if text.starts_with("arn:") {
        return Err(format!(
            "expected the Region before the key, for example `{example}`"
        ));
    }
    pair(text, ':', example)
}

/// Splits an option at the first separator.
fn pair(text: &str, separator: char, example: &str) -> Result<(String, String), String> {
    let (first, second) = text
        .split_once(separator)
        .ok_or_else(|| format!("expected a `{separator}`, for example `{example}`"))?;
    Ok((first.to_owned(), second.to_owned()))
}

impl Options {
    /// Returns whether the command line has a policy.
    pub(crate) fn have_policy(&self) -> bool {
        self.policy.is_some()
    }

    /// Returns whether the command line has none of these options.
    pub(crate) fn are_default(&self) -> bool {
        self.policy.is_none()
            && self.allowed_regions.is_none()
            && self.setting.is_empty()
            && self.missing_key.is_empty()
    }

    /// A world in which all keys exist.
    pub(crate) fn world() -> WorldSettings {
        WorldSettings {
            unlisted_keys: KeyState::Usable,
            ..WorldSettings::default()
        }
    }

    /// Removes the missing keys from the world.
    pub(crate) fn remove_keys(&self, aws: &Emulator) {
        aws.with(|world, _| {
            for (region, key) in &self.missing_key {
                world.set_key(region, key, KeyState::Missing);
            }
        });
    }

    /// Describes the policy and the settings, one a line.
    pub(crate) fn describe(&self) -> String {
        let policy = self.policy.as_deref().map(Path::display);
        let policy = policy.map_or("built-in".to_owned(), |path| path.to_string());
        let regions = self.allowed_regions.as_deref().unwrap_or("all");
        let general = [
            format!("policy: {policy}"),
            format!("allowed Regions: {regions}"),
        ];
        let settings = self.setting.iter();
        let settings = settings.map(|(name, value)| format!("{name}: {value}"));
        let keys = self.missing_key.iter();
        let keys = keys.map(|(region, key)| format!("missing key: {key} in {region}"));
        let lines: Vec<String> = general.into_iter().chain(settings).chain(keys).collect();
        lines.join("\n")
    }

    /// Returns the settings of a function that calls this Secrets Manager.
    fn settings(
        &self,
        bootstrap: &Path,
        region: &str,
        aws: &Emulator,
    ) -> anyhow::Result<LambdaSettings> {
        let mut settings = LambdaSettings::new(bootstrap, region)
            .with_env("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.endpoint())
            .with_timeout(Duration::from_mins(1));
        if let Some(policy) = &self.policy {
            ensure!(policy.is_file(), "{} is not a file", policy.display());
            // The function has another working directory.
            let policy = std::path::absolute(policy)?;
            settings = settings.with_env("REPLICATION_POLICY_FILE", policy.to_string_lossy());
        }
        if let Some(regions) = &self.allowed_regions {
            settings = settings.with_env("ALLOWED_REPLICA_REGIONS", regions);
        }
        for (name, value) in &self.setting {
            settings = settings.with_env(name, value);
        }
        Ok(settings)
    }
}

/// The function in one Region.
pub(crate) struct Function {
    settings: LambdaSettings,
    lambda: Lambda,
    warnings: Vec<String>,
}

impl Function {
    pub(crate) async fn start(
        bootstrap: &Path,
        region: &str,
        aws: &Emulator,
        options: &Options,
    ) -> anyhow::Result<Function> {
        let settings = options.settings(bootstrap, region, aws)?;
        let lambda = start(&settings).await?;
        let warnings = warnings(lambda.idle_log())?;
        Ok(Function {
            settings,
            lambda,
            warnings,
        })
    }

    /// Prints the warnings of the start, one a line, and an empty line.
    pub(crate) fn print_warnings(&self) {
        for warning in &self.warnings {
            println!("warning: {warning}");
        }
        println!();
    }

    pub(crate) fn region(&self) -> &str {
        &self.settings.region
    }

    /// Delivers an event, and starts another process if this one ended.
    pub(crate) async fn send(&mut self, event: &Value) -> anyhow::Result<Invocation> {
        let invocation = self.lambda.invoke(event).await?;
        if matches!(invocation.answer, Answer::TimedOut | Answer::Exited(_)) {
            // Lambda starts a new sandbox for the next event, too.
            self.lambda = start(&self.settings).await?;
        }
        Ok(invocation)
    }
}

/// Checks that the function's binary is there.
pub(crate) fn ensure_built(bootstrap: &Path) -> anyhow::Result<()> {
    ensure!(
        bootstrap.is_file(),
        "{} is not a file: build the function first",
        bootstrap.display()
    );
    Ok(())
}

/// Returns the warnings in the log of a start.
///
/// # Errors
/// The first error in the log: the function starts with invalid settings, and fails each event.
fn warnings(log: &[String]) -> anyhow::Result<Vec<String>> {
    let mut warnings = Vec::new();
    for line in log {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        let message = line["message"].as_str().unwrap_or_default();
        match line["level"].as_str() {
            Some("ERROR") => bail!("{message}"),
            Some("WARN") => warnings.push(message.to_owned()),
            _ => {}
        }
    }
    Ok(warnings)
}

async fn start(settings: &LambdaSettings) -> anyhow::Result<Lambda> {
    let lambda = Lambda::start(settings.clone()).await;
    lambda.context("failed to start the function")
}
