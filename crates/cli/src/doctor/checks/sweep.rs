//! The sweep: scheduled, recent, complete, and with metrics.

use chrono::TimeDelta;

use super::super::facts::{Chain, Stack, Subject, Sweep};
use super::super::finding::{Finding, Findings, Link, Symptom};
use super::{RECREATE, RESTORE, list, unread};

/// The symptoms of a sweep that does not start.
const NO_SWEEP: &[Symptom] = &[
    Symptom::NoSweep,
    Symptom::NoMetrics,
    Symptom::Alarm("SweepSilent"),
];

/// Checks that the schedules exist, are enabled, and start the state machine.
pub(super) fn check_schedules(subject: &Subject, stack: &Stack, chain: &Chain) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (mut missing, mut disabled, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for (name, schedule) in &chain.schedules {
        match schedule {
            Ok(Some(schedule)) if !schedule.enabled => disabled.push(*name),
            Ok(Some(schedule)) if schedule.target != stack.resource("Sweep") => wrong.push(*name),
            Ok(Some(_)) => {}
            Ok(None) => missing.push(*name),
            Err(error) => findings.push(unread(Link::Schedule, "the schedules", error)),
        }
    }
    let effect = "so the sweep does not cover lost events";
    let mut add = |names: &[&str], what: &str, remediation: String| {
        if !names.is_empty() {
            let problem = format!("these schedules {what}, {effect}: {}", list(names));
            let mut finding = Finding::error(Link::Schedule, problem, remediation);
            if names.contains(&"SweepStart") {
                finding = finding.explaining(NO_SWEEP);
            }
            findings.push(finding);
        }
    };
    add(&missing, "do not exist", RECREATE.to_owned());
    let enable = if stack.parameter("SweepEnabled") == "false" {
        "deploy the stack with SweepEnabled=true".to_owned()
    } else {
        let region = &subject.region;
        format!("enable them in EventBridge Scheduler in {region}")
    };
    add(&disabled, "are disabled", enable);
    add(
        &wrong,
        "do not start the state machine of the stack",
        RESTORE.to_owned(),
    );
    findings
}

/// Returns the time without a sweep after which something is wrong: two intervals of the schedule.
pub(crate) fn silence(stack: &Stack) -> TimeDelta {
    let hours = stack.parameter("SilenceAlarmHours").parse().unwrap_or(2);
    TimeDelta::hours(hours)
}

/// Checks when the last sweep ended, and how.
pub(super) fn check_last(subject: &Subject, stack: &Stack, chain: &Chain, findings: &mut Findings) {
    let sweeps = match &chain.sweeps {
        Ok(sweeps) => sweeps,
        Err(error) => return findings.add(unread(Link::Sweep, "the sweeps", error)),
    };
    let is_due = stack.created + silence(stack) < subject.now;
    let hours = silence(stack).num_hours();
    match &sweeps.last {
        None if !sweeps.running && is_due && !findings.explain(Symptom::NoSweep) => {
            findings.add(overdue(subject, stack, "no sweep has run"));
        }
        Some(last) if last.status != "SUCCEEDED" => {
            let is_new = !findings.explain(Symptom::FailedSweep);
            findings.extend(is_new.then(|| failed(subject, last)));
        }
        Some(last) => {
            let is_old = last.ended + silence(stack) < subject.now && !sweeps.running;
            if is_old && !findings.explain(Symptom::NoSweep) {
                let ended = last.ended.format("%Y-%m-%d %H:%M UTC");
                let problem =
                    format!("no sweep has run for {hours} hours; the last one ended at {ended}");
                findings.add(overdue(subject, stack, &problem));
            }
            findings.extend(check_result(last));
        }
        None => {}
    }
}

fn overdue(subject: &Subject, stack: &Stack, problem: &str) -> Finding {
    let region = &subject.region;
    let sweep = stack.resource("Sweep");
    let remediation = format!(
        "run `aws stepfunctions start-execution --region {region} --state-machine-arn {sweep}`; if \
         SweepSchedule is not hourly, set SilenceAlarmHours to two of its intervals"
    );
    Finding::error(
        Link::Sweep,
        format!("{problem}, so lost events are not covered"),
        remediation,
    )
    .explaining(NO_SWEEP)
}

fn failed(subject: &Subject, last: &Sweep) -> Finding {
    let (status, ended) = (&last.status, last.ended.format("%Y-%m-%d %H:%M UTC"));
    let error = last.error.as_deref();
    let because = error.map_or_else(String::new, |error| format!(": {error}"));
    let problem = format!("the last sweep ended as {status} at {ended}{because}");
    let region = &subject.region;
    let remediation = match status.as_str() {
        "ABORTED" => format!(
            "if the stop was not intended, find the caller of StopExecution in CloudTrail in {region}"
        ),
        "TIMED_OUT" => "follow docs/OPERATIONS.md, SweepTimedOut".to_owned(),
        _ => "fix the cause, then start a sweep (docs/OPERATIONS.md, Failed sweeps)".to_owned(),
    };
    Finding::error(Link::Sweep, problem, remediation).explaining(&[
        Symptom::Alarm("SweepFailed"),
        Symptom::Alarm("SweepTimedOut"),
        Symptom::Alarm("SweepAborted"),
        Symptom::Alarm("SweepSilent"),
        Symptom::NoMetrics,
    ])
}

/// Checks the totals of a complete sweep.
fn check_result(last: &Sweep) -> Vec<Finding> {
    let secrets = |count| if count == 1 { "secret" } else { "secrets" };
    let mut findings = Vec::new();
    if last.failed > 0 {
        let problem = format!(
            "{} {} failed in the last sweep",
            last.failed,
            secrets(last.failed)
        );
        let remediation =
            "run the saved query \"What failed and why\", which shows reason and remediation";
        findings.push(
            Finding::error(Link::Sweep, problem, remediation).explaining(&[
                Symptom::Alarm("SweepFailures"),
                Symptom::Alarm("ReplicasFailing"),
                Symptom::Alarm("SecretsUnresolved"),
            ]),
        );
    }
    if last.limited > 0 {
        let (limited, secrets) = (last.limited, secrets(last.limited));
        let problem = format!(
            "the last sweep reached its limit on changes and left {limited} {secrets} to the next sweep"
        );
        let remediation = "check the pending changes with a dry run, then run a backfill (docs/OPERATIONS.md, Backfill)";
        findings.push(
            Finding::warning(Link::Sweep, problem, remediation).explaining(&[
                Symptom::Alarm("SweepLimitReached"),
                Symptom::Alarm("SecretsUnresolved"),
            ]),
        );
    }
    findings
}

/// Checks that each of the last two periods has metrics. A period is two intervals of the schedule.
pub(super) fn check_metrics(
    subject: &Subject,
    stack: &Stack,
    chain: &Chain,
    findings: &Findings,
) -> Option<Finding> {
    let seen = match &chain.metrics {
        Ok(seen) => seen,
        Err(error) => return Some(unread(Link::Metrics, "the metrics", error)),
    };
    if findings.explain(Symptom::NoMetrics) {
        return None;
    }
    let (now, period) = (subject.now, silence(stack));
    // A sweep may run for longer than a period, and writes metrics with each slice, unless the level is `essential`.
    let empty = (0..2).find(|age| {
        let end = now - period * *age;
        let begin = end - period;
        // A value is of the hour that begins at its time.
        let since = begin - TimeDelta::hours(1);
        let has_value = seen.iter().any(|time| since < *time && *time < end);
        stack.created < begin && !has_value
    })?;
    let when = if empty == 0 {
        "the last"
    } else {
        "the last but one"
    };
    let namespace = stack.parameter("MetricsNamespace");
    let (metric, hours) = (stack.sweep_metric(), period.num_hours());
    let problem = format!(
        "sweeps run, but the namespace {namespace} has no value of {metric} in {when} {hours} hours, so \
         alarms may miss failures"
    );
    let remediation = format!(
        "check that the application log level of the function is INFO and that METRICS_NAMESPACE is the parameter \
         MetricsNamespace; otherwise {RESTORE}"
    );
    let finding = Finding::error(Link::Metrics, problem, remediation);
    Some(finding.explaining(&[Symptom::Alarm("SweepSilent")]))
}
