//! Secrets as the function observed them in answers of AWS.

use std::collections::BTreeMap;

use secret_replicator_emulator::SecretView;
use serde_json::Value;

use crate::journal::Call;
use crate::scenario::HOME;
use secret_replicator_reference_policy as reference;

/// A secret as one answer of AWS showed it.
#[derive(Debug, Clone)]
pub(crate) struct ObservedSecret {
    /// The secret for the second implementation of the policy.
    pub(crate) secret: reference::Secret,
    /// Whether the function may write to it: it is not a replica, not managed, and not scheduled for
    /// deletion.
    pub(super) is_writable: bool,
    pub(super) has_value: bool,
    /// The replicas' status and status message, by Region.
    replicas: BTreeMap<String, (String, String)>,
}

impl ObservedSecret {
    /// Reads a successful answer.
    pub(crate) fn new(answer: &Value) -> ObservedSecret {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let tags = answer["Tags"].as_array().into_iter().flatten();
        let tags: BTreeMap<String, String> = tags
            .map(|tag| (text(&tag["Key"]), text(&tag["Value"])))
            .collect();
        let rows = answer["ReplicationStatus"].as_array().into_iter().flatten();
        let row = |row: &Value| (text(&row["Status"]), text(&row["StatusMessage"]));
        let name = text(&answer["Name"]);
        let is_managed = answer["OwningService"].is_string()
            || tags.contains_key("aws:secretsmanager:owningService")
            || name.contains('!');
        let arn = text(&answer["ARN"]);
        let region = arn.split(':').nth(3).unwrap_or(HOME);
        let primary_region = answer["PrimaryRegion"].as_str().unwrap_or(region);
        let versions = answer["VersionIdsToStages"].as_object();
        ObservedSecret {
            is_writable: !is_managed && primary_region == region && answer["DeletedDate"].is_null(),
            has_value: versions.is_some_and(|versions| !versions.is_empty()),
            replicas: rows.map(|r| (text(&r["Region"]), row(r))).collect(),
            secret: reference::Secret {
                name,
                tags,
                primary_region: primary_region.to_owned(),
                kms_key: answer["KmsKeyId"].as_str().map(str::to_owned),
            },
        }
    }

    /// Returns the status of the replica in a Region.
    pub(super) fn status(&self, region: &str) -> Option<&str> {
        self.replicas.get(region).map(|(status, _)| status.as_str())
    }

    /// Returns the status of each replica, by Region.
    pub(crate) fn statuses(&self) -> BTreeMap<&str, &str> {
        let replicas = self.replicas.iter();
        replicas
            .map(|(region, (status, _))| (region.as_str(), status.as_str()))
            .collect()
    }

    pub(super) fn is_in_sync(&self, region: &str) -> bool {
        self.status(region) == Some("InSync")
    }

    /// Returns AWS's message about the replica in a Region.
    pub(super) fn message(&self, region: &str) -> &str {
        self.replicas.get(region).map_or("", |(_, message)| message)
    }
}

/// Returns whether the function may write to a secret.
pub(super) fn is_writable(secret: &SecretView) -> bool {
    let is_managed = secret.owning_service.is_some() || secret.name.contains('!');
    !is_managed && !secret.is_replica && !secret.scheduled_for_deletion
}

/// Returns whether AWS's message names a condition that lasts until someone fixes it.
pub(super) fn needs_manual_fix(message: &str) -> bool {
    let others = ["different arn", "not enabled"];
    is_taken_name(message) || others.iter().any(|words| message.contains(words))
}

/// Returns whether AWS's message names another secret of the same name in the Region.
pub(super) fn is_taken_name(message: &str) -> bool {
    message.contains("already exists")
}

/// Returns whether a call reads the secret of this ARN in its own Region, by its request or its answer. A promoted
/// replica is a primary secret of another Region than [`HOME`].
pub(super) fn reads(call: &Call, arn: &str) -> bool {
    let answer = call.success();
    let is_answer = answer.is_some_and(|answer| answer.body["ARN"] == arn);
    let is_about = is_answer || call.secret_id() == Some(arn);
    let region = arn.split(':').nth(3).unwrap_or(HOME);
    call.operation == "DescribeSecret" && call.region == region && is_about
}
