//! One fault with many symptoms is one finding.

use super::super::finding::Link;
use super::super::finding::Severity::Error;
use super::super::report;
use super::world::*;
use crate::options::Format;
use crate::output::Exit;

/// A chain in which everything that depends on the function fails.
fn broken_sweeps(chain: &mut super::super::facts::Chain) {
    let last = chain.sweeps.as_mut().unwrap().last.as_mut().unwrap();
    last.status = "FAILED".to_owned();
    chain.metrics = Ok(Vec::new());
    fire(chain, &["FunctionErrors", "SweepFailed", "SweepSilent"]);
}

#[test]
fn a_function_that_does_not_exist_is_the_only_finding() {
    let findings = with(|chain| {
        chain.function = Ok(None);
        chain.function_policy = Ok(None);
        broken_sweeps(chain);
        fire(chain, &["UndeliveredEventsWaiting"]);
    });
    assert_only(
        &findings,
        Link::Function,
        Error,
        ["does not exist", "deploy"],
    );
}

#[test]
fn an_invalid_policy_is_the_only_finding() {
    let findings = with(|chain| {
        let function = chain.function.as_mut().unwrap().as_mut().unwrap();
        function
            .environment
            .insert("REPLICATION_POLICY".to_owned(), "version: 2".to_owned());
        broken_sweeps(chain);
    });
    assert_only(
        &findings,
        Link::Function,
        Error,
        ["REPLICATION_POLICY", "correct the parameters"],
    );
}

#[test]
fn a_fault_does_not_hide_an_unrelated_one() {
    let findings = with(|chain| {
        broken_sweeps(chain);
        chain.function = Ok(None);
        chain.topic.as_mut().unwrap().as_mut().unwrap().confirmed = 0;
        fire(chain, &["DriftReturns"]);
    });
    let links: Vec<Link> = findings.iter().map(|finding| finding.link).collect();
    assert_eq!(links, [Link::Function, Link::Topic, Link::Alarms]);
}

#[test]
fn the_report_counts_the_findings_and_exits_with_1() {
    let findings = with(|chain| {
        chain.trails = Ok(Vec::new());
        chain.topic = Ok(None);
    });
    with_stack(|facts| {
        let output = report::output(&facts.subject, &findings, Format::Text).unwrap();
        let text = crate::output::plain(&output.stdout.to_string());
        assert!(text.starts_with("warning: trail: no trail logs"), "{text}");
        assert!(text.contains("\n  remediation: create the topic"), "{text}");
        assert!(
            text.ends_with("secret-replicator in us-east-1: 1 error, 1 warning\n"),
            "{text}"
        );
        assert_eq!(output.exit, Exit::Findings);

        let output = report::output(&facts.subject, &findings, Format::Json).unwrap();
        let report: serde_json::Value = serde_json::from_str(&output.stdout.to_string()).unwrap();
        assert_eq!(report["healthy"], false);
        assert_eq!(report["findings"][1]["link"], "topic");
        assert_eq!(report["findings"][0]["severity"], "warning");
        let fields = report["findings"][0].as_object().unwrap().keys();
        assert_eq!(
            fields.collect::<Vec<_>>(),
            ["link", "problem", "remediation", "severity"]
        );
    });
}
