//! Faults of the stack.

use super::super::finding::Link;
use super::super::finding::Severity::{Error, Warning};
use super::super::report;
use super::world::*;
use crate::options::Format;
use crate::output::Exit;

#[test]
fn a_healthy_world_has_no_finding_and_one_line() {
    assert_eq!(with(|_| {}), []);
    with_stack(|facts| {
        let output = report::output(&facts.subject, &[], Format::Text).unwrap();
        let text = crate::output::plain(&output.stdout.to_string());
        assert_eq!(
            text,
            "secret-replicator in us-east-1: every link is in order\n"
        );
        assert_eq!(output.exit, Exit::Success);
    });
}

#[test]
fn a_stack_that_does_not_exist() {
    let findings = with_stack(|facts| {
        facts.stack = None;
        facts.chain = None;
    });
    assert_only(
        &findings,
        Link::Stack,
        Error,
        ["no stack `secret-replicator`", "--stack-name"],
    );
}

#[test]
fn stacks_whose_deployment_failed_or_runs() {
    for (status, severity, remediation) in [
        ("ROLLBACK_COMPLETE", Error, "delete the stack"),
        ("UPDATE_ROLLBACK_FAILED", Error, "continue-update-rollback"),
        ("UPDATE_ROLLBACK_COMPLETE", Warning, "describe-stack-events"),
        ("UPDATE_IN_PROGRESS", Warning, "wait"),
        ("DELETE_FAILED", Error, "deletion"),
    ] {
        let findings = with_stack(|facts| {
            let stack = facts.stack.as_mut().unwrap();
            stack.status = status.to_owned();
            if !stack.is_usable() {
                facts.chain = None;
            }
        });
        assert_only(&findings, Link::Stack, severity, [status, remediation]);
    }
}

#[test]
fn a_stack_of_another_application() {
    let findings = with_stack(|facts| {
        facts.stack.as_mut().unwrap().resources.remove("Replicator");
        assert!(!facts.stack.as_ref().unwrap().is_usable());
        facts.chain = None;
    });
    assert_only(
        &findings,
        Link::Stack,
        Error,
        ["another application", "--stack-name"],
    );
}

#[test]
fn a_stack_of_another_version() {
    let findings =
        with_stack(|facts| facts.stack.as_mut().unwrap().version = Some("0.2.0".to_owned()));
    assert_only(
        &findings,
        Link::Version,
        Warning,
        ["version 0.2.0", "install the tool"],
    );
}
