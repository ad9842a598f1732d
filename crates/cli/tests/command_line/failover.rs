//! What the tests of `drill`, `promote` and `failback` share.

use secret_replicator_emulator::SecretSeed;
use serde_json::json;

use crate::account::{Account, HOME, OLD, secret};

/// The failover Region.
pub(crate) const THERE: &str = "eu-west-1";

/// The suffix of a secret on both sides.
pub(crate) const SUFFIX: &str = "AAAAAA";

/// Covers the secrets with the tag `tier=1`.
pub(crate) const POLICY: &str = r#"
version: 1
rules:
  - name: tier-1
    when: { tags: { tier: "1" } }
    replicate-to: [eu-west-1]
"#;

/// Returns a secret that the policy covers.
pub(crate) fn covered(name: &str) -> SecretSeed {
    secret(name).with_tag("tier", "1").with_suffix(SUFFIX)
}

/// Returns a secret in the failover Region.
pub(crate) fn there(name: &str) -> SecretSeed {
    SecretSeed::new(THERE, name).with_age(OLD)
}

/// Returns a replica in the failover Region.
pub(crate) fn replica(name: &str) -> SecretSeed {
    there(name).with_replica_of(HOME).with_suffix(SUFFIX)
}

/// Puts a value, as the secret's owner does.
pub(crate) fn put(account: &Account, region: &str, name: &str, value: &str) {
    let body = json!({"SecretId": name, "SecretString": value});
    account.make(region, "PutSecretValue", &body);
}

/// Deletes the promoted secret with the recovery window of the printed command.
pub(crate) fn delete_promoted(account: &Account, name: &str) {
    let delete = json!({"SecretId": name, "RecoveryWindowInDays": 7});
    account.make(THERE, "DeleteSecret", &delete);
}

/// Ends the recovery window in the failover Region, as AWS does after its days.
pub(crate) fn end_recovery_window(account: &Account, name: &str) {
    let there = account
        .aws
        .with(|world, now| world.secret(now, THERE, name));
    assert!(there.unwrap().scheduled_for_deletion, "{name}");
    let purge = json!({"SecretId": name, "ForceDeleteWithoutRecovery": true});
    account.make(THERE, "DeleteSecret", &purge);
}
