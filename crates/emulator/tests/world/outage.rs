//! Regions that stop.

use crate::support::{Clocked, HOME, IRELAND, OREGON, app};
use serde_json::json;

#[test]
fn changes_in_a_stopped_region_wait_until_it_starts() {
    let mut aws = Clocked::new();
    aws.seed(app().with_replica_in(OREGON));
    aws.world.suspend(aws.now, IRELAND);
    aws.world.suspend(aws.now, OREGON);
    aws.replicate("app", &[IRELAND]);
    aws.remove("app", &[OREGON]);
    aws.pass(600_000);
    assert_eq!(aws.status("app", IRELAND), "InProgress");
    let id = json!({"SecretId": "app"});
    aws.fails(OREGON, "DescribeSecret", &id, "ServiceUnavailable");
    aws.world.resume(aws.now, OREGON);
    aws.fails(OREGON, "DescribeSecret", &id, "ResourceNotFoundException");
    assert_eq!(aws.status("app", IRELAND), "InProgress");
    aws.world.resume(aws.now, IRELAND);
    assert_eq!(aws.status("app", IRELAND), "InSync");
    assert_eq!(aws.describe(IRELAND, "app")["PrimaryRegion"], HOME);
}
