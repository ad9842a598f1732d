//! Faults of the function and its settings.

use super::super::facts::Invoked;
use super::super::finding::Link;
use super::super::finding::Severity::{Error, Warning};
use super::world::*;

#[test]
fn a_function_that_cannot_be_invoked() {
    let findings = with_function(|function| {
        function.state = "Failed".to_owned();
        function.reason = Some("InvalidRuntime".to_owned());
    });
    assert_only(
        &findings,
        Link::Function,
        Error,
        ["Failed: InvalidRuntime", "deploy"],
    );
    let findings = with_function(|function| function.update_failed = true);
    assert_only(&findings, Link::Function, Error, ["last update", "deploy"]);
}

#[test]
fn an_invalid_policy() {
    let findings = with_function(|function| {
        let policy = "version: 1\nrules: [{ name: all, replicate: 1 }]".to_owned();
        function
            .environment
            .insert("REPLICATION_POLICY".to_owned(), policy);
    });
    assert_only(
        &findings,
        Link::Function,
        Error,
        ["REPLICATION_POLICY", "secret-replicator check"],
    );
}

#[test]
fn an_invalid_setting() {
    let findings = with_function(|function| {
        function
            .environment
            .insert("DRY_RUN".to_owned(), "yes".to_owned());
    });
    assert_only(
        &findings,
        Link::Function,
        Error,
        ["DRY_RUN must be true or false", "parameters"],
    );
}

#[test]
fn a_dry_run() {
    let findings = with_function(|function| {
        function
            .environment
            .insert("DRY_RUN".to_owned(), "true".to_owned());
    });
    assert_only(
        &findings,
        Link::Function,
        Warning,
        ["dry run is on", "DryRun=false"],
    );
}

#[test]
fn a_function_with_a_reserved_concurrency_of_zero() {
    let findings = with_function(|function| function.reserved_concurrency = Some(0));
    assert_only(
        &findings,
        Link::Function,
        Error,
        ["concurrency is 0", "delete-function-concurrency"],
    );
}

#[test]
fn a_function_that_fails_when_it_is_invoked() {
    let answered = with_function(|function| function.invoked = Some(Ok(Invoked::Answered)));
    assert_eq!(answered, []);
    let findings = with_function(|function| {
        let failed = Invoked::Failed("Runtime.ExitError".to_owned(), "exit status 1".to_owned());
        function.invoked = Some(Ok(failed));
    });
    assert_only(
        &findings,
        Link::Function,
        Error,
        ["Runtime.ExitError", "REFERENCE.md"],
    );
}

#[test]
fn a_log_level_that_drops_the_metrics() {
    let findings = with(|chain| {
        chain.function.as_mut().unwrap().as_mut().unwrap().log_level = Some("WARN".to_owned());
        chain.metrics = Ok(Vec::new());
        fire(chain, &["SweepSilent"]);
    });
    assert_only(
        &findings,
        Link::Metrics,
        Error,
        ["log level is WARN", "REVERT_DRIFT"],
    );
}
