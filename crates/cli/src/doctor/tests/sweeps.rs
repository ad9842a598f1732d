//! Faults of schedule, sweep and metrics.

use super::super::facts::Sweeps;
use super::super::finding::Link;
use super::super::finding::Severity::{Error, Warning};
use super::world::*;

#[test]
fn schedules_that_do_not_start_sweeps() {
    let findings = with_stack(|facts| {
        let parameters = &mut facts.stack.as_mut().unwrap().parameters;
        parameters.insert("SweepEnabled".to_owned(), "false".to_owned());
        let chain = facts.chain.as_mut().unwrap();
        for schedule in chain.schedules.values_mut() {
            schedule.as_mut().unwrap().as_mut().unwrap().enabled = false;
        }
        chain.sweeps = Ok(Sweeps::default());
        chain.metrics = Ok(Vec::new());
    });
    assert_only(
        &findings,
        Link::Schedule,
        Error,
        ["are disabled", "SweepEnabled=true"],
    );
    let findings = with(|chain| {
        chain.schedules.insert("SweepStart", Ok(None));
    });
    assert_only(&findings, Link::Schedule, Error, ["do not exist", "deploy"]);
    let findings = with(|chain| {
        let schedule = chain.schedules.get_mut("SweepStartThorough").unwrap();
        schedule.as_mut().unwrap().as_mut().unwrap().target = FUNCTION.to_owned();
    });
    assert_only(
        &findings,
        Link::Schedule,
        Error,
        ["SweepStartThorough", "REVERT_DRIFT"],
    );
}

#[test]
fn no_sweep_for_too_long() {
    let findings = with(|chain| {
        let last = chain.sweeps.as_mut().unwrap().last.as_mut().unwrap();
        last.ended = hours_ago(5);
        chain.metrics = Ok(vec![hours_ago(5)]);
        fire(chain, &["SweepSilent"]);
    });
    assert_only(
        &findings,
        Link::Sweep,
        Error,
        ["no sweep has run for 2 hours", "start-execution"],
    );
    let findings = with(|chain| {
        chain.sweeps = Ok(Sweeps::default());
        chain.metrics = Ok(Vec::new());
    });
    assert_only(
        &findings,
        Link::Sweep,
        Error,
        ["no sweep has run", "start-execution"],
    );
}

#[test]
fn a_new_stack_needs_no_sweep_yet() {
    let findings = with_stack(|facts| {
        facts.stack.as_mut().unwrap().created = hours_ago(1);
        let chain = facts.chain.as_mut().unwrap();
        chain.sweeps = Ok(Sweeps::default());
        chain.metrics = Ok(Vec::new());
    });
    assert_eq!(findings, []);
}

#[test]
fn sweeps_that_failed_were_stopped_or_timed_out() {
    for (status, alarm, remediation) in [
        ("FAILED", "SweepFailed", "fix the cause"),
        ("ABORTED", "SweepAborted", "StopExecution"),
        ("TIMED_OUT", "SweepTimedOut", "SweepTimedOut"),
    ] {
        let findings = with(|chain| {
            let last = chain.sweeps.as_mut().unwrap().last.as_mut().unwrap();
            last.status = status.to_owned();
            last.error = Some("Throttled: slow down".to_owned());
            fire(chain, &[alarm]);
        });
        assert_only(
            &findings,
            Link::Sweep,
            Error,
            ["Throttled: slow down", remediation],
        );
    }
}

#[test]
fn a_sweep_that_reached_its_limit() {
    let findings = with(|chain| {
        chain
            .sweeps
            .as_mut()
            .unwrap()
            .last
            .as_mut()
            .unwrap()
            .limited = 40;
        fire(chain, &["SweepLimitReached"]);
    });
    assert_only(
        &findings,
        Link::Sweep,
        Warning,
        ["left 40 secrets", "backfill"],
    );
}

#[test]
fn a_sweep_with_failed_secrets() {
    let findings = with(|chain| {
        chain.sweeps.as_mut().unwrap().last.as_mut().unwrap().failed = 1;
        fire(chain, &["SweepFailures", "ReplicasFailing"]);
    });
    assert_only(
        &findings,
        Link::Sweep,
        Error,
        ["1 secret failed", "What failed and why"],
    );
}

#[test]
fn the_level_essential_has_another_metric_of_sweeps() {
    let findings = with_stack(|facts| {
        let stack = facts.stack.as_mut().unwrap();
        let level = ("Observability".to_owned(), "essential".to_owned());
        stack.parameters.extend([level]);
        let chain = facts.chain.as_mut().unwrap();
        chain.metrics = Ok(Vec::new());
        fire(chain, &["SweepSilent"]);
    });
    assert_only(&findings, Link::Metrics, Error, ["SweepPending", "INFO"]);
}

#[test]
fn metrics_that_stopped() {
    let findings = with(|chain| {
        chain.metrics = Ok(vec![hours_ago(3)]);
        fire(chain, &["SweepSilent"]);
    });
    assert_only(
        &findings,
        Link::Metrics,
        Error,
        ["in the last 2 hours", "INFO"],
    );
}
