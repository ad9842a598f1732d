//! `ListSecrets`: pages, filters, lag.

use std::time::Duration;

use secret_replicator_emulator::{SecretSeed, WorldSettings};
use serde_json::{Value, json};

use crate::support::{Clocked, HOME, IRELAND, app};

fn names(aws: &mut Clocked, region: &str, body: &Value) -> Vec<String> {
    let answer = aws.ok(region, "ListSecrets", body);
    let secrets = answer["SecretList"].as_array().unwrap();
    let name = |secret: &Value| secret["Name"].as_str().unwrap().to_owned();
    secrets.iter().map(name).collect()
}

fn filtered(aws: &mut Clocked, key: &str, values: &[&str]) -> Vec<String> {
    let body = json!({"Filters": [{"Key": key, "Values": values}]});
    names(aws, HOME, &body)
}

fn zoo() -> Clocked {
    let mut aws = Clocked::new();
    aws.seed(
        SecretSeed::new(HOME, "prod/db")
            .with_tag("replicate-to", "eu-west-1")
            .with_description("Main database")
            .with_replica_in(IRELAND),
    );
    aws.seed(SecretSeed::new(HOME, "prod/api").with_tag("tier", "1"));
    aws.seed(SecretSeed::new(HOME, "Prod/odd").with_tag("Tier", "10"));
    aws.seed(SecretSeed::new(HOME, "rds!cluster-1").with_owning_service("rds"));
    aws
}

#[test]
fn an_entry_has_primary_region_and_tags_but_no_replication_status() {
    let mut aws = zoo();
    let body = json!({"Filters": [{"Key": "name", "Values": ["prod/db"]}]});
    let entry = aws.ok(HOME, "ListSecrets", &body)["SecretList"][0].clone();
    assert_eq!(entry["PrimaryRegion"], HOME);
    let tag = json!({"Key": "replicate-to", "Value": "eu-west-1"});
    assert_eq!(entry["Tags"], json!([tag]));
    assert!(entry["SecretVersionsToStages"].is_object());
    assert_eq!(entry.get("ReplicationStatus"), None);
}

#[test]
fn filters_match_prefixes_and_mind_case() {
    let mut aws = zoo();
    assert_eq!(filtered(&mut aws, "name", &["prod/"]).len(), 2);
    assert_eq!(filtered(&mut aws, "tag-key", &["repl"]), ["prod/db"]);
    assert_eq!(filtered(&mut aws, "tag-key", &["tier"]), ["prod/api"]);
    assert_eq!(filtered(&mut aws, "tag-value", &["1"]).len(), 2);
    assert_eq!(
        filtered(&mut aws, "owning-service", &["rds"]),
        ["rds!cluster-1"]
    );
    assert_eq!(filtered(&mut aws, "primary-region", &["us-"]), ["prod/db"]);
    assert_eq!(filtered(&mut aws, "description", &["main"]), ["prod/db"]);
    assert_eq!(filtered(&mut aws, "all", &["DATABASE zebra"]), ["prod/db"]);
    assert_eq!(filtered(&mut aws, "name", &["db"]), Vec::<String>::new());
}

#[test]
fn an_exclamation_mark_negates_and_several_values_are_alternatives() {
    let mut aws = zoo();
    assert_eq!(
        filtered(&mut aws, "name", &["!prod/"]),
        ["Prod/odd", "rds!cluster-1"]
    );
    assert_eq!(
        filtered(&mut aws, "tag-key", &["tier", "replicate-to"]).len(),
        2
    );
    assert_eq!(
        filtered(&mut aws, "name", &["prod/", "!prod/d"]),
        ["prod/api"]
    );
    let both = json!({"Filters": [
        {"Key": "name", "Values": ["prod/"]},
        {"Key": "tag-key", "Values": ["tier"]},
    ]});
    assert_eq!(names(&mut aws, HOME, &both), ["prod/api"]);
}

#[test]
fn a_list_goes_on_page_by_page_while_secrets_come_and_go() {
    let mut aws = Clocked::new();
    for number in 0..250 {
        aws.seed(SecretSeed::new(HOME, format!("s{number:03}")));
        aws.pass(1);
    }
    let (mut seen, mut token) = (Vec::new(), Value::Null);
    loop {
        let answer = aws.ok(HOME, "ListSecrets", &json!({"NextToken": token}));
        let page = answer["SecretList"].as_array().unwrap().clone();
        assert!(page.len() <= 100);
        seen.extend(
            page.iter()
                .map(|secret| secret["Name"].as_str().unwrap().to_owned()),
        );
        let force = json!({"SecretId": seen[0], "ForceDeleteWithoutRecovery": true});
        aws.ok(HOME, "DeleteSecret", &force);
        match answer.get("NextToken") {
            Some(next) => token = next.clone(),
            None => break,
        }
    }
    let expected: Vec<String> = (0..250).map(|number| format!("s{number:03}")).collect();
    assert_eq!(seen, expected);
}

#[test]
fn the_last_page_has_no_token_even_if_it_is_full() {
    let mut aws = zoo();
    let answer = aws.ok(HOME, "ListSecrets", &json!({"MaxResults": 4}));
    assert_eq!(answer.get("NextToken"), None);
    let answer = aws.ok(HOME, "ListSecrets", &json!({"MaxResults": 3}));
    assert!(answer["NextToken"].is_string());
}

#[test]
fn secrets_scheduled_for_deletion_are_listed_on_request_only() {
    let mut aws = Clocked::new();
    aws.seed(app().with_scheduled_deletion());
    assert_eq!(names(&mut aws, HOME, &json!({})), Vec::<String>::new());
    let body = json!({"IncludePlannedDeletion": true});
    assert_eq!(names(&mut aws, HOME, &body), ["app"]);
}

#[test]
fn a_replica_is_listed_in_its_region_with_its_primary() {
    let mut aws = zoo();
    let entry = aws.ok(IRELAND, "ListSecrets", &json!({}))["SecretList"][0].clone();
    assert_eq!(entry["Name"], "prod/db");
    assert_eq!(entry["PrimaryRegion"], HOME);
}

#[test]
fn requests_beyond_the_limits_are_refused() {
    let mut aws = zoo();
    let eleven = vec!["a"; 11];
    let filter = json!({"Key": "name", "Values": ["a"]});
    for body in [
        json!({"MaxResults": 101}),
        json!({"MaxResults": 0}),
        json!({"Filters": vec![filter; 11]}),
        json!({"Filters": [{"Key": "name", "Values": eleven}]}),
        json!({"Filters": [{"Key": "name", "Values": ["a,b"]}]}),
        json!({"Filters": [{"Key": "colour", "Values": ["a"]}]}),
    ] {
        let error = aws.error(HOME, "ListSecrets", &body);
        assert!(error.starts_with("ValidationException: "), "{error}");
    }
    let error = aws.error(HOME, "ListSecrets", &json!({"NextToken": "?"}));
    assert!(error.starts_with("InvalidNextTokenException: "), "{error}");
}

#[test]
fn a_list_is_as_old_as_its_lag() {
    let mut aws = Clocked::with(WorldSettings {
        list_lag: Duration::from_mins(5),
        ..WorldSettings::default()
    });
    aws.seed(app());
    aws.pass(299_999);
    assert_eq!(names(&mut aws, HOME, &json!({})), Vec::<String>::new());
    aws.pass(1);
    let tag = json!({"SecretId": "app", "Tags": [{"Key": "k", "Value": "v"}]});
    aws.ok(HOME, "TagResource", &tag);
    let by_tag = json!({"Filters": [{"Key": "tag-key", "Values": ["k"]}]});
    assert_eq!(names(&mut aws, HOME, &json!({})), ["app"]);
    assert_eq!(names(&mut aws, HOME, &by_tag), Vec::<String>::new());
    aws.pass(300_000);
    assert_eq!(names(&mut aws, HOME, &by_tag), ["app"]);
    let force = json!({"SecretId": "app", "ForceDeleteWithoutRecovery": true});
    aws.ok(HOME, "DeleteSecret", &force);
    assert_eq!(names(&mut aws, HOME, &json!({})), ["app"]);
    aws.pass(300_000);
    assert_eq!(names(&mut aws, HOME, &json!({})), Vec::<String>::new());
}
