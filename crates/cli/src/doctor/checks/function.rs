//! The function: it exists, starts, has valid settings, and writes.

use super::super::facts::{Chain, Function, Invoked, Subject};
use super::super::finding::{Finding, Link, Symptom};
use super::super::settings::Settings;
use super::{RECREATE, RESTORE, unread};

/// The symptoms of a function that fails on every event.
const SYMPTOMS: &[Symptom] = &[
    Symptom::Alarm("FunctionErrors"),
    Symptom::Alarm("SweepFailed"),
    Symptom::Alarm("SweepSilent"),
    Symptom::FailedSweep,
    Symptom::NoSweep,
    Symptom::NoMetrics,
];

/// Checks the function. Reports the first fault only, because the others may be its consequences.
pub(super) fn check(subject: &Subject, chain: &Chain) -> Option<Finding> {
    let function = match &chain.function {
        Ok(Some(function)) => function,
        Ok(None) => {
            let finding = Finding::error(
                Link::Function,
                "the function of the stack does not exist",
                RECREATE,
            );
            let deliveries = [Symptom::Alarm("UndeliveredEventsWaiting")];
            return Some(finding.explaining(SYMPTOMS).explaining(&deliveries));
        }
        Err(error) => return Some(unread(Link::Function, "the function", error)),
    };
    let broken = check_state(function)
        .or_else(|| check_settings(function))
        .or_else(|| check_concurrency(subject, function))
        .or_else(|| check_invocation(function));
    let broken = broken.map(|finding| finding.explaining(SYMPTOMS));
    broken
        .or_else(|| check_log_level(function))
        .or_else(|| check_dry_run(function))
}

/// The remediation of a function that Lambda could not create or update.
const AGAIN: &str = "correct the cause, and deploy the stack again";

fn check_state(function: &Function) -> Option<Finding> {
    let reason = function.reason.as_deref();
    let because = reason.map_or_else(String::new, |reason| format!(": {reason}"));
    match function.state.as_str() {
        "Failed" => Some(Finding::error(
            Link::Function,
            format!("the function cannot be invoked, its state is Failed{because}"),
            AGAIN,
        )),
        _ if function.update_failed => Some(Finding::error(
            Link::Function,
            format!("the last update of the function failed{because}"),
            AGAIN,
        )),
        _ => None,
    }
}

fn check_settings(function: &Function) -> Option<Finding> {
    let problems = Settings::read(&function.environment).err()?;
    Some(Finding::error(
        Link::Function,
        format!(
            "the function does not start with its settings: {}",
            problems.join("; ")
        ),
        "correct the parameters and deploy the stack again; `secret-replicator check` shows each \
         problem of a policy with its line",
    ))
}

fn check_concurrency(subject: &Subject, function: &Function) -> Option<Finding> {
    let region = &subject.region;
    (function.reserved_concurrency == Some(0)).then(|| {
        let finding = Finding::error(
            Link::Function,
            "the function is stopped: its reserved concurrency is 0, so Lambda throttles every event",
            format!(
                "run `aws lambda delete-function-concurrency --region {region} --function-name {}`",
                function.arn
            ),
        );
        finding.explaining(&[Symptom::Alarm("FunctionThrottles")])
    })
}

fn check_invocation(function: &Function) -> Option<Finding> {
    match function.invoked.as_ref()? {
        Ok(Invoked::Answered) => None,
        Ok(Invoked::Failed(kind, message)) => Some(Finding::error(
            Link::Function,
            format!("the function failed with {kind} when it was invoked: {message}"),
            "follow the message; docs/REFERENCE.md lists the errors",
        )),
        Err(error) => Some(unread(
            Link::Function,
            "the response of the function",
            error,
        )),
    }
}

/// Checks that Lambda keeps the metrics. It treats metric lines as `INFO`.
fn check_log_level(function: &Function) -> Option<Finding> {
    let level = function.log_level.as_deref()?;
    let keeps_metrics = ["TRACE", "DEBUG", "INFO"].contains(&level);
    (!keeps_metrics).then(|| {
        let finding = Finding::error(
            Link::Metrics,
            format!("the application log level is {level}, so Lambda drops the metrics, and alarms see none"),
            RESTORE,
        );
        finding.explaining(&[Symptom::NoMetrics, Symptom::Alarm("SweepSilent")])
    })
}

fn check_dry_run(function: &Function) -> Option<Finding> {
    let settings = Settings::read(&function.environment).ok()?;
    settings.dry_run.then(|| {
        Finding::warning(
            Link::Function,
            "dry run is on, so the function decides and reports, and writes nothing",
            "deploy the stack with DryRun=false when the reported changes are right",
        )
    })
}
