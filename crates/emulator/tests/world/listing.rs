//! `ListSecrets`: pages, filters, lag.

use std::time::Duration;

use secret_replicator_emulator::{Collation, SecretSeed, WorldSettings};
use serde_json::{Value, json};

use crate::support::{Clocked, HOME, IRELAND, app};

fn names(aws: &mut Clocked, region: &str, body: &Value) -> Vec<String> {
    let answer = aws.ok(region, "ListSecrets", body);
    let secrets = answer["SecretList"].as_array().unwrap();
    let name = |secret: &Value| secret["Name"].as_str().unwrap().to_owned();
    secrets.iter().map(name).collect()
}

/// Three standalone secrets and a primary.
fn several() -> Clocked {
    let mut aws = Clocked::new();
    let body = json!({"Name": "Prod/odd", "Description": "Main database"});
    aws.ok(HOME, "CreateSecret", &body);
    for seed in [
        SecretSeed::new(HOME, "prod/db")
            .with_tag("replicate-to", "eu-west-1")
            .with_replica_in(IRELAND),
        SecretSeed::new(HOME, "prod/api")
            .with_tag("tier", "1")
            .with_tag("Tag", "10"),
        SecretSeed::new(HOME, "rds!cluster-1").with_owning_service("rds"),
    ] {
        aws.pass(1);
        aws.seed(seed);
    }
    aws
}

#[test]
fn filters_match_prefixes_or_words_and_are_negated_by_an_exclamation_mark() {
    let mut aws = several();
    for (key, values, expected) in [
        ("name", vec!["prod/"], vec!["prod/db", "prod/api"]),
        ("name", vec!["db"], vec![]),
        ("name", vec!["!prod/"], vec!["Prod/odd", "rds!cluster-1"]),
        ("name", vec!["prod/", "!prod/d"], vec!["prod/api"]),
        ("tag-key", vec!["repl"], vec!["prod/db"]),
        ("tag-key", vec!["tag"], vec![]),
        ("tag-key", vec!["tier", "repl"], vec!["prod/db", "prod/api"]),
        ("tag-value", vec!["1"], vec!["prod/api"]),
        ("owning-service", vec!["rds"], vec!["rds!cluster-1"]),
        ("primary-region", vec!["us-"], vec!["prod/db"]),
        ("description", vec!["main"], vec!["Prod/odd"]),
        ("description", vec!["data MAIN"], vec!["Prod/odd"]),
        ("description", vec!["base"], vec![]),
        ("all", vec!["db"], vec!["prod/db"]),
        ("all", vec!["eu-west-1"], vec!["prod/db"]),
        ("all", vec!["main"], vec!["Prod/odd"]),
    ] {
        let body = json!({"Filters": [{"Key": key, "Values": values}]});
        assert_eq!(names(&mut aws, HOME, &body), expected, "{key} {values:?}");
    }
    let both = json!({"Filters": [
        {"Key": "name", "Values": ["prod/"]},
        {"Key": "tag-key", "Values": ["tier"]},
    ]});
    assert_eq!(names(&mut aws, HOME, &both), ["prod/api"]);
}

#[test]
fn a_list_continues_page_by_page_while_secrets_come_and_go() {
    let mut aws = Clocked::new();
    let expected: Vec<String> = (0..250).map(|number| format!("s{number:03}")).collect();
    for name in &expected {
        aws.seed(SecretSeed::new(HOME, name));
        aws.pass(1);
    }
    let (mut seen, mut token) = (Vec::new(), Value::Null);
    loop {
        let request = json!({"NextToken": token});
        let page = names(&mut aws, HOME, &request);
        let answer = aws.ok(HOME, "ListSecrets", &request);
        assert!(page.len() <= 100);
        seen.extend(page);
        aws.delete(HOME, &seen[0]);
        match answer.get("NextToken") {
            Some(next) => token = next.clone(),
            None => break,
        }
    }
    assert_eq!(seen, expected);
}

#[test]
fn the_last_page_has_no_token_even_if_it_is_full() {
    let mut aws = several();
    let answer = aws.ok(HOME, "ListSecrets", &json!({"MaxResults": 4}));
    assert_eq!(answer.get("NextToken"), None);
    let answer = aws.ok(HOME, "ListSecrets", &json!({"MaxResults": 3}));
    assert!(answer["NextToken"].is_string());
}

#[test]
fn secrets_scheduled_for_deletion_are_listed_on_request_only() {
    let mut aws = Clocked::new();
    aws.seed(app().with_scheduled_deletion());
    assert_eq!(names(&mut aws, HOME, &json!({})), [""; 0]);
    let body = json!({"IncludePlannedDeletion": true});
    assert_eq!(names(&mut aws, HOME, &body), ["app"]);
}

#[test]
fn a_replica_is_listed_in_its_region_with_its_primary_and_versions() {
    let mut aws = several();
    let entry = aws.ok(IRELAND, "ListSecrets", &json!({}))["SecretList"][0].clone();
    assert_eq!(entry["Name"], "prod/db");
    assert_eq!(entry["PrimaryRegion"], HOME);
    assert!(entry["SecretVersionsToStages"].is_object());
}

#[test]
fn requests_beyond_the_limits_are_refused() {
    let mut aws = several();
    let eleven = vec!["a"; 11];
    let filter = json!({"Key": "name", "Values": ["a"]});
    for body in [
        json!({"MaxResults": 101}),
        json!({"MaxResults": 0}),
        json!({"Filters": vec![filter; 11]}),
        json!({"Filters": [{"Key": "name", "Values": eleven}]}),
        json!({"Filters": [{"Key": "name", "Values": ["a,b"]}]}),
        json!({"Filters": [{"Key": "color", "Values": ["a"]}]}),
        json!({"SortBy": "color"}),
        json!({"SortOrder": "descending"}),
    ] {
        aws.fails(HOME, "ListSecrets", &body, "ValidationException: ");
    }
    let token = json!({"NextToken": "?"});
    aws.fails(HOME, "ListSecrets", &token, "InvalidNextTokenException: ");
}

#[test]
fn a_list_is_as_old_as_its_lag() {
    let mut aws = Clocked::with(WorldSettings {
        list_lag: Duration::from_mins(5),
        ..WorldSettings::default()
    });
    aws.seed(app());
    aws.pass(299_999);
    assert_eq!(names(&mut aws, HOME, &json!({})), [""; 0]);
    aws.pass(1);
    let tag = json!({"SecretId": "app", "Tags": [{"Key": "k", "Value": "v"}]});
    aws.ok(HOME, "TagResource", &tag);
    let by_tag = json!({"Filters": [{"Key": "tag-key", "Values": ["k"]}]});
    assert_eq!(names(&mut aws, HOME, &json!({})), ["app"]);
    assert_eq!(names(&mut aws, HOME, &by_tag), [""; 0]);
    aws.pass(300_000);
    assert_eq!(names(&mut aws, HOME, &by_tag), ["app"]);
    aws.delete(HOME, "app");
    assert_eq!(names(&mut aws, HOME, &json!({})), ["app"]);
    aws.pass(300_000);
    assert_eq!(names(&mut aws, HOME, &json!({})), [""; 0]);
}

fn sorted(collation: Collation, body: &Value) -> Vec<String> {
    let mut aws = Clocked::with(WorldSettings {
        collation,
        ..WorldSettings::default()
    });
    for name in ["a-c", "ab", "B", "a"] {
        aws.seed(SecretSeed::new(HOME, name));
        aws.pass(1);
    }
    names(&mut aws, HOME, body)
}

#[test]
fn a_list_is_sorted_by_creation_or_by_name_in_both_directions() {
    let bytes = |body| sorted(Collation::Bytes, &body);
    assert_eq!(bytes(json!({})), ["a-c", "ab", "B", "a"]);
    let newest_first = json!({"SortBy": "created-date", "SortOrder": "desc"});
    assert_eq!(bytes(newest_first), ["a", "B", "ab", "a-c"]);
    assert_eq!(bytes(json!({"SortBy": "name"})), ["B", "a", "a-c", "ab"]);
    let by_name = json!({"SortBy": "name", "SortOrder": "desc"});
    assert_eq!(bytes(by_name.clone()), ["ab", "a-c", "a", "B"]);
    let folded = sorted(Collation::IgnoringCase, &json!({"SortBy": "name"}));
    assert_eq!(folded, ["a", "a-c", "ab", "B"]);
    let letters = sorted(Collation::IgnoringPunctuation, &by_name);
    assert_eq!(letters, ["B", "a-c", "ab", "a"]);
}

#[test]
fn a_list_by_name_continues_behind_a_secret_that_was_deleted() {
    let mut aws = Clocked::new();
    for name in ["d", "b", "c", "a"] {
        aws.seed(SecretSeed::new(HOME, name));
    }
    let first = json!({"SortBy": "name", "MaxResults": 2});
    let token = aws.ok(HOME, "ListSecrets", &first)["NextToken"].clone();
    aws.delete(HOME, "b");
    let next = json!({"SortBy": "name", "MaxResults": 2, "NextToken": token});
    assert_eq!(names(&mut aws, HOME, &next), ["c", "d"]);
    assert_eq!(names(&mut aws, HOME, &first), ["a", "c"]);
}

#[test]
fn each_region_has_its_own_lag_and_its_own_quota_of_lists() {
    let mut aws = Clocked::with(WorldSettings {
        list_lags: [(IRELAND.to_owned(), Duration::from_secs(1))].into(),
        lists_per_second: Some(2),
        ..WorldSettings::default()
    });
    aws.seed(app().with_replica_in(IRELAND));
    let all = json!({});
    assert_eq!(names(&mut aws, HOME, &all), ["app"]);
    assert_eq!(names(&mut aws, IRELAND, &all), [""; 0]);
    aws.ok(HOME, "ListSecrets", &all);
    aws.fails(HOME, "ListSecrets", &all, "ThrottlingException: ");
    assert_eq!(names(&mut aws, IRELAND, &all), [""; 0]);
    aws.pass(1000);
    assert_eq!(names(&mut aws, IRELAND, &all), ["app"]);
    assert_eq!(names(&mut aws, HOME, &all), ["app"]);
}
