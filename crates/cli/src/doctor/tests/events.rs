//! Faults of rules and trail.

use serde_json::Value;

use super::super::facts::{Rule, Selector};
use super::super::finding::Link;
use super::super::finding::Severity::{Error, Warning};
use super::world::*;

#[test]
fn a_rule_that_is_disabled() {
    let findings = with(|chain| {
        let mut rule = rule(FUNCTION);
        rule.enabled = false;
        chain.rule = Ok(Some(rule));
    });
    let remediation = "enable-rule --region us-east-1 --name secret-replicator-Replicator";
    let texts = ["disabled, so events are lost", remediation];
    assert_only(&findings, Link::Rule, Error, texts);
}

#[test]
fn a_rule_that_does_not_exist() {
    let findings = with(|chain| chain.rule = Ok(None));
    assert_only(
        &findings,
        Link::Rule,
        Error,
        ["does not exist", "deploy it again"],
    );
}

#[test]
fn a_rule_with_another_target() {
    let findings = with(|chain| chain.rule = Ok(Some(rule(MACHINE))));
    let texts = ["not a target of the rule", "REVERT_DRIFT"];
    assert_only(&findings, Link::Rule, Error, texts);
}

#[test]
fn a_rule_with_another_pattern() {
    let narrower = r#"{"source":["aws.secretsmanager"],"detail":{"eventName":["CreateSecret"]}}"#;
    for pattern in [narrower, "", &PATTERN.replace("aws.tag", "aws.tags")] {
        let findings = with(|chain| chain.rule = Ok(Some(rule_with(pattern))));
        let restore = "put-rule --region us-east-1 --name secret-replicator-ReplicatorSecretChanged-EXAMPLE \
                       --event-pattern '{\"$or\":[";
        assert_only(
            &findings,
            Link::Rule,
            Error,
            ["not that of the template", restore],
        );
    }
}

#[test]
fn a_pattern_in_another_order_or_of_another_version_is_not_a_fault() {
    let mut pattern: Value = serde_json::from_str(PATTERN).unwrap();
    pattern["$or"].as_array_mut().unwrap().reverse();
    let reordered = pattern.to_string();
    let findings = with(|chain| chain.rule = Ok(Some(rule_with(&reordered))));
    assert_eq!(findings, []);
    let links = |version: Option<&str>| {
        let findings = with_stack(|facts| {
            facts.stack.as_mut().unwrap().version = version.map(str::to_owned);
            facts.chain.as_mut().unwrap().rule = Ok(Some(rule_with("{}")));
        });
        findings
            .iter()
            .map(|finding| finding.link)
            .collect::<Vec<_>>()
    };
    assert_eq!(links(Some("0.0.9")), [Link::Version]);
    assert_eq!(links(None), []);
}

/// The rule with another event pattern.
fn rule_with(pattern: &str) -> Rule {
    Rule {
        pattern: pattern.to_owned(),
        ..rule(FUNCTION)
    }
}

#[test]
fn a_rule_that_may_not_invoke_the_function() {
    let other = RULE_ARN.replace("SecretChanged", "Other");
    for policy in [Some(function_policy(&other)), None] {
        let findings = with(|chain| {
            chain.function_policy = Ok(policy);
            fire(chain, &["UndeliveredEventsWaiting"]);
        });
        let texts = ["does not allow the rule to invoke it", "REVERT_DRIFT"];
        assert_only(&findings, Link::Rule, Error, texts);
    }
}

#[test]
fn no_trail() {
    let findings = with(|chain| chain.trails = Ok(Vec::new()));
    assert_only(
        &findings,
        Link::Trail,
        Warning,
        ["no trail logs", "CreateTrail=true"],
    );
    assert!(
        findings[0].problem.contains("native events"),
        "{findings:?}"
    );
}

#[test]
fn a_trail_that_is_stopped() {
    let findings = with(|chain| chain.trails.as_mut().unwrap()[0].logging = Ok(false));
    assert_only(
        &findings,
        Link::Trail,
        Warning,
        ["is stopped", "start-logging"],
    );
}

#[test]
fn a_trail_in_another_region() {
    let findings = with(|chain| {
        chain.trails = Ok(Vec::new());
        chain.trails_elsewhere = vec![("audit".to_owned(), "eu-west-1".to_owned())];
    });
    assert_only(
        &findings,
        Link::Trail,
        Warning,
        ["audit (eu-west-1)", "CreateTrail=true"],
    );
}

#[test]
fn trails_without_write_management_events() {
    let management = || field("eventCategory", &["Management"], &[]);
    let secrets = "secretsmanager.amazonaws.com";
    for selector in [
        basic(true, "ReadOnly"),
        basic(false, "All"),
        Selector::Advanced(vec![field("eventCategory", &["Data"], &[])]),
        Selector::Advanced(vec![management(), field("readOnly", &["true"], &[])]),
        Selector::Advanced(vec![management(), field("eventSource", &[], &[secrets])]),
    ] {
        let findings =
            with(|chain| chain.trails.as_mut().unwrap()[0].selectors = Ok(vec![selector]));
        assert_only(
            &findings,
            Link::Trail,
            Warning,
            ["does not log write management", "selectors"],
        );
    }
}

#[test]
fn advanced_selectors_that_include_the_calls() {
    for fields in [
        vec![field("eventCategory", &["Management"], &[])],
        vec![
            field("eventCategory", &["Management"], &[]),
            field("readOnly", &["false"], &[]),
            field("eventSource", &[], &["kms.amazonaws.com"]),
        ],
    ] {
        let selector = Selector::Advanced(fields);
        let findings =
            with(|chain| chain.trails.as_mut().unwrap()[0].selectors = Ok(vec![selector]));
        assert_eq!(findings, []);
    }
}
