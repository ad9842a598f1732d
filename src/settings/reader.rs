use std::collections::BTreeSet;
use std::ffi::OsString;
use std::time::Duration;

use super::{SettingError, SettingProblem};
use secret_replicator_core::limits::AllowedRegions;
use secret_replicator_core::policy::{self, Checked, DEFAULT_POLICY};
use secret_replicator_core::secret::Region;

/// A function that returns an environment variable.
pub(super) type Lookup<'a> = dyn Fn(&str) -> Option<Result<String, OsString>> + 'a;

/// Reads settings and collects all problems. The values that the methods return are valid only if
/// `problems` is empty after all settings are read.
pub(super) struct SettingsReader<'a> {
    pub(super) variable: &'a Lookup<'a>,
    pub(super) problems: Vec<SettingProblem>,
}

/// The maximum time to follow replicas. The function's timeout in the template is 180 seconds.
const MAX_REPLICATION_WAIT_SECONDS: u64 = 120;

impl SettingsReader<'_> {
    fn get(&mut self, variable: &'static str) -> Option<String> {
        let value = (self.variable)(variable)?;
        if value.is_err() {
            self.wrong(variable, "must be valid Unicode");
        }
        value.ok().filter(|value| !value.trim().is_empty())
    }

    fn wrong(&mut self, variable: &'static str, message: impl Into<String>) {
        self.problems.push(SettingProblem {
            variable,
            error: SettingError::Value(message.into()),
        });
    }

    pub(super) fn region(&mut self) -> Option<Region> {
        let Some(text) = self.get("AWS_REGION") else {
            self.wrong(
                "AWS_REGION",
                "is not set; Lambda sets it; outside of Lambda, set it to a Region code",
            );
            return None;
        };
        Region::parse(&text)
            .map_err(|error| self.wrong("AWS_REGION", error.to_string()))
            .ok()
    }

    pub(super) fn policy(
        &mut self,
        allowed_regions: &AllowedRegions,
        file: &dyn Fn(&str) -> Result<String, String>,
    ) -> Option<Checked> {
        let (variable, text) = if let Some(text) = self.get("REPLICATION_POLICY") {
            ("REPLICATION_POLICY", text)
        } else if let Some(path) = self.get("REPLICATION_POLICY_FILE") {
            match file(&path) {
                Ok(text) => ("REPLICATION_POLICY_FILE", text),
                Err(error) => {
                    let message = format!(
                        "failed to read `{path}`: {error}; give the full path of a file in the \
                         package or in a layer (/opt/...)"
                    );
                    self.wrong("REPLICATION_POLICY_FILE", message);
                    return None;
                }
            }
        } else {
            ("REPLICATION_POLICY", DEFAULT_POLICY.to_owned())
        };
        let error = |invalid| SettingProblem {
            variable,
            error: SettingError::Policy(invalid),
        };
        policy::check(&text, allowed_regions)
            .map_err(|invalid| self.problems.push(error(invalid)))
            .ok()
    }

    pub(super) fn allowed_regions(&mut self) -> AllowedRegions {
        let Some(text) = self.get("ALLOWED_REPLICA_REGIONS") else {
            return AllowedRegions::Any;
        };
        let mut regions = BTreeSet::new();
        let problems_before = self.problems.len();
        for token in text
            .split([' ', ',', '\t', '\n'])
            .filter(|token| !token.is_empty())
        {
            match Region::parse(token) {
                Ok(region) => {
                    regions.insert(region);
                }
                Err(error) => {
                    let message = format!("{error}; list Regions separated by spaces or commas");
                    self.wrong("ALLOWED_REPLICA_REGIONS", message);
                }
            }
        }
        if regions.is_empty() && self.problems.len() == problems_before {
            self.wrong(
                "ALLOWED_REPLICA_REGIONS",
                "must name at least one Region; leave it empty to allow every Region",
            );
        }
        AllowedRegions::Only(regions)
    }

    pub(super) fn boolean(&mut self, variable: &'static str) -> bool {
        match self.get(variable).as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => {
                self.wrong(
                    variable,
                    format!("must be `true` or `false`, found `{other}`"),
                );
                false
            }
        }
    }

    pub(super) fn replication_wait(&mut self) -> Duration {
        let text = self
            .get("REPLICATION_WAIT_SECONDS")
            .unwrap_or_else(|| "30".to_owned());
        let seconds = text
            .parse()
            .ok()
            .filter(|seconds| *seconds <= MAX_REPLICATION_WAIT_SECONDS);
        if seconds.is_none() {
            let message = format!(
                "must be a number of seconds from 0 to {MAX_REPLICATION_WAIT_SECONDS}, found \
                 `{text}`"
            );
            self.wrong("REPLICATION_WAIT_SECONDS", message);
        }
        Duration::from_secs(seconds.unwrap_or_default())
    }

    /// Reads the sweep's write rate. The default is half of AWS's quota of 50 writes per second, which the
    /// whole account shares.
    pub(super) fn writes_per_second(&mut self) -> u32 {
        let text = self
            .get("SWEEP_WRITES_PER_SECOND")
            .unwrap_or_else(|| "25".to_owned());
        let rate = text.parse().ok().filter(|rate| (1..=1000).contains(rate));
        if rate.is_none() {
            let message = format!("must be a number from 1 to 1000, found `{text}`");
            self.wrong("SWEEP_WRITES_PER_SECOND", message);
        }
        rate.unwrap_or(1)
    }

    /// Reads the metrics namespace. The syntax is the one that CloudWatch documents for `PutMetricData`.
    pub(super) fn namespace(&mut self) -> String {
        let text = self
            .get("METRICS_NAMESPACE")
            .unwrap_or_else(|| "SecretReplicator".to_owned());
        let allowed = |c: char| c.is_ascii_alphanumeric() || " .-_/#:".contains(c);
        if text.len() > 255 || !text.chars().all(allowed) || text.starts_with("AWS/") {
            let message = "must be a CloudWatch namespace: up to 255 letters, digits, spaces and \
                           `.-_/#:`, without the prefix `AWS/`";
            self.wrong("METRICS_NAMESPACE", message);
        }
        text
    }
}
