use std::collections::BTreeSet;
use std::ffi::OsString;
use std::str::FromStr;
use std::time::Duration;

use super::{Observability, PolicyDocument, SettingError, SettingProblem};
use secret_replicator_core::known_regions;
use secret_replicator_core::limits::{AllowedRegions, Limits};
use secret_replicator_core::policy::{self, Checked, DEFAULT_POLICY, digest};
use secret_replicator_core::secret::Region;
use secret_replicator_core::spelling::quotes_hint;

/// A function that returns an environment variable.
pub(super) type Lookup<'a> = dyn Fn(&str) -> Option<Result<String, OsString>> + 'a;

/// Reads settings and collects all problems. The values that the methods return are valid only if
/// `problems` is empty after all settings are read.
pub(super) struct SettingsReader<'a> {
    pub(super) variable: &'a Lookup<'a>,
    pub(super) problems: Vec<SettingProblem>,
}

/// The maximum time to follow replicas. The template's parameter has the same range.
const MAX_REPLICATION_WAIT_SECONDS: u64 = 120;

/// The maximum write rate of a sweep. The template's parameter has the same range.
const MAX_WRITES_PER_SECOND: u32 = 1000;

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

    /// Reports another value than the expected one.
    fn wrong_value(&mut self, variable: &'static str, expected: &str, found: &str) {
        let hint = quotes_hint(found).map_or_else(String::new, |hint| format!("; {hint}"));
        self.wrong(
            variable,
            format!("must be {expected}, found `{found}`{hint}"),
        );
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
            .map_err(|error| {
                let hint = known_regions::did_you_mean(&text);
                let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
                self.wrong("AWS_REGION", format!("{error}{hint}"));
            })
            .ok()
    }

    pub(super) fn policy(
        &mut self,
        limits: &Limits,
        file: &dyn Fn(&str) -> Result<String, String>,
    ) -> Option<(Checked, PolicyDocument)> {
        let (variable, source, text) = self.policy_text(file)?;
        let error = |invalid| SettingProblem {
            variable,
            error: SettingError::Policy(invalid),
        };
        let checked = policy::check_with_limits(&text, limits)
            .map_err(|invalid| self.problems.push(error(invalid)))
            .ok();
        if checked.is_none() && is_cut(&text) {
            let message = format!(
                "the value is only `{}`, as if a tool had cut the policy at its first space; \
                 `secret-replicator parameter policy.yaml --for sam` quotes it for SAM",
                text.trim()
            );
            self.wrong(variable, message);
        }
        let sha256 = digest(&text);
        Some((checked?, PolicyDocument { source, sha256 }))
    }

    /// Reads the text of the policy. Returns it with the variable that decides it, and with its source. The document
    /// in a variable wins over a file; the template refuses a stack with both.
    fn policy_text(
        &mut self,
        file: &dyn Fn(&str) -> Result<String, String>,
    ) -> Option<(&'static str, String, String)> {
        const TEXT: &str = "REPLICATION_POLICY";
        const FILE: &str = "REPLICATION_POLICY_FILE";
        if let Some(text) = self.get(TEXT) {
            return Some((TEXT, TEXT.to_owned(), text));
        }
        let Some(path) = self.get(FILE) else {
            return Some((TEXT, "built-in".to_owned(), DEFAULT_POLICY.to_owned()));
        };
        match file(&path) {
            Ok(text) => Some((FILE, path, text)),
            Err(error) => {
                let message = format!(
                    "failed to read `{path}`: {error}; give the full path of a file in the package or in a layer \
                     (/opt/...)"
                );
                self.wrong(FILE, message);
                None
            }
        }
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
                    let hint = quotes_hint(token)
                        .or_else(|| known_regions::did_you_mean(token))
                        .unwrap_or_else(|| {
                            "list Regions such as `eu-west-1`, separated by spaces or commas"
                                .to_owned()
                        });
                    let message = format!("{error}; {hint}");
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
                self.wrong_value(variable, "`true` or `false`", other);
                false
            }
        }
    }

    pub(super) fn replication_wait(&mut self) -> Duration {
        let text = self
            .get("REPLICATION_WAIT_SECONDS")
            .unwrap_or_else(|| "30".to_owned());
        let seconds =
            whole_number(&text).filter(|seconds| *seconds <= MAX_REPLICATION_WAIT_SECONDS);
        if seconds.is_none() {
            let expected = format!("a number of seconds from 0 to {MAX_REPLICATION_WAIT_SECONDS}");
            self.wrong_value("REPLICATION_WAIT_SECONDS", &expected, &text);
        }
        Duration::from_secs(seconds.unwrap_or_default())
    }

    /// Reads the sweep's write rate. The default is half of AWS's quota of 50 writes per second, which the
    /// whole account shares.
    pub(super) fn writes_per_second(&mut self) -> u32 {
        let text = self
            .get("SWEEP_WRITES_PER_SECOND")
            .unwrap_or_else(|| "25".to_owned());
        let rate = whole_number(&text).filter(|rate| (1..=MAX_WRITES_PER_SECOND).contains(rate));
        if rate.is_none() {
            let expected = format!("a number from 1 to {MAX_WRITES_PER_SECOND}");
            self.wrong_value("SWEEP_WRITES_PER_SECOND", &expected, &text);
        }
        rate.unwrap_or(1)
    }

    pub(super) fn observability(&mut self) -> Observability {
        match self.get("OBSERVABILITY").as_deref() {
            None | Some("full") => Observability::Full,
            Some("essential") => Observability::Essential,
            Some(other) => {
                self.wrong_value("OBSERVABILITY", "`full` or `essential`", other);
                Observability::Full
            }
        }
    }

    /// Reads the metrics namespace: the namespaces of `PutMetricData` (CloudWatch API reference) without spaces
    /// and colons, as in the template's parameter.
    pub(super) fn namespace(&mut self) -> String {
        let text = self
            .get("METRICS_NAMESPACE")
            .unwrap_or_else(|| "SecretReplicator".to_owned());
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._/#-".contains(c);
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric() || "_#".contains(c));
        let is_reserved = text.starts_with("AWS/");
        if text.len() > 255 || !text.chars().all(is_allowed) || !starts_well || is_reserved {
            let message = "must be a CloudWatch namespace: up to 255 letters, digits and `.-_/#`, \
                           beginning with a letter, a digit, `_` or `#`, without the prefix `AWS/`";
            self.wrong("METRICS_NAMESPACE", message);
        }
        text
    }
}

/// Returns whether an invalid policy seems to be the first word of a policy: `{`, `version:`, `#`. SAM cuts values
/// without quotes there.
fn is_cut(text: &str) -> bool {
    let first_words = [
        "{",
        "{version:",
        "{\"version\":",
        "version:",
        "groups:",
        "rules:",
        "#",
        "---",
    ];
    first_words.contains(&text.trim())
}

/// Reads a whole number in the only form that the template's parameters accept: digits without a sign or
/// leading zeros.
fn whole_number<T: FromStr>(text: &str) -> Option<T> {
    let is_canonical = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| is_canonical)
}
