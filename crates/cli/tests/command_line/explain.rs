//! Tests of `secret-replicator explain`.

use serde_json::json;

use super::{BROKEN, Called, Files, GOOD, call, call_with_input, event};

const SECRET: [&str; 4] = ["--name", "prod/db", "--region", "us-east-1"];
const DEFAULT_KEY: [&str; 2] = ["--kms-key", "aws/secretsmanager"];

fn explain(arguments: &[&str]) -> Called {
    call(&[&["explain"], arguments].concat())
}

#[test]
fn a_secret_is_described_by_options() {
    let files = Files::new(&[("policy.yaml", GOOD)]);
    let policy = files.path("policy.yaml");
    let options = ["--tag", "tier=1", "--policy", &policy];
    let called = explain(&[&SECRET[..], &options, &DEFAULT_KEY].concat());
    assert_eq!(called.code, Some(0), "{}", called.stderr);
    assert!(called.stderr.is_empty());
    let shown = [
        "Secret: prod/db in us-east-1",
        "Replicates to eu-west-1, us-west-2",
        "✔ tier-1",
        "--add-replica-regions Region=eu-west-1 Region=us-west-2",
    ];
    for text in shown {
        assert!(called.stdout.contains(text), "{text}\n{}", called.stdout);
    }
}

#[test]
fn without_a_policy_the_built_in_one_decides() {
    let called = explain(&[&SECRET[..], &["--tag", "replicate-to=eu-west-1"]].concat());
    assert!(called.stdout.contains("Policy: the built-in policy"));
    assert!(called.stdout.contains("✔ secret-names-its-regions"));
    let other = explain(&SECRET);
    assert_eq!(other.code, Some(0));
    assert!(other.stdout.contains("(no-rule-matched)"));
}

#[test]
fn without_a_key_a_note_names_the_regions_that_a_customer_managed_key_would_lose() {
    let tagged = [&SECRET[..], &["--tag", "replicate-to=eu-west-1 us-west-2"]].concat();
    let called = explain(&tagged);
    assert!(
        called
            .stdout
            .contains("Replicates to eu-west-1, us-west-2\n")
    );
    assert_eq!(
        called.stderr,
        "note: without `--kms-key`, the key is assumed to be aws/secretsmanager; with a customer managed key that is \
         not a multi-Region key, the function refuses eu-west-1, us-west-2 (weaker-encryption)\n"
    );
    let with_key = explain(&[&tagged[..], &["--kms-key", "alias/app"]].concat());
    assert!(with_key.stdout.contains("weaker-encryption"));
    assert_eq!(with_key.stderr, "");
    let policy =
        "{version: 1, rules: [{name: a, when: all, replicate-to: eu-west-1, kms-key: alias/app}]}";
    let arguments = [&["explain"], &SECRET[..], &["--policy", "-"]].concat();
    assert_eq!(call_with_input(&arguments, policy).stderr, "");
}

#[test]
fn an_event_without_tags_gets_a_warning_that_the_secret_may_have_some() {
    let file = event("demo/01-names-its-regions.json");
    let called = explain(&["--event", &file]);
    assert!(
        called.stdout.contains("(no-rule-matched)"),
        "{}",
        called.stdout
    );
    let warning = "warning: the event has no tags, and the function reads those of the secret";
    assert!(called.stderr.contains(warning), "{}", called.stderr);
    let tagged = explain(&["--event", &file, "--tag", "replicate-to=eu-west-1"]);
    assert_eq!(tagged.stderr, "");
}

#[test]
fn json_has_the_form_of_the_functions_response() {
    let options = ["--tag", "replicate-to=eu-west-1", "--output", "json"];
    let called = explain(&[&SECRET[..], &options].concat());
    let answer = called.json();
    assert_eq!(answer["secret_name"], "prod/db");
    assert_eq!(answer["regions"][0]["action"], "replicate");
    assert_eq!(
        answer["calls"],
        json!([{
            "operation": "ReplicateSecretToRegions",
            "add_replica_regions": [{"region": "eu-west-1"}],
            "force_overwrite_replica_secret": false,
        }])
    );
}

#[test]
fn a_name_or_tag_key_that_aws_does_not_allow_is_an_error() {
    let called = call(&["explain", "--name", "a b", "--region", "us-east-1"]);
    assert_eq!(called.code, Some(2));
    assert!(
        called.stderr.contains("contains ` `; AWS allows"),
        "{}",
        called.stderr
    );
    let tag = format!("{}=x", "k".repeat(129));
    let called = call(&[
        "explain",
        "--name",
        "a",
        "--region",
        "us-east-1",
        "--tag",
        &tag,
    ]);
    assert_eq!(called.code, Some(2));
    assert!(
        called.stderr.contains("AWS allows 128"),
        "{}",
        called.stderr
    );
}

#[test]
fn the_settings_limit_the_policy() {
    let policy = "{version: 1, rules: [{name: a, when: all, replicate-to: [eu-west-1, eu-west-2], \
                  overwrite: true}]}";
    let options = ["--policy", "-", "--output", "json"];
    let limits = [
        "--allowed-replica-regions",
        "eu-west-1",
        "--allow-overwrite",
    ];
    let arguments = [&["explain"], &SECRET[..], &DEFAULT_KEY, &options, &limits].concat();
    let called = call_with_input(&arguments, policy);
    assert_eq!(
        called.stderr,
        "standard input: 1 warning; `secret-replicator check - --allowed-replica-regions \"eu-west-1\" \
         --allow-overwrite` shows it\n"
    );
    let answer = called.json();
    assert_eq!(answer["regions"][1]["reason"], "region-not-allowed");
    assert_eq!(answer["regions"][0]["may_overwrite"], true);
    // Without a probe of the Region, nothing is overwritten.
    assert_eq!(answer["calls"][0]["force_overwrite_replica_secret"], false);
}

#[test]
fn rules_that_conflict_are_named_with_the_region_that_they_refuse() {
    let policy = "{version: 1, rules: [\
                  {name: a, when: all, replicate-to: [eu-west-1, eu-west-2], overwrite: true}, \
                  {name: b, when: {tags: {tier: \"1\"}}, replicate-to: eu-west-1, overwrite: false}]}";
    let options = ["--tag", "tier=1", "--policy", "-", "--output", "json"];
    let called = call_with_input(&[&["explain"], &SECRET[..], &options].concat(), policy);
    assert_eq!(called.code, Some(0), "{}", called.stderr);
    let answer = called.json();
    assert_eq!(answer["regions"][0]["region"], "eu-west-1");
    assert_eq!(answer["regions"][0]["action"], "refuse");
    assert_eq!(answer["regions"][0]["reason"], "conflicting-rules");
    assert_eq!(answer["regions"][0]["wanted_by"], json!(["a", "b"]));
    assert_eq!(answer["regions"][1]["action"], "replicate");
}

#[test]
fn an_event_gives_the_secret_and_options_add_to_it() {
    let file = event("create-secret-with-tags-key-and-replicas.json");
    let called = explain(&["--event", &file]);
    assert_eq!(called.code, Some(0), "{}", called.stderr);
    let head = "Secret: app/db in us-west-2, encrypted with alias/app\nTags:   replicate-to=us-east-1 \
                eu-west-1\n";
    assert!(called.stdout.starts_with(head), "{}", called.stdout);
    assert!(called.stdout.contains("weaker-encryption"));

    let key = ["--kms-key", "aws/secretsmanager"];
    let tags = ["--tag", "replicate-to=eu-central-1", "--tag", "a=b=c"];
    let called = explain(&[&["--event", &file][..], &key, &tags].concat());
    assert!(
        called
            .stdout
            .contains("Tags:   a=b=c, replicate-to=eu-central-1\n")
    );
    assert!(called.stdout.contains("Replicates to eu-central-1\n"));
}

#[test]
fn the_sample_events_of_created_secrets_are_understood() {
    let files = [
        ("create-secret-console.json", "no-rule-matched"),
        ("create-secret-terraform.json", "no-rule-matched"),
        ("create-secret-null-response.json", "no-rule-matched"),
        ("create-secret-failed-call.json", "api-call-failed"),
    ];
    for (file, reason) in files {
        let called = explain(&["--event", &event(file), "--output", "json"]);
        assert_eq!(called.code, Some(0), "{file}: {}", called.stderr);
        assert_eq!(called.json()["skipped"]["reason"], reason, "{file}");
    }
    let called = explain(&["--event", &event("tag-resource.json")]);
    assert_eq!(called.code, Some(2));
    assert!(
        called.stderr.contains("give a CreateSecret event"),
        "{}",
        called.stderr
    );
}

#[test]
fn a_policy_with_errors_is_shown_as_check_shows_it() {
    let arguments = [&["explain"], &SECRET[..], &["--policy", "-"]].concat();
    let called = call_with_input(&arguments, BROKEN);
    assert_eq!(called.code, Some(2));
    assert!(called.stdout.is_empty());
    assert!(called.stderr.contains("unknown-field") && called.stderr.contains("1 error"));
    let arguments = [&arguments[..], &["--output", "json"]].concat();
    let called = call_with_input(&arguments, BROKEN);
    assert_eq!(called.code, Some(2));
    assert_eq!(called.json()["problems"].as_array().unwrap().len(), 1);
}

const WRONG: [(&[&str], &str); 7] = [
    (&["--name", "db"], "--region"),
    (&["--region", "us-east-1"], "--name"),
    (&["--name", "db", "--region", "nowhere"], "Region code"),
    (
        &["--name", "", "--region", "us-east-1"],
        "the secret's name is empty",
    ),
    (&["--event", "x", "--name", "db"], "cannot be used with"),
    (
        &[SECRET[0], SECRET[1], SECRET[2], SECRET[3], "--tag", "a"],
        "KEY=VALUE",
    ),
    (
        &[
            SECRET[0],
            SECRET[1],
            SECRET[2],
            SECRET[3],
            "--kms-key",
            "app",
        ],
        "alias/name",
    ),
];

#[test]
fn invalid_options_are_refused() {
    for (arguments, message) in WRONG {
        let called = explain(arguments);
        assert_eq!(called.code, Some(2), "{arguments:?}");
        assert!(
            called.stderr.contains(message),
            "{arguments:?}\n{}",
            called.stderr
        );
    }
    let twice = explain(&[&SECRET[..], &["--tag", "a=1", "--tag", "a=2"]].concat());
    assert_eq!(twice.code, Some(2));
    assert!(
        twice.stderr.contains("the tag `a` is given twice"),
        "{}",
        twice.stderr
    );
    let both = explain(&["--policy", "-", "--event", "-"]);
    assert_eq!(both.code, Some(2));
    assert!(both.stderr.contains("cannot both come from standard input"));
}

#[test]
fn a_region_that_is_not_known_is_shown_with_the_one_that_may_be_meant() {
    let secret = ["--name", "db", "--region", "us-esat-1"];
    let value = "replicate-to=eu-wset-1 us-west2 none";
    let called = explain(&[&secret[..], &["--tag", value], &DEFAULT_KEY].concat());
    assert_eq!(called.code, Some(0), "{}", called.stderr);
    for hint in [
        "Warning: `eu-wset-1` is not a known Region; did you mean `eu-west-1`?",
        "Remediation: did you mean `us-west-2`? Otherwise: set the tag",
        "Remediation: `none` must stand alone",
    ] {
        assert!(called.stdout.contains(hint), "{hint}\n{}", called.stdout);
    }
    let warning = "warning: `us-esat-1` is not a known Region; did you mean `us-east-1`?\n";
    assert_eq!(called.stderr, warning);
}

#[test]
fn a_typo_precedes_the_refusal_that_it_causes() {
    let options = [
        "--tag",
        "replicate-to=eu-wset-1",
        "--kms-key",
        "alias/app",
        "--output",
        "json",
    ];
    let region = &explain(&[&SECRET[..], &options].concat()).json()["regions"][0];
    assert_eq!(region["reason"], "weaker-encryption");
    let remediation = region["remediation"].as_str().unwrap();
    let hint = "`eu-wset-1` is not a known Region; did you mean `eu-west-1`? Otherwise: ";
    assert!(remediation.starts_with(hint), "{remediation}");
}

#[test]
fn a_key_of_another_region_cannot_encrypt_the_secret() {
    let key = "arn:aws:kms:eu-west-1:123456789012:alias/app";
    let called = explain(&[&SECRET[..], &["--kms-key", key]].concat());
    assert_eq!(called.code, Some(2));
    let error = "the key is in eu-west-1, but the secret is in us-east-1";
    assert!(called.stderr.contains(error), "{}", called.stderr);
}

#[test]
fn the_replicas_that_an_event_requests_are_kept() {
    let file = event("create-secret-with-tags-key-and-replicas.json");
    let called = explain(&["--event", &file]);
    assert!(
        called.stdout.contains("Has replicas in: us-east-1\n"),
        "{}",
        called.stdout
    );
    assert!(
        called
            .stdout
            .contains("Keeps us-east-1. Refuses eu-west-1\n"),
        "{}",
        called.stdout
    );
    let policy = "{version: 1, removal: covered, rules: [{name: a, when: all, replicate-to: eu-west-1, \
                  kms-key: alias/app}]}";
    let arguments = [
        "explain",
        "--event",
        &file,
        "--policy",
        "-",
        "--allow-removal",
    ];
    let called = call_with_input(&arguments, policy);
    assert!(
        called
            .stdout
            .contains("loses its replica (no-longer-targeted)"),
        "{}",
        called.stdout
    );
}
