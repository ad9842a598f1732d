//! The fixed answers, taken once from the emulated AWS.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::anyhow;
use bytes::Bytes;
use secret_replicator_emulator::{SecretSeed, Time, World, WorldSettings};
use serde_json::{Value, json};

use crate::event::{REGION, Subject};

/// The answers, and the only state: whether the drifted secret has its replica.
pub(crate) struct Answers {
    unchanged: Bytes,
    drifted: Bytes,
    repaired: Bytes,
    replicated: Bytes,
    is_repaired: AtomicBool,
}

impl Answers {
    pub(crate) fn new() -> anyhow::Result<Answers> {
        let mut aws = World::new(WorldSettings {
            replication_delay: Duration::ZERO,
            ..WorldSettings::default()
        });
        let replica = "eu-west-1";
        for subject in [Subject::Unchanged, Subject::Drifted] {
            let mut seed = SecretSeed::new(REGION, subject.name())
                .with_suffix("AbCdEf")
                .with_tag("replicate-to", replica);
            if subject == Subject::Unchanged {
                seed = seed.with_replica_in(replica);
            }
            aws.seed(Time(0), seed);
        }
        let mut ask = |operation: &str, subject: Subject, more: Value| {
            let mut body = more;
            body["SecretId"] = json!(subject.arn());
            aws.handle(Time(1), REGION, operation, &body)
                .map_err(|error| anyhow!("{operation}: {error:?}"))
        };
        let unchanged = ask("DescribeSecret", Subject::Unchanged, json!({}))?;
        let drifted = ask("DescribeSecret", Subject::Drifted, json!({}))?;
        let request = json!({ "AddReplicaRegions": [{ "Region": replica }] });
        let mut replicated = ask("ReplicateSecretToRegions", Subject::Drifted, request)?;
        // In sync at once, so that no contender polls.
        replicated["ReplicationStatus"][0]["Status"] = json!("InSync");
        let repaired = ask("DescribeSecret", Subject::Drifted, json!({}))?;
        Ok(Answers {
            unchanged: unchanged.to_string().into(),
            drifted: drifted.to_string().into(),
            repaired: repaired.to_string().into(),
            replicated: replicated.to_string().into(),
            is_repaired: AtomicBool::new(false),
        })
    }

    /// Returns the answer to a call, if there is one.
    pub(crate) fn to(&self, operation: &str, body: &[u8]) -> Option<Bytes> {
        let drifted = b":secret:drifted-";
        let is_drifted = body.windows(drifted.len()).any(|bytes| bytes == drifted);
        match (operation, is_drifted) {
            ("DescribeSecret", false) => Some(&self.unchanged),
            ("DescribeSecret", true) if self.is_repaired.load(Ordering::Relaxed) => {
                Some(&self.repaired)
            }
            ("DescribeSecret", true) => Some(&self.drifted),
            ("ReplicateSecretToRegions", true) => {
                self.is_repaired.store(true, Ordering::Relaxed);
                Some(&self.replicated)
            }
            _ => None,
        }
        .cloned()
    }

    pub(super) fn reset(&self) {
        self.is_repaired.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(answer: &Bytes) -> Vec<String> {
        let answer: Value = serde_json::from_slice(answer).unwrap();
        let rows = answer["ReplicationStatus"].as_array().cloned();
        let rows = rows.unwrap_or_default();
        rows.iter().map(|row| row["Status"].to_string()).collect()
    }

    #[test]
    fn a_drifted_secret_is_in_sync_from_the_replicate_call_until_the_reset() {
        let answers = Answers::new().unwrap();
        let body = json!({ "SecretId": Subject::Drifted.arn() }).to_string();
        let to = |operation| answers.to(operation, body.as_bytes()).unwrap();
        assert!(statuses(&to("DescribeSecret")).is_empty());
        assert_eq!(statuses(&to("ReplicateSecretToRegions")), ["\"InSync\""]);
        assert_eq!(statuses(&to("DescribeSecret")), ["\"InSync\""]);
        answers.reset();
        assert!(statuses(&to("DescribeSecret")).is_empty());
    }

    #[test]
    fn an_unchanged_secret_has_its_replica_and_takes_no_write() {
        let answers = Answers::new().unwrap();
        let body = json!({ "SecretId": Subject::Unchanged.arn() }).to_string();
        let described = answers.to("DescribeSecret", body.as_bytes()).unwrap();
        assert_eq!(statuses(&described), ["\"InSync\""]);
        assert_eq!(
            answers.to("ReplicateSecretToRegions", body.as_bytes()),
            None
        );
    }
}
