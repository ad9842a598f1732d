//! The function's settings, read from the environment and validated once at start.

mod reader;

use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use thiserror::Error;

use reader::{Lookup, SettingsReader};
use secret_replicator_core::limits::Limits;
use secret_replicator_core::policy::{Policy, PolicyInvalid, Problem};
use secret_replicator_core::secret::Region;

/// The settings in force.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The Region that the function runs in (`AWS_REGION`, set by Lambda).
    pub region: Region,
    /// The replication policy.
    pub policy: Policy,
    /// The document of the policy.
    pub policy_document: PolicyDocument,
    /// The policy warnings.
    pub policy_warnings: Vec<Problem>,
    /// The limits on the policy (`ALLOWED_REPLICA_REGIONS`, `ALLOW_OVERWRITE`, `ALLOW_REMOVAL`).
    pub limits: Limits,
    /// Whether the action `promote` is allowed (`ALLOW_PROMOTION`).
    pub allow_promotion: bool,
    /// Whether to decide and report without writing (`DRY_RUN`).
    pub dry_run: bool,
    /// The maximum time to follow replicas (`REPLICATION_WAIT_SECONDS`).
    pub replication_wait: Duration,
    /// The maximum writes per second of a sweep (`SWEEP_WRITES_PER_SECOND`).
    pub sweep_writes_per_second: u32,
    /// The CloudWatch namespace of the metrics (`METRICS_NAMESPACE`).
    pub metrics_namespace: String,
    /// The level of the metrics (`OBSERVABILITY`).
    pub observability: Observability,
}

/// The level of the metrics. A metric costs the same each month, regardless of its values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Observability {
    /// All metrics.
    #[default]
    Full,
    /// Only the metrics that the alarms of the level `essential` read.
    Essential,
}

/// The document of the policy in force, for the line of the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDocument {
    /// The source: `built-in`, `REPLICATION_POLICY`, or the path in `REPLICATION_POLICY_FILE`.
    pub source: String,
    /// The SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// The error for invalid settings. Contains all problems, not only the first.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct SettingsInvalid {
    /// The problems, in the order of the settings. Never empty.
    pub problems: Vec<SettingProblem>,
}

/// A problem with one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingProblem {
    /// The environment variable.
    pub variable: &'static str,
    /// The error.
    pub error: SettingError,
}

/// The error in a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingError {
    /// The value is invalid. Contains the error and the remediation.
    Value(String),
    /// The policy that the variable contains or names is invalid.
    Policy(PolicyInvalid),
}

impl SettingsInvalid {
    /// Returns whether the policy is one of the problems.
    #[must_use]
    pub fn has_policy(&self) -> bool {
        let is_policy = |problem: &SettingProblem| matches!(problem.error, SettingError::Policy(_));
        self.problems.iter().any(is_policy)
    }
}

impl fmt::Display for SettingsInvalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings of the function are invalid:")?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n{problem}"))
    }
}

impl fmt::Display for SettingProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            SettingError::Value(message) => write!(f, "{}: {message}", self.variable),
            SettingError::Policy(invalid) => write!(f, "{}: {invalid}", self.variable),
        }
    }
}

impl Settings {
    /// Reads the settings of this process.
    ///
    /// # Errors
    /// [`SettingsInvalid`] with every problem found.
    pub fn from_environment() -> Result<Self, SettingsInvalid> {
        let variable = |name: &str| std::env::var_os(name).map(OsString::into_string);
        let file = |path: &str| std::fs::read_to_string(path).map_err(|error| error.to_string());
        Self::read(&variable, &file)
    }

    /// Reads the settings. `variable` returns an environment variable, or an error if it is not Unicode.
    /// `file` returns a file's text, or the reason for a failed read. An empty variable counts as unset,
    /// because an empty parameter of the template sets the variable to an empty value.
    ///
    /// # Errors
    /// [`SettingsInvalid`] with every problem found.
    pub fn read(
        variable: &Lookup<'_>,
        file: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Self, SettingsInvalid> {
        let mut reader = SettingsReader {
            variable,
            problems: Vec::new(),
        };
        let region = reader.region();
        let limits = Limits {
            allowed_regions: reader.allowed_regions(),
            overwrite: reader.boolean("ALLOW_OVERWRITE").into(),
            removal: reader.boolean("ALLOW_REMOVAL").into(),
        };
        let policy = reader.policy(&limits, file);
        let allow_promotion = reader.boolean("ALLOW_PROMOTION");
        let dry_run = reader.boolean("DRY_RUN");
        let replication_wait = reader.replication_wait();
        let sweep_writes_per_second = reader.writes_per_second();
        let metrics_namespace = reader.namespace();
        let observability = reader.observability();
        match (region, policy) {
            (Some(region), Some((checked, policy_document))) if reader.problems.is_empty() => {
                Ok(Self {
                    region,
                    policy: checked.policy,
                    policy_document,
                    policy_warnings: checked.warnings,
                    limits,
                    allow_promotion,
                    dry_run,
                    replication_wait,
                    sweep_writes_per_second,
                    metrics_namespace,
                    observability,
                })
            }
            _ => Err(SettingsInvalid {
                problems: reader.problems,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use secret_replicator_core::limits::{AllowedRegions, Overwrite, RemovalLimit};
    use secret_replicator_core::policy::{DEFAULT_POLICY, digest};

    /// The policy in a layer.
    const FILE: &str = "version: 1\nrules: [{name: b, when: all, replicate-to: us-west-2}]\n";

    fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingsInvalid> {
        let variable = |name: &str| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| Ok((*value).to_owned()))
        };
        let file = |path: &str| match path {
            "/var/task/empty.yaml" => Ok("version: 1\nrules: []\n".to_owned()),
            "/opt/policy.yaml" => Ok(FILE.to_owned()),
            _ => Err("No such file or directory".to_owned()),
        };
        Settings::read(&variable, &file)
    }

    #[test]
    fn without_settings_the_defaults_are_in_force() {
        let settings = read(&[("AWS_REGION", "eu-west-1")]).unwrap();
        assert_eq!(settings.region.as_str(), "eu-west-1");
        assert_eq!(settings.policy.rules().len(), 1);
        assert_eq!(settings.limits.allowed_regions, AllowedRegions::Any);
        assert_eq!(settings.replication_wait, Duration::from_secs(30));
        assert_eq!(settings.metrics_namespace, "SecretReplicator");
        assert_eq!(settings.observability, Observability::Full);
        assert!(
            settings.limits.overwrite == Overwrite::Never
                && settings.limits.removal == RemovalLimit::Never
                && !settings.allow_promotion
                && !settings.dry_run
        );
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let names = [
            "REPLICATION_POLICY",
            "REPLICATION_POLICY_FILE",
            "ALLOWED_REPLICA_REGIONS",
            "ALLOW_OVERWRITE",
            "ALLOW_REMOVAL",
            "ALLOW_PROMOTION",
            "DRY_RUN",
            "REPLICATION_WAIT_SECONDS",
            "SWEEP_WRITES_PER_SECOND",
            "METRICS_NAMESPACE",
            "OBSERVABILITY",
        ];
        let mut variables: Vec<_> = names.iter().map(|name| (*name, " ")).collect();
        variables.push(("AWS_REGION", "eu-west-1"));
        assert!(read(&variables).is_ok());
    }

    #[test]
    fn the_allowed_regions_take_spaces_and_commas() {
        let variables = [
            ("AWS_REGION", "eu-west-1"),
            ("ALLOWED_REPLICA_REGIONS", "us-east-1, us-west-2  eu-west-2"),
        ];
        let AllowedRegions::Only(regions) = read(&variables).unwrap().limits.allowed_regions else {
            panic!("any")
        };
        assert_eq!(regions.len(), 3);
    }

    #[test]
    fn every_problem_is_reported_at_once_with_its_remediation() {
        insta::assert_snapshot!(
            read(&[
                ("REPLICATION_POLICY", "version: 1\nrules: [{name: a}]\n"),
                ("ALLOWED_REPLICA_REGIONS", "frankfurt"),
                ("ALLOW_OVERWRITE", "yes"),
                ("ALLOW_REMOVAL", "1"),
                ("ALLOW_PROMOTION", "on"),
                ("DRY_RUN", "True"),
                ("REPLICATION_WAIT_SECONDS", "1 minute"),
                ("SWEEP_WRITES_PER_SECOND", "0"),
                ("METRICS_NAMESPACE", "AWS/Secrets"),
                ("OBSERVABILITY", "none"),
            ])
            .unwrap_err()
        );
    }

    #[test]
    fn a_policy_that_a_tool_has_cut_names_the_tool_that_quotes_it() {
        let read_policy = |policy| {
            let variables = [("AWS_REGION", "eu-west-1"), ("REPLICATION_POLICY", policy)];
            read(&variables).unwrap_err().to_string()
        };
        let quotes = "secret-replicator parameter policy.yaml --for sam";
        for policy in ["{", "version:", "#", "{version:", "{\"version\":", "--- "] {
            let invalid = read_policy(policy);
            assert!(invalid.contains(quotes), "{invalid}");
        }
        let invalid = read_policy("version: 1\nrulez: []\n");
        assert!(!invalid.contains(quotes), "{invalid}");
    }

    #[test]
    fn quotes_in_a_setting_are_named() {
        let invalid = read(&[
            ("AWS_REGION", "eu-west-1"),
            ("ALLOWED_REPLICA_REGIONS", "\"eu-west-1 us-west-2\""),
            ("DRY_RUN", "'true'"),
            ("REPLICATION_WAIT_SECONDS", "\"30\""),
        ]);
        let invalid = invalid.unwrap_err().to_string();
        for plain in ["eu-west-1", "us-west-2", "true", "30"] {
            let hint = format!("the quotes are part of the value: write `{plain}` without them");
            assert!(invalid.contains(&hint), "{invalid}");
        }
    }

    #[test]
    fn a_policy_file_that_is_missing_or_wrong_is_named() {
        let read_file = |path| {
            read(&[
                ("AWS_REGION", "eu-west-1"),
                ("REPLICATION_POLICY_FILE", path),
            ])
            .unwrap_err()
        };
        let missing = read_file("/opt/no-policy.yaml");
        assert!(
            missing
                .to_string()
                .contains("failed to read `/opt/no-policy.yaml`"),
            "{missing}"
        );
        assert!(!missing.has_policy());
        let empty = read_file("/var/task/empty.yaml");
        assert!(
            empty
                .to_string()
                .contains("REPLICATION_POLICY_FILE: the replication policy")
        );
        assert!(empty.has_policy());
    }

    proptest! {
        #[test]
        fn any_settings_are_accepted_or_rejected_with_problems(values in vec(any::<String>(), 9)) {
            let names = [
                "AWS_REGION", "REPLICATION_POLICY", "ALLOWED_REPLICA_REGIONS", "ALLOW_OVERWRITE",
                "ALLOW_REMOVAL", "ALLOW_PROMOTION", "DRY_RUN", "REPLICATION_WAIT_SECONDS",
                "METRICS_NAMESPACE",
            ];
            let variable = |name: &str| {
                let index = names.iter().position(|other| *other == name)?;
                Some(Ok(values[index].clone()))
            };
            if let Err(invalid) = Settings::read(&variable, &|_| Err("no file".to_owned())) {
                prop_assert!(!invalid.problems.is_empty());
            }
        }
    }

    #[test]
    fn the_document_of_the_policy_is_named_with_its_digest() {
        let document = |variable, value| {
            let variables = [("AWS_REGION", "eu-west-1"), (variable, value)];
            let document = read(&variables).unwrap().policy_document;
            (document.source, document.sha256)
        };
        let policy = "{version: 1, rules: [{name: a, when: all, replicate-to: us-east-1}]}";
        let sha256 = digest(policy);
        let name = "REPLICATION_POLICY".to_owned();
        assert_eq!(document("REPLICATION_POLICY", policy), (name, sha256));
        let built_in = ("built-in".to_owned(), digest(DEFAULT_POLICY));
        assert_eq!(document("REPLICATION_POLICY", ""), built_in);
        let path = "/opt/policy.yaml";
        assert_eq!(
            document("REPLICATION_POLICY_FILE", path),
            (path.to_owned(), digest(FILE))
        );
    }

    #[test]
    fn the_policy_in_the_variable_wins_over_the_file() {
        let policy = "{version: 1, rules: [{name: a, when: all, replicate-to: us-east-1}]}";
        let variables = [
            ("AWS_REGION", "eu-west-1"),
            ("REPLICATION_POLICY", policy),
            ("REPLICATION_POLICY_FILE", "/opt/policy.yaml"),
        ];
        let document = read(&variables).unwrap().policy_document;
        assert_eq!(document.sha256, digest(policy));
    }
}
