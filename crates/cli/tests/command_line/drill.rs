//! Tests of `drill`.

mod failover_stack;
mod keys_and_roles;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use secret_replicator_emulator::{Fault, FaultKind, SecretSeries};
use serde_json::{Value, json};

use crate::account::{Account, HOME, secret};
use crate::failover::{POLICY, SUFFIX, THERE, covered, replica, there};
use crate::{Called, Files};

/// The planted faults: the name of a secret and the finding about it.
const FAULTS: [(&str, &str); 6] = [
    ("zz/behind", "version-behind"),
    ("zz/deleted", "scheduled-for-deletion"),
    ("zz/empty", "no-current-version"),
    ("zz/missing", "replica-missing"),
    ("zz/promoted", "promoted-replica"),
    ("zz/taken", "name-already-exists"),
];

/// Plants each fault.
fn plant(account: &Account) {
    for (name, _) in FAULTS {
        account.seed(covered(name));
    }
    account.seed(replica("zz/behind").with_value("older"));
    account.seed(replica("zz/empty").without_value());
    account.seed(there("zz/promoted").with_suffix(SUFFIX));
    account.seed(there("zz/taken"));
    account.seed(replica("zz/deleted").with_scheduled_deletion());
}

pub(crate) fn arguments<'a>(policy: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let base = ["drill", policy, "--to", THERE, "--region", HOME];
    [&base[..], more].concat()
}

fn findings(report: &Value) -> BTreeMap<String, Vec<String>> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let secrets = report["secrets"].as_array().unwrap().iter();
    let findings = secrets.filter_map(|secret| {
        let findings = secret["findings"].as_array().unwrap().iter();
        let codes: Vec<String> = findings.map(|finding| text(&finding["code"])).collect();
        (!codes.is_empty()).then(|| (text(&secret["name"]), codes))
    });
    findings.collect()
}

/// Returns the gravest finding of each secret that has one.
fn gravest(report: &Value) -> BTreeMap<String, String> {
    let findings = findings(report).into_iter();
    findings
        .map(|(name, codes)| (name, codes[0].clone()))
        .collect()
}

fn planted() -> BTreeMap<String, String> {
    let faults = FAULTS.into_iter();
    faults
        .map(|(name, code)| (name.to_owned(), code.to_owned()))
        .collect()
}

#[test]
fn a_drill_over_ten_thousand_secrets_names_each_fault_and_stays_below_the_quotas() {
    let account = Account::new([]);
    let series = SecretSeries::new(covered("app/").with_replica_in(THERE), 10_000);
    account
        .aws
        .with(|world, now| world.seed_series(now, series));
    plant(&account);
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let called = account.call(&arguments(&path, &["--output", "json"]));
    assert_eq!(called.code, Some(2), "{}", called.stderr);
    let report = called.json();
    assert_eq!(report["summary"]["expected"], 10_006);
    assert_eq!(report["summary"]["ready"], 10_000);
    assert_eq!(gravest(&report), planted());

    let calls = account.aws.calls();
    // `call` checks the operations, too: the promise is about every call.
    let operations: BTreeSet<&str> = calls.iter().map(|call| call.operation.as_str()).collect();
    assert_eq!(operations, ["DescribeSecret", "ListSecrets"].into());
    for region in [HOME, THERE] {
        let lists: Vec<_> = calls
            .iter()
            .filter(|call| call.operation == "ListSecrets" && call.region == region)
            .map(|call| call.time)
            .collect();
        assert_eq!(lists.len(), 101, "{region}");
        for (number, time) in lists.iter().enumerate() {
            let second = lists[number..]
                .iter()
                .filter(|other| **other < *time + Duration::from_secs(1));
            let second = second.count();
            assert!(second <= 30, "{second} lists in a second of {region}");
        }
    }
    // Only the secrets that the lists do not show ready.
    let described = account.aws.calls_to("DescribeSecret");
    assert!(described.len() <= 2 * FAULTS.len(), "{}", described.len());
}

#[test]
fn each_finding_has_a_remediation_in_each_format() {
    let account = Account::new([covered("ok").with_replica_in(THERE)]);
    plant(&account);
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let page = files.path("drill.html");
    let called = account.call(&arguments(&path, &["--html", &page]));
    assert_eq!(called.code, Some(2), "{}", called.stderr);
    assert!(
        called
            .stdout
            .starts_with("1 of 7 secrets could be promoted in eu-west-1."),
        "{}",
        called.stdout
    );
    let csv = account.call(&arguments(&path, &["--output", "csv"])).stdout;
    let junit = account
        .call(&arguments(&path, &["--output", "junit"]))
        .stdout;
    let page = std::fs::read_to_string(&page).unwrap();
    assert!(page.contains("Secret failover drill"));
    for (name, code) in FAULTS {
        assert!(called.stdout.contains(code), "{code}: {}", called.stdout);
        let row = csv.lines().find(|row| row.contains(name)).unwrap();
        assert!(row.contains(code), "{row}");
        assert!(junit.contains(code) && page.contains(code), "{code}");
    }
    assert!(junit.contains(r#"failures="6""#), "{junit}");
    assert!(csv.contains(",ok,eu-west-1,true,current,,,"), "{csv}");
}

#[test]
fn a_drill_of_replicas_in_order_succeeds_and_saves_what_should_be_there() {
    let account = Account::new([
        covered("a").with_replica_in(THERE).with_tag("owner", "x"),
        secret("other").with_replica_in(THERE),
    ]);
    account.make(
        HOME,
        "RotateSecret",
        &json!({
            "SecretId": "a", "RotationLambdaARN": "arn:aws:lambda:us-east-1:123456789012:function:rotate",
            "RotationRules": {"AutomaticallyAfterDays": 30}, "RotateImmediately": false,
        }),
    );
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let file = files.path("inventory.json");
    let called = account.call(&arguments(&path, &["--save", &file]));
    assert_eq!(called.code, Some(0), "{}{}", called.stdout, called.stderr);
    let text = std::fs::read_to_string(&file).unwrap();
    let inventory: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(inventory["region"], THERE);
    let [entry] = &inventory["secrets"].as_array().unwrap()[..] else {
        panic!("{text}")
    };
    assert_eq!(
        entry["arn"],
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AAAAAA"
    );
    assert_eq!(entry["rotation"]["after_days"], 30);
    assert!(entry["version_id"].is_string());
    assert_eq!(entry["tags"], json!({"tier": "1"}));
    assert_eq!(inventory["policy"]["text"], POLICY);
    assert!(!text.contains("seeded"), "{text}");
}

#[test]
fn without_the_primary_region_the_drill_rests_on_the_inventory() {
    let account = Account::new([covered("a").with_replica_in(THERE)]);
    plant(&account);
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let file = files.path("inventory.json");
    account.call(&arguments(&path, &["--save", &file]));
    account.aws.with(|world, now| world.suspend(now, HOME));
    let with_inventory = ["--inventory", &file, "--output", "json"];
    let called = account.call(&arguments(&path, &with_inventory));
    assert_eq!(called.code, Some(2), "{}", called.stderr);
    let warning = "warning: us-east-1 was not asked";
    assert!(called.stderr.contains(warning), "{}", called.stderr);
    // A replica that is behind and one with an unknown version look alike.
    let mut expected = planted();
    expected.remove("zz/behind");
    assert_eq!(gravest(&called.json()), expected);
    assert_eq!(
        called.json()["summary"]["versions"]["other-than-inventory"],
        2
    );

    // Nothing says what is absent, so the drill does not succeed, and keeps the inventory.
    let before = std::fs::read_to_string(&file).unwrap();
    let called = account.call(&arguments(&path, &["--save", &file]));
    assert_eq!(called.code, Some(2), "{}", called.stdout);
    assert!(
        called.stderr.contains("absent secrets are unknown"),
        "{}",
        called.stderr
    );
    assert!(
        called.stderr.contains("was not written"),
        "{}",
        called.stderr
    );
    assert!(
        called.stdout.contains("1 of 1 secret could be promoted"),
        "{}",
        called.stdout
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
}

#[test]
fn an_unasked_primary_region_is_an_error_of_junit_only_if_the_report_needs_it() {
    let account = Account::new([covered("a").with_replica_in(THERE)]);
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let file = files.path("inventory.json");
    account.call(&arguments(&path, &["--save", &file]));
    account.aws.with(|world, now| world.suspend(now, HOME));
    let junit = |more: &[&str]| {
        let more = [more, &["--output", "junit"]].concat();
        account.call(&arguments(&path, &more))
    };
    let called = junit(&["--inventory", &file]);
    assert_eq!(called.code, Some(0), "{}", called.stderr);
    assert!(!called.stdout.contains("<error"), "{}", called.stdout);
    let called = junit(&[]);
    assert_eq!(called.code, Some(2), "{}", called.stderr);
    assert!(called.stdout.contains("<error"), "{}", called.stdout);
}

#[test]
fn the_age_of_the_newest_change_is_in_each_format() {
    let account = Account::new([covered("a").with_replica_in(THERE)]);
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let policy = files.path("policy.yaml");
    let output = |format| account.call(&arguments(&policy, &["--output", format]));
    let is_an_hour = |age: i64| (3590..3700).contains(&age);
    let json = output("json").json();
    assert!(
        is_an_hour(json["newest_change_age_s"].as_i64().unwrap()),
        "{json}"
    );
    let csv = output("csv").stdout;
    let [header, row] = csv.lines().collect::<Vec<_>>()[..] else {
        panic!("{csv}")
    };
    assert!(
        header.ends_with(",read,last_changed,newest_change_age_s"),
        "{header}"
    );
    let age = row.rsplit(',').next().unwrap();
    assert!(is_an_hour(age.parse().unwrap()), "{row}");
    let junit = output("junit").stdout;
    for property in ["read", "newest_change", "newest_change_age_s"] {
        let property = format!(r#"<property name="{property}" value="#);
        assert!(junit.contains(&property), "{junit}");
    }
}

#[test]
fn a_primary_region_that_does_not_answer_at_all_ends_no_drill() {
    let account = Account::new([covered("a").with_replica_in(THERE)]);
    let hang = FaultKind::Hang(secret_replicator_emulator::Execution::Skipped);
    account.aws.script(Fault {
        region: Some(HOME.to_owned()),
        ..Fault::on_any(hang).always()
    });
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let begun = std::time::Instant::now();
    let called = account.call(&arguments(&path, &[]));
    assert_eq!(called.code, Some(2), "{}", called.stderr);
    assert!(
        begun.elapsed() < Duration::from_secs(40),
        "{:?}",
        begun.elapsed()
    );
    assert!(called.stdout.contains("1 of 1 secret"), "{}", called.stdout);
}

pub(crate) fn fails(called: &Called, part: &str) {
    assert_eq!(called.code, Some(1), "{}{}", called.stdout, called.stderr);
    assert!(called.stderr.contains(part), "{part}: {}", called.stderr);
}

#[test]
fn wrong_usages_say_what_to_type() {
    let account = Account::new([]);
    let wrong = r#"{"format":1,"region":"eu-west-3","saved":"2026-01-01T00:00:00Z","tag_keys":[],"secrets":[]}"#;
    let files = Files::new(&[
        ("policy.yaml", POLICY),
        ("other.json", wrong),
        ("no.json", "{}"),
    ]);
    let path = files.path("policy.yaml");
    let with = |file: &str| {
        let file = files.path(file);
        account.call(&arguments(&path, &["--inventory", &file]))
    };
    fails(&with("other.json"), "drill --to eu-west-1 --save FILE");
    fails(&with("no.json"), "not an inventory of `drill --save`");
    let same = account.call(&["drill", &path, "--to", HOME, "--region", HOME]);
    fails(&same, "both the failover Region and a primary Region");
}

#[test]
fn a_drill_of_no_secret_is_a_finding_and_keeps_the_inventory() {
    let account = Account::new([covered("db").with_replica_in(THERE)]);
    let files = Files::new(&[
        ("policy.yaml", POLICY),
        ("other.yaml", &POLICY.replace("tier:", "level:")),
    ]);
    let inventory = files.path("inventory.json");
    let policy = files.path("policy.yaml");
    let saved = account.call(&arguments(&policy, &["--save", &inventory]));
    assert_eq!(saved.code, Some(0), "{}{}", saved.stdout, saved.stderr);
    let before = std::fs::read_to_string(&inventory).unwrap();
    let other = files.path("other.yaml");
    let nothing = account.call(&arguments(&other, &["--save", &inventory]));
    assert_eq!(nothing.code, Some(2), "{}", nothing.stdout);
    assert!(
        nothing.stderr.contains("check the policy, the account"),
        "{}",
        nothing.stderr
    );
    assert_eq!(std::fs::read_to_string(&inventory).unwrap(), before);
}
