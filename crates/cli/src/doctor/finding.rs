//! What `doctor` reports: findings, each with its link of the chain and one remediation.

use std::fmt;

use serde::Serialize;

/// A link of the chain from a changed secret to its replica and to the operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Link {
    /// The CloudFormation stack.
    Stack,
    /// The Lambda function with its settings.
    Function,
    /// The EventBridge rule, and its permission to invoke the function.
    Rule,
    /// The CloudTrail trail.
    Trail,
    /// The IAM roles of the stack.
    Role,
    /// The KMS keys of primary secrets and replicas.
    Keys,
    /// The Regions that the account has enabled.
    Regions,
    /// The endpoints of Secrets Manager in the replica Regions.
    Endpoints,
    /// The queues of failed and undelivered messages.
    Queues,
    /// The schedules of the sweep.
    Schedule,
    /// The sweep.
    Sweep,
    /// The CloudWatch alarms.
    Alarms,
    /// The SNS topic of the alarms.
    Topic,
    /// The metrics of the function.
    Metrics,
    /// The version of the stack.
    Version,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stack => "stack",
            Self::Function => "function",
            Self::Rule => "rule",
            Self::Trail => "trail",
            Self::Role => "role",
            Self::Keys => "keys",
            Self::Regions => "regions",
            Self::Endpoints => "endpoints",
            Self::Queues => "queues",
            Self::Schedule => "schedule",
            Self::Sweep => "sweep",
            Self::Alarms => "alarms",
            Self::Topic => "topic",
            Self::Metrics => "metrics",
            Self::Version => "version",
        })
    }
}

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Severity {
    /// Secrets are not replicated, or operators do not learn of failures.
    Error,
    /// The chain works with a limitation.
    Warning,
    /// The link could not be checked.
    Unknown,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
        })
    }
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// The link that is faulty.
    pub(crate) link: Link,
    /// The severity.
    pub(crate) severity: Severity,
    /// What is wrong, on what, and the effect.
    pub(crate) problem: String,
    /// The one thing to do.
    pub(crate) remediation: String,
    /// The symptoms that this fault causes, which are not findings of their own.
    #[serde(skip)]
    explains: Vec<Symptom>,
}

/// A state that can be a fault of its own, or the consequence of another fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symptom {
    /// The alarm with this name in the template is in ALARM state.
    Alarm(&'static str),
    /// The last sweep failed.
    FailedSweep,
    /// No sweep ran for too long.
    NoSweep,
    /// Metrics are missing.
    NoMetrics,
    /// The endpoint of a Region that is not enabled rejects the call.
    NoEndpoint,
}

impl Finding {
    /// Creates a finding of severity [`Severity::Error`].
    pub(crate) fn error(
        link: Link,
        problem: impl Into<String>,
        remediation: impl Into<String>,
    ) -> Self {
        Self::new(link, Severity::Error, problem.into(), remediation.into())
    }

    /// Creates a finding of severity [`Severity::Warning`].
    pub(crate) fn warning(
        link: Link,
        problem: impl Into<String>,
        remediation: impl Into<String>,
    ) -> Self {
        Self::new(link, Severity::Warning, problem.into(), remediation.into())
    }

    /// Creates a finding of severity [`Severity::Unknown`].
    pub(crate) fn unknown(
        link: Link,
        problem: impl Into<String>,
        remediation: impl Into<String>,
    ) -> Self {
        Self::new(link, Severity::Unknown, problem.into(), remediation.into())
    }

    fn new(link: Link, severity: Severity, problem: String, remediation: String) -> Self {
        Self {
            link,
            severity,
            problem,
            remediation,
            explains: Vec::new(),
        }
    }

    /// Adds the symptoms that this fault causes.
    pub(crate) fn explaining(mut self, symptoms: &[Symptom]) -> Self {
        self.explains.extend_from_slice(symptoms);
        self
    }
}

/// The findings so far. The checks run in the order of the chain, so that a fault explains the symptoms of
/// later links.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    /// Adds a finding.
    pub(crate) fn add(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// Adds findings.
    pub(crate) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.0.extend(findings);
    }

    /// Returns whether an earlier fault causes this symptom.
    pub(crate) fn explain(&self, symptom: Symptom) -> bool {
        let mut explained = self.0.iter().flat_map(|finding| &finding.explains);
        explained.any(|known| *known == symptom)
    }

    /// Returns the findings in the order of the chain.
    pub(crate) fn into_vec(self) -> Vec<Finding> {
        self.0
    }
}
