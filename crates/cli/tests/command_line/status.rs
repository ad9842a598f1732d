//! Tests of `status`.

use std::collections::BTreeMap;

use secret_replicator_emulator::{Fault, FaultKind, SecretSeed};
use serde_json::{Value, json};

use crate::Files;
use crate::account::{Account, HOME, OLD, secret};

const POLICY: &str = r#"
version: 1
rules:
  - name: tier-1
    when: { tags: { tier: "1" } }
    replicate-to: [eu-west-1]
  - name: never-in-paris
    when: all
    forbid: [eu-west-3]
"#;

fn covered(name: &str) -> SecretSeed {
    secret(name).with_tag("tier", "1").with_suffix("AAAAAA")
}

fn in_ireland(name: &str) -> SecretSeed {
    SecretSeed::new("eu-west-1", name).with_age(OLD)
}

/// An account with a secret in each state that a list or a status shows.
fn account() -> Account {
    let account = Account::new([
        covered("in-sync").with_replica_in("eu-west-1"),
        covered("missing"),
        covered("shadowed"),
        in_ireland("shadowed"),
        covered("promoted"),
        in_ireland("promoted").with_suffix("AAAAAA"),
        covered("refused").with_kms_key_id("alias/mine"),
        covered("behind").with_replica_in("eu-west-1"),
        secret("uncovered-shadowed"),
        in_ireland("uncovered-shadowed"),
        secret("uncovered"),
        covered("failed"),
        in_ireland("failed"),
    ]);
    account.make(
        HOME,
        "ReplicateSecretToRegions",
        &json!({"SecretId": "failed", "AddReplicaRegions": [{"Region": "eu-west-1"}]}),
    );
    std::thread::sleep(std::time::Duration::from_millis(1200));
    // The replica keeps an older version.
    account.seed(
        in_ireland("behind")
            .with_suffix("AAAAAA")
            .with_tag("tier", "1")
            .with_replica_of(HOME)
            .with_value("older"),
    );
    account
}

/// Returns the state and the reason of each secret in a Region. The Region is empty for the secret as a whole.
fn states(report: &Value) -> BTreeMap<String, (String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let secrets = report["secrets"].as_array().unwrap().iter();
    let cells = secrets.flat_map(|secret| {
        let cells = secret["regions"].as_array().unwrap().iter();
        cells.map(|cell| {
            let region = text(&cell["region"]);
            let key = format!("{} {region}", text(&secret["name"]));
            (
                key.trim().to_owned(),
                (text(&cell["state"]), text(&cell["reason"])),
            )
        })
    });
    cells.collect()
}

#[test]
fn each_secret_has_its_state_in_each_region() {
    let account = account();
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let called = account.call(&["status", &path, "--region", HOME, "--output", "json"]);
    assert_eq!(called.code, Some(0), "{}", called.stderr);
    let states = states(&called.json());
    let expected = [
        ("behind eu-west-1", "behind", "version-behind"),
        ("failed eu-west-1", "failed", "name-already-exists"),
        ("in-sync eu-west-1", "in-sync", ""),
        ("missing eu-west-1", "missing", ""),
        ("promoted eu-west-1", "promoted", "promoted-replica"),
        ("refused eu-west-1", "refused", "weaker-encryption"),
        ("shadowed eu-west-1", "shadowed", "name-already-exists"),
        ("uncovered", "not-covered", "no-rule-matched"),
        ("uncovered-shadowed", "not-covered", "no-rule-matched"),
        (
            "uncovered-shadowed eu-west-1",
            "shadowed",
            "name-already-exists",
        ),
    ];
    let expected = expected
        .map(|(secret, state, reason)| (secret.to_owned(), (state.to_owned(), reason.to_owned())));
    let expected: BTreeMap<_, _> = expected.into();
    let mut found = states.clone();
    found.retain(|_, (state, _)| state != "excluded");
    assert_eq!(found, expected);
    let report = called.json();
    let secrets = report["secrets"].as_array().unwrap().iter();
    for cell in secrets.flat_map(|secret| secret["regions"].as_array().unwrap()) {
        let needs_none = ["in-sync", "not-covered", "excluded"].map(Value::from);
        let has_remediation = cell["remediation"].is_string();
        assert_eq!(
            has_remediation,
            !needs_none.contains(&cell["state"]),
            "{cell}"
        );
    }

    let called = account.call(&["status", &path, "--region", HOME]);
    insta::assert_snapshot!(called.stdout);
}

#[test]
fn a_state_that_the_filter_hides_fails_too_and_an_empty_report_says_so() {
    let account = account();
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let call = |arguments: &[&str]| {
        let base = ["status", &path, "--region", HOME];
        account.call(&[&base, arguments].concat())
    };
    let hidden = call(&["--only", "failed", "--fail-on", "missing"]);
    assert_eq!(hidden.code, Some(2), "{}", hidden.stdout);
    assert!(!hidden.stdout.contains(" missing "), "{}", hidden.stdout);
    let note = "note: secrets that `--only` hides have a state of `--fail-on`\n";
    assert!(hidden.stderr.contains(note), "{}", hidden.stderr);
    let healthy = call(&["--only", "unreadable"]);
    assert!(!healthy.stderr.contains("note:"), "{}", healthy.stderr);
    let other = call(&["--name", "missing", "--fail-on", "failed"]);
    assert_eq!(other.code, Some(0), "{}", other.stdout);

    let empty = call(&["--name", "no-such-secret", "--fail-on", "failed"]);
    assert_eq!(empty.code, Some(0), "{}", empty.stderr);
    let note = "the report contains no secret of us-east-1; check the account, the Regions and the filters";
    assert!(empty.stderr.contains(note), "{}", empty.stderr);
}

#[test]
fn filters_select_secrets_and_states() {
    let account = account();
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let names = |arguments: &[&str]| -> Vec<String> {
        let base = ["status", &path, "--region", HOME, "--output", "json"];
        let called = account.call(&[&base, arguments].concat());
        states(&called.json()).into_keys().collect()
    };
    assert_eq!(
        names(&["--only", "failed,missing"]),
        ["failed eu-west-1", "missing eu-west-1"]
    );
    assert_eq!(
        names(&["--name", "uncovered-"]),
        ["uncovered-shadowed", "uncovered-shadowed eu-west-1"]
    );
    assert_eq!(names(&["--tag", "tier=2"]), Vec::<String>::new());
    assert_eq!(
        names(&["--tag", "tier", "--name", "in-"]),
        ["in-sync eu-west-1"]
    );
}

#[test]
fn a_pipeline_fails_on_the_states_that_it_names() {
    let account = account();
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let code = |states: &str| {
        let called = account.call(&["status", &path, "--region", HOME, "--fail-on", states]);
        called.code
    };
    assert_eq!(code("failed,unreadable"), Some(2));
    assert_eq!(code("kms-key-differs,unreadable"), Some(0));
    let called = account.call(&["status", &path, "--region", HOME, "--output", "junit"]);
    let xml = called.stdout;
    assert!(
        xml.contains(r#"<testsuite name="123456789012.us-east-1" tests="10""#),
        "{xml}"
    );
    assert!(xml.contains(r#"failures="7""#), "{xml}");
    assert!(
        xml.contains(r#"message="failed: name-already-exists" type="failed""#),
        "{xml}"
    );
}

#[test]
fn a_region_whose_list_is_denied_is_named_and_its_secrets_are_described() {
    let account = Account::new([covered("in-sync").with_replica_in("eu-west-1")]);
    let message = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: \
                   secretsmanager:ListSecrets";
    let denied = FaultKind::answer(400, "AccessDeniedException", message);
    account.aws.script(Fault {
        region: Some("eu-west-1".to_owned()),
        ..Fault::on("ListSecrets", denied)
    });
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let called = account.call(&["status", &path, "--region", HOME]);
    assert_eq!(called.code, Some(2), "{}", called.stderr);
    assert!(
        called
            .stderr
            .contains("the list of eu-west-1 is incomplete")
            && called.stderr.contains("allow `secretsmanager:ListSecrets`"),
        "{}",
        called.stderr
    );
    assert!(
        called
            .stdout
            .contains("No problems in the secrets of this report."),
        "{}",
        called.stdout
    );
    assert!(!account.aws.calls_to("DescribeSecret").is_empty());
}

#[test]
fn a_list_that_is_denied_is_an_error_of_junit() {
    let account = Account::new([covered("in-sync").with_replica_in("eu-west-1")]);
    let denied = FaultKind::answer(400, "AccessDeniedException", "denied");
    account.aws.script(Fault {
        region: Some("eu-west-1".to_owned()),
        ..Fault::on("ListSecrets", denied)
    });
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let called = account.call(&["status", &path, "--region", HOME, "--output", "junit"]);
    let xml = called.stdout;
    assert!(xml.contains(r#"errors="1""#), "{xml}");
    assert!(xml.contains(r#"name="the secrets in eu-west-1""#), "{xml}");
    assert!(xml.contains("allow `secretsmanager:ListSecrets`"), "{xml}");
}

#[test]
fn secrets_that_cannot_be_read_are_a_missing_part_of_the_report_with_the_cause() {
    let account = Account::new([covered("missing"), covered("other")]);
    let denied = FaultKind::answer(400, "AccessDeniedException", "denied");
    account
        .aws
        .script(Fault::on("DescribeSecret", denied).always());
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let cause = "AccessDeniedException: denied; allow `secretsmanager:DescribeSecret`";
    for command in ["status", "plan"] {
        let called = account.call(&[command, &path, "--region", HOME]);
        assert_eq!(called.code, Some(2), "{}", called.stderr);
        let warning = "warning: 2 secrets could not be read: ";
        assert!(called.stderr.contains(warning), "{}", called.stderr);
        assert!(called.stderr.contains(cause), "{}", called.stderr);
        assert!(
            called.stdout.contains("docs/CLI.md has the IAM policy"),
            "{}",
            called.stdout
        );
    }
}

#[test]
fn a_secret_without_a_value_is_not_said_to_wait_for_a_sweep() {
    let account = Account::new([covered("empty").without_value()]);
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let called = account.call(&["status", &path, "--region", HOME, "--output", "json"]);
    let cell = &called.json()["secrets"][0]["regions"][0];
    assert_eq!(cell["state"], "missing");
    assert_eq!(cell["reason"], "no-value-yet");
    let remediation = cell["remediation"].as_str().unwrap();
    assert!(remediation.contains("put a value"), "{remediation}");
}

#[test]
fn a_plan_names_an_empty_tag() {
    let account = Account::new([secret("db").with_tag("replicate-to", "")]);
    let called = account.call(&["plan", "--region", HOME]);
    assert!(
        called
            .stdout
            .contains("refused: empty-tag-value in `` (1 secret)"),
        "{}",
        called.stdout
    );
}

#[test]
fn a_secret_that_a_tag_does_not_select_may_be_unreadable() {
    let account = Account::new([
        covered("a")
            .with_tag("team", "x")
            .with_replica_in("eu-west-1"),
        covered("b"),
    ]);
    let denied = FaultKind::answer(400, "AccessDeniedException", "denied");
    account
        .aws
        .script(Fault::on("DescribeSecret", denied).on_secret("b").always());
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let status = ["status", &path, "--region", HOME];
    let selected = account.call(&[&status[..], &["--tag", "team=x"]].concat());
    assert_eq!(selected.code, Some(0), "{}", selected.stderr);
    assert_eq!(account.call(&status).code, Some(2));
}

#[test]
fn a_covered_secret_that_gets_no_replica_is_in_the_report() {
    let account = Account::new([
        secret("none").with_tag("replicate-to", "none"),
        secret("ireland")
            .with_tag("replicate-to", "eu-west-1")
            .with_replica_in("eu-west-1"),
    ]);
    let status = ["status", "--region", HOME];
    let report = account
        .call(&[&status[..], &["--output", "json"]].concat())
        .json();
    assert_eq!(report["summary"]["secrets"], 2);
    assert_eq!(report["summary"]["covered"], 2);
    let text = account.call(&status).stdout;
    assert!(
        text.contains("2 secrets, of which the policy covers 2."),
        "{text}"
    );
    let csv = account
        .call(&[&status[..], &["--output", "csv", "--only", "excluded"]].concat())
        .stdout;
    assert!(csv.contains("none") && !csv.contains("ireland"), "{csv}");
}
