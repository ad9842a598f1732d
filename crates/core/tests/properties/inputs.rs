//! Any input is accepted or rejected with problems, and always with the same result.

use chrono::DateTime;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use secret_replicator_core::limits::AllowedRegions;
use secret_replicator_core::plan::decide;
use secret_replicator_core::policy::{self, Severity, Subject};
use secret_replicator_core::request::{self, FunctionIdentity, Request};
use secret_replicator_core::secret::Region;
use secret_replicator_core::sweep::{Start, Token, Totals};
use serde_json::{Value, json};

use crate::policies::{document, policy};
use crate::secrets::{limits, many_long_tags, primary};

/// Checks a text twice, and checks that each problem has a position, a code and a hint.
fn check(text: &str) -> Result<(), TestCaseError> {
    let (first, second) = (
        policy::check(text, &AllowedRegions::Any),
        policy::check(text, &AllowedRegions::Any),
    );
    let problems = match (first, second) {
        (Ok(first), Ok(second)) => {
            prop_assert_eq!(&first.warnings, &second.warnings);
            prop_assert!(
                first
                    .warnings
                    .iter()
                    .all(|warning| warning.severity == Severity::Warning)
            );
            first.warnings
        }
        (Err(first), Err(second)) => {
            prop_assert_eq!(&first, &second);
            prop_assert!(
                first
                    .problems
                    .iter()
                    .any(|problem| problem.severity == Severity::Error)
            );
            first.problems
        }
        _ => {
            return Err(TestCaseError::fail(
                "the same text was accepted and rejected",
            ));
        }
    };
    for problem in problems {
        prop_assert!(problem.line >= 1 && problem.column >= 1, "{}", problem);
        prop_assert!(
            !problem.code.is_empty() && !problem.message.is_empty(),
            "{}",
            problem
        );
        prop_assert!(!problem.hint.is_empty(), "{}", problem);
    }
    Ok(())
}

/// Replaces one of the document's nodes.
fn spoil(node: &mut Value, place: Index, other: Value) {
    let mut places = Vec::new();
    walk(node, String::new(), &mut places);
    if let Some(node) = node.pointer_mut(&places[place.index(places.len())]) {
        *node = other;
    }
}

fn walk(node: &Value, path: String, places: &mut Vec<String>) {
    match node {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, format!("{path}/{index}"), places);
            }
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                walk(
                    value,
                    format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")),
                    places,
                );
            }
        }
        _ => {}
    }
    places.push(path);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_text_as_a_policy_is_read_or_refused_with_problems(text in policy_like()) {
        check(&text)?;
    }

    #[test]
    fn a_policy_with_anything_in_the_place_of_one_part_is_read_or_refused_with_problems(
        document in document(), place in any::<Index>(), other in any_json(),
    ) {
        let mut document = document;
        spoil(&mut document, place, other);
        check(&document.to_string())?;
        check(&serde_json::to_string_pretty(&document).unwrap())?;
    }

    #[test]
    fn any_text_as_a_tags_value_names_regions_or_is_reported_in_short(text in any::<String>()) {
        let policy = policy::check(policy::DEFAULT_POLICY, &AllowedRegions::Any).unwrap().policy;
        let tags = [("replicate-to".to_owned(), text.clone())].into();
        let home = Region::parse("us-east-1").unwrap();
        let subject = Subject { name: "a", tags: &tags, primary_region: &home };
        let evaluation = policy.evaluate(&subject);
        let says_something = !evaluation.regions.is_empty() || !evaluation.bad_tokens.is_empty();
        prop_assert!(says_something || text.trim() == "none");
        prop_assert!(evaluation.bad_tokens.iter().all(|bad| bad.token().chars().count() <= 64));
    }

    #[test]
    fn any_text_as_an_event_becomes_a_trigger(text in any::<String>()) {
        let trigger = request::parse(&text, &function());
        prop_assert!(matches!(trigger.request, Request::Bad(_)));
        prop_assert_eq!(trigger.origin.name, "unknown");
    }

    #[test]
    fn any_json_as_the_fields_of_an_action_becomes_a_trigger(
        action in select(&["reconcile", "explain", "sweep", "drill", "promote", "swep"][..]),
        fields in btree_map(select(&ACTION_FIELDS[..]), any_json(), 0..4),
    ) {
        let mut event = json!(fields);
        event["action"] = action.into();
        let trigger = request::parse(&event.to_string(), &function());
        if let Request::Bad(bad) = trigger.request {
            prop_assert!(!bad.message.is_empty() && !bad.remediation.is_empty());
            prop_assert!(bad.message.chars().count() <= 512);
        }
    }

    #[test]
    fn the_changes_of_a_sweep_are_any_number_above_zero(changes in -2_i64..3) {
        let event = json!({ "action": "sweep", "maxChanges": changes });
        let trigger = request::parse(&event.to_string(), &function());
        prop_assert_eq!(matches!(trigger.request, Request::Sweep(_)), changes > 0);
    }

    #[test]
    fn a_sweep_goes_on_as_it_began(
        dry_run in any::<bool>(), thorough in any::<bool>(),
        dry_run_now in any::<bool>(), thorough_now in any::<bool>(),
    ) {
        let token = Token {
            start: Start::first(None),
            filter: None,
            dry_run,
            thorough,
            sweep_id: None,
            started: DateTime::UNIX_EPOCH,
            totals: Totals::default(),
        };
        let event = json!({
            "action": "sweep", "thorough": thorough_now, "nextToken": token.to_text(),
        });
        let Request::Sweep(request) = request::parse(&event.to_string(), &function()).request else {
            return Err(TestCaseError::fail("it is a sweep"));
        };
        let is_the_same = (dry_run, thorough) == (dry_run_now, thorough_now);
        prop_assert_eq!(request.require_same_mode(dry_run_now).is_ok(), is_the_same);
    }

    #[test]
    fn any_token_of_a_sweep_is_read_or_refused(
        text in any::<String>(), bytes in vec(any::<u8>(), 0..99), fields in any_json(),
    ) {
        let encode = |bytes: &[u8]| base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes);
        for text in [text, encode(&bytes), encode(fields.to_string().as_bytes())] {
            if let Ok(token) = Token::parse(&text) {
                prop_assert_eq!(Token::parse(&token.to_text()), Ok(token));
            }
        }
    }

    #[test]
    fn a_field_of_an_action_that_is_written_twice_is_refused(
        first in any::<bool>(), second in any::<bool>(),
    ) {
        let text = format!(
            "{{\"action\": \"reconcile\", \"secretId\": \"a\", \"dryRun\": {first}, \"dryRun\": {second}}}"
        );
        let Request::Bad(bad) = request::parse(&text, &function()).request else {
            return Err(TestCaseError::fail("one of them was accepted"));
        };
        prop_assert!(bad.message.contains("duplicate field `dryRun`"), "{}", bad.message);
    }

    #[test]
    fn any_json_as_the_detail_of_an_event_becomes_a_trigger(
        detail in btree_map(select(&DETAIL_KEYS[..]), any_json(), 0..9),
    ) {
        let event = json!({
            "detail-type": "AWS API Call via CloudTrail",
            "source": "aws.secretsmanager",
            "detail": detail,
        });
        let trigger = request::parse(&event.to_string(), &function());
        prop_assert!(!trigger.origin.name.is_empty() || detail["eventName"] == "");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn any_tags_and_names_are_decided_and_always_alike(
        written in policy(), secret in primary(), tags in many_long_tags(),
        name in any::<String>(), limits in limits(),
    ) {
        let mut secret = secret;
        secret.tags.extend(tags);
        secret.name = name;
        let subject = Subject::from(&secret);
        prop_assert_eq!(written.policy.evaluate(&subject), written.policy.evaluate(&subject));
        let decide = || decide(&secret, &written.policy, &limits);
        prop_assert_eq!(decide(), decide());
    }
}

const ACTION_FIELDS: [&str; 12] = [
    "secretId",
    "secret",
    "dryRun",
    "thorough",
    "nextToken",
    "maxChanges",
    "sweepId",
    "maxchanges",
    "region",
    "from",
    "ExecutionId",
    "StepName",
];

const DETAIL_KEYS: [&str; 9] = [
    "eventSource",
    "eventName",
    "eventID",
    "eventTime",
    "errorCode",
    "awsRegion",
    "recipientAccountId",
    "requestParameters",
    "responseElements",
];

fn function() -> FunctionIdentity {
    FunctionIdentity {
        region: Region::parse("us-east-1").unwrap(),
        account: Some("123456789012".to_owned()),
        name: Some("secret-replicator".to_owned()),
    }
}

/// Generates text that often resembles a policy.
fn policy_like() -> impl Strategy<Value = String> {
    let words = select(vec![
        "version:",
        "1",
        "rules:",
        "\n",
        "  ",
        "- ",
        "name: a",
        "when: all",
        "when:",
        "tags:",
        "{",
        "}",
        "[",
        "]",
        ",",
        "replicate-to:",
        "tag:",
        "eu-west-1",
        "\"",
        "'",
        "&a",
        "*a",
        "|",
        "#",
        "!",
    ]);
    prop_oneof![
        any::<String>(),
        vec(words, 0..40).prop_map(|words| words.concat())
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let words = select(vec![
        "CreateSecret",
        "secretsmanager.amazonaws.com",
        "arn",
        "name",
        "secretId",
        "us-east-1",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-a1b2c3",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        words.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(words.clone(), inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}
