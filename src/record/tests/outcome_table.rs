//! Tests that the table "Outcomes, queues and alarms" of `docs/RELIABILITY.md` says what the code and the
//! template do.

use std::collections::{BTreeMap, BTreeSet};

use secret_replicator_aws::{CallError, CallErrorKind, NotSent, Operation};
use secret_replicator_core::limits::AllowedRegions;
use secret_replicator_core::policy;
use secret_replicator_core::reason::{Conflict, SkipReason};
use secret_replicator_core::request::BadEvent;
use secret_replicator_core::secret::{KmsKey, Replica, ReplicaStatus};

use super::*;
use crate::deployment::CheckOutcome;
use crate::settings::{Observability, SettingError, SettingProblem, SettingsInvalid};
use crate::sweep::tally;

const RELIABILITY: &str = include_str!("../../../docs/RELIABILITY.md");
const TEMPLATE: &str = include_str!("../../../template.yaml");
/// The levels, each with the column of its alarms.
const LEVELS: [(Observability, usize); 2] =
    [(Observability::Full, 3), (Observability::Essential, 4)];

/// Returns the rows of the table, each with its cells.
fn rows() -> Vec<Vec<&'static str>> {
    let section = RELIABILITY
        .split_once("## Outcomes, queues and alarms")
        .expect("the section");
    let lines = section
        .1
        .lines()
        .skip_while(|line| !line.starts_with("|---"));
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// Returns the words in backticks.
fn quoted(cell: &str) -> BTreeSet<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Returns the alarms of a level that fire over a value of one of the function's own metrics, each with its metric.
fn alarms(level: Observability) -> BTreeMap<&'static str, &'static str> {
    let (name_of_condition, place) = match level {
        Observability::Full => ("HasFullObservability", 0),
        Observability::Essential => ("HasEssentialObservability", 1),
    };
    let value = |resource: &'static str, key: &str| {
        let mut lines = resource.lines().map(str::trim);
        lines.find_map(|line| line.strip_prefix(key))
    };
    let mut alarms = BTreeMap::new();
    for (name, resource) in TEMPLATE
        .split("\n\n")
        .filter_map(|block| block.split_once(":\n    Type: AWS::CloudWatch::Alarm\n"))
    {
        let name = name.rsplit([' ', '\n']).next().expect("a name");
        let condition = value(resource, "Condition: ").unwrap_or_default();
        let is_of_level = !condition.ends_with("Observability") || condition == name_of_condition;
        let is_own = value(resource, "Namespace: ") == Some("!Ref MetricsNamespace");
        let is_over_value = value(resource, "ComparisonOperator: ") != Some("LessThanThreshold");
        if is_of_level && is_own && is_over_value {
            let metric = value(resource, "MetricName: ").expect("a metric");
            let by_level = metric.strip_prefix("!If [HasFullObservability, ");
            let metric = by_level.map_or(metric, |both| {
                let mut both = both.trim_end_matches(']').split(", ");
                both.nth(place).expect("a metric of each level")
            });
            alarms.insert(name, metric);
        }
    }
    alarms
}

/// Returns the metrics with a value other than zero, of an event that ends so and of a sweep with such a secret.
fn raised(level: Observability, report: &Report, is_in_sweep: bool) -> BTreeSet<String> {
    let mut emf = Emf::builder("Namespace".to_owned(), vec![vec![]]).build();
    let mut lines = Vec::new();
    let sweep = is_in_sweep.then(|| {
        let mut totals = Totals::default();
        tally::count(&mut totals, &report.outcome);
        sweep_report(Mode::Act, totals.clone(), totals, None)
    });
    match level {
        Observability::Full => {
            metrics::write_secret(report, &BTreeSet::new(), &mut emf, &mut lines).unwrap();
            if let Some(sweep) = sweep {
                metrics::write_sweep(&sweep, &mut emf, &mut lines).unwrap();
            }
        }
        Observability::Essential => {
            metrics::essential::write_secret(report, &mut emf, &mut lines).unwrap();
            if let Some(sweep) = sweep {
                metrics::essential::write_sweep(&sweep, &mut emf, &mut lines).unwrap();
            }
        }
    }
    let lines = serde_json::Deserializer::from_slice(&lines).into_iter::<serde_json::Value>();
    let lines = lines.map(|line| line.expect("an EMF line"));
    let values = lines.flat_map(|line| line.as_object().cloned().unwrap_or_default());
    values
        .filter(|(_, value)| value.as_f64().is_some_and(|value| value > 0.0))
        .map(|(name, _)| name)
        .collect()
}

/// Returns the report of an outcome.
fn of(outcome: SecretOutcome) -> Report {
    Report {
        outcome,
        ..report(Mode::Act, &[])
    }
}

fn covered(states: impl IntoIterator<Item = RegionState>) -> Vec<Report> {
    let report = |state| report(Mode::Act, &[IN_SYNC, state]);
    states.into_iter().map(report).collect()
}

fn skipped(reasons: impl IntoIterator<Item = SkipReason>) -> Vec<Report> {
    let skipped = |reason| of(SecretOutcome::Skipped(None, reason));
    reasons.into_iter().map(skipped).collect()
}

fn call_error(kind: CallErrorKind) -> CallError {
    CallError {
        operation: Operation::DescribeSecret,
        kind,
        code: "Code".to_owned(),
        message: "AWS's message".to_owned(),
        request_id: None,
    }
}

fn rules() -> BTreeSet<String> {
    BTreeSet::from(["rule".to_owned()])
}

fn existing() -> Replica {
    Replica {
        status: ReplicaStatus::InSync,
        message: None,
        kms_key: None,
    }
}

fn intended_skips() -> Vec<Report> {
    let accepted = of(SecretOutcome::DeploymentCheck(CheckOutcome::Accepted));
    let mut skips = skipped([
        SkipReason::NoRuleMatched,
        SkipReason::IsReplica(None),
        SkipReason::ManagedByService("rds".to_owned()),
        SkipReason::ScheduledForDeletion,
        SkipReason::SecretNotFound,
        SkipReason::ApiCallFailed("AccessDenied".to_owned()),
        SkipReason::UnsupportedEvent,
        SkipReason::AnotherAccount("111111111111".to_owned()),
        SkipReason::AnotherRegion("us-west-2".to_owned()),
    ]);
    skips.push(accepted);
    skips
}

fn skips_for_a_person() -> Vec<Report> {
    let (regions, principal) = (Vec::new(), None);
    let call = "StopReplicationToReplica".to_owned();
    skipped([
        SkipReason::DeleteBlockedByReplicas {
            regions: regions.clone(),
            principal: principal.clone(),
        },
        SkipReason::ReplicationChangedByOther {
            call,
            regions,
            principal,
        },
    ])
}

fn wanted_states() -> Vec<Report> {
    covered([
        IN_SYNC,
        RegionState::InSync(Some(Duration::ZERO)),
        RegionState::Planned,
        RegionState::PlannedRemoval(RemovalReason::NoLongerTargeted),
        RegionState::Removed(RemovalReason::NoLongerTargeted, None),
        RegionState::Superseded(Superseded::SecretChanged),
        RegionState::Refused(Refusal::PrimaryRegion, None),
        RegionState::Refused(Refusal::ForbiddenByPolicy(rules()), None),
    ])
}

fn refusals_for_a_person() -> Vec<Report> {
    let key = || KmsKey::new("alias/app");
    let tag = || "replicate-to".to_owned();
    let other_key = Refusal::KmsKeyDiffers {
        replica: key(),
        wanted: key(),
    };
    let without_replica = [
        Refusal::RegionNotAllowed,
        Refusal::OtherPartition,
        Refusal::ConflictingRules(Conflict::Key, rules()),
        Refusal::WeakerEncryption(key()),
        Refusal::InvalidRegion { tag: tag() },
        Refusal::EmptyTagValue { tag: tag() },
    ];
    let with_replica = [
        Refusal::ForbiddenByPolicy(rules()),
        Refusal::RegionNotAllowed,
        other_key,
    ];
    let without_replica = without_replica.map(|refusal| RegionState::Refused(refusal, None));
    let with_replica = with_replica.map(|refusal| RegionState::Refused(refusal, Some(existing())));
    let retained = RegionState::Retained(RetainReason::AmbiguousTag, None);
    covered(
        without_replica
            .into_iter()
            .chain(with_replica)
            .chain([retained]),
    )
}

fn promoted_replicas() -> Vec<Report> {
    covered([
        RegionState::Refused(Refusal::PromotedReplica, None),
        RegionState::Retained(RetainReason::Standalone, None),
    ])
}

fn regions_in_progress() -> Vec<Report> {
    let removal = || RemovalReason::NoLongerTargeted;
    let progress = [
        Progress::ReplicationInProgress,
        Progress::NotReported,
        Progress::NotRequested,
        Progress::StatusUnavailable("error".to_owned()),
        Progress::RemovalPending(removal()),
        Progress::RemovalInProgress(removal()),
        Progress::VersionBehind,
    ];
    covered(progress.map(RegionState::InProgress))
}

fn secrets_that_are_not_ready() -> Vec<Report> {
    let secret = report(Mode::Act, &[]).outcome.secret().cloned();
    let secret = Box::new(secret.expect("a secret"));
    vec![
        of(SecretOutcome::NotFound(call_error(CallErrorKind::NotFound))),
        of(SecretOutcome::NoValueYet(secret, rules())),
    ]
}

fn failed_regions() -> Vec<Report> {
    let stranded = RegionState::Failed(FailureReason::ReplicaStranded, None);
    covered([NAME_TAKEN, THROTTLED, DENIED, stranded])
}

fn bad_events() -> Vec<Report> {
    vec![of(SecretOutcome::BadEvent(BadEvent {
        message: "not JSON".to_owned(),
        remediation: "send JSON",
    }))]
}

fn failed_secrets() -> Vec<Report> {
    let unanswered = call_error(CallErrorKind::Unanswered);
    vec![
        of(SecretOutcome::Unreadable(unanswered)),
        of(SecretOutcome::Internal("a panic".to_owned())),
    ]
}

/// Returns the reports of a function with an invalid setting, and with an invalid policy.
fn invalid_settings(outcome: fn(SettingsInvalid) -> SecretOutcome) -> Vec<Report> {
    let invalid = policy::check("no policy", &AllowedRegions::Any).expect_err("invalid");
    let errors = [
        SettingError::Value("no number".to_owned()),
        SettingError::Policy(invalid),
    ];
    let with_error = |error| {
        let variable = "REPLICATION_POLICY";
        let problems = vec![SettingProblem { variable, error }];
        of(outcome(SettingsInvalid { problems }))
    };
    errors.into_iter().map(with_error).collect()
}

/// Returns outcomes of each row, by the row's first cell.
fn samples() -> Vec<(&'static str, Vec<Report>)> {
    vec![
        ("`skipped`", intended_skips()),
        (
            "`skipped`: `delete-blocked-by-replicas`, `replication-changed-by-other`",
            skips_for_a_person(),
        ),
        (
            "`unchanged`, `replicated`, `planned`, also with an intended refusal (`primary-region`, \
             `forbidden-by-policy` without a replica)",
            wanted_states(),
        ),
        (
            "`refused`: a Region needs a person, for instance a Region that has a replica although it is \
             forbidden or not allowed",
            refusals_for_a_person(),
        ),
        (
            "`refused`, only because of `promoted-replica`",
            promoted_replicas(),
        ),
        (
            "`refused`: `policy-invalid`, `config-invalid`, in the check of a deployment",
            invalid_settings(|invalid| {
                SecretOutcome::DeploymentCheck(CheckOutcome::Rejected(invalid))
            }),
        ),
        (
            "`pending`, only because of `unknown-status`",
            covered([unknown()]),
        ),
        ("`pending` in a Region otherwise", regions_in_progress()),
        (
            "`pending`: the secret does not exist yet, or has no value yet",
            secrets_that_are_not_ready(),
        ),
        ("`failed` in a Region", failed_regions()),
        ("`failed`: `bad-event`", bad_events()),
        (
            "`failed` otherwise: the secret cannot be read, or the function has a bug",
            failed_secrets(),
        ),
        (
            "`failed`: `policy-invalid`, `config-invalid`",
            invalid_settings(SecretOutcome::Misconfigured),
        ),
        (
            "`failed`: `deployment-unanswered`",
            vec![of(SecretOutcome::DeploymentCheck(
                CheckOutcome::Unanswered(NotSent("S3 answered 503".to_owned())),
            ))],
        ),
    ]
}

/// Asserts that an outcome fires those alarms of a level that a cell of the table names.
fn assert_alarms(level: Observability, cell: &str, report: &Report, is_in_sweep: bool) {
    let (alarms, raised) = (alarms(level), raised(level, report, is_in_sweep));
    let raised = alarms
        .iter()
        .filter(|(_, metric)| raised.contains(**metric));
    let raised: BTreeSet<&str> = raised.map(|(alarm, _)| *alarm).collect();
    let documented = quoted(cell).into_iter();
    let documented = documented
        .filter(|alarm| alarms.contains_key(alarm))
        .collect();
    assert_eq!(raised, documented, "{level:?}: {:?}", report.outcome);
}

/// Each outcome that is not the wanted state reaches an alarm: through the failure queue, or by a metric.
#[test]
fn at_each_level_every_failure_and_every_refusal_that_needs_a_person_reaches_an_alarm() {
    for row in rows() {
        // CloudFormation reports a check that it has received.
        let without_alarm = [
            "`skipped`",
            "`unchanged`",
            "`refused`, only because",
            "`refused`: `policy-invalid`",
        ];
        let is_wanted = without_alarm.iter().any(|begin| row[0].starts_with(begin));
        for (level, column) in LEVELS {
            let reaches_one = row[2] != "no" && row[2] != "-" || !quoted(row[column]).is_empty();
            assert_eq!(reaches_one, !is_wanted, "{level:?}: {}", row[0]);
        }
    }
}

#[test]
fn each_row_has_the_outcome_level_error_and_alarms_of_its_samples() {
    let (samples, rows) = (samples(), rows());
    let names = rows.iter().map(|row| row[0]);
    let names: Vec<_> = names.filter(|name| !name.starts_with("no ")).collect();
    let tested: Vec<_> = samples.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, tested, "the rows of the table");
    for (name, reports) in samples {
        let row = rows.iter().find(|row| row[0] == name).expect("a row");
        // The function reads no secret of an invalid request, so no sweep counts one.
        let is_request = ["bad-event", "policy-invalid", "deployment-unanswered"]
            .iter()
            .any(|reason| name.contains(reason));
        for report in reports {
            for (level, column) in LEVELS {
                assert_alarms(level, row[column], &report, !is_request);
            }
            let record = SecretRecord::new(&report);
            let record = serde_json::to_value(&record).expect("a record");
            let outcome = record["outcome"].as_str().expect("an outcome");
            assert!(quoted(name).contains(outcome), "{outcome} in {name}");
            assert_eq!(
                row[1],
                format!("`{}`", record["level"].as_str().expect("a level"))
            );
            let is_error = response(report).is_err();
            assert_eq!(
                row[2],
                if is_error { "yes" } else { "no" },
                "the error of {name}"
            );
        }
    }
}

#[test]
fn each_alarm_on_outcomes_of_secrets_is_in_the_table() {
    let rows = rows();
    // These are about sweeps, not about the outcome of a secret.
    let of_sweeps = ["DriftReturns", "SweepLimitReached"];
    for (level, column) in LEVELS {
        let cells = rows.iter().flat_map(|row| quoted(row[column]));
        let cells: BTreeSet<&str> = cells.collect();
        let alarms = alarms(level);
        let of_secrets = alarms.keys().filter(|alarm| !of_sweeps.contains(alarm));
        for alarm in of_secrets {
            assert!(cells.contains(alarm), "{level:?}: {alarm}");
        }
    }
}
