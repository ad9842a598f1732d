//! A secret as one answer has shown it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::journal::Call;
use crate::scenario::HOME;
use secret_replicator_reference_policy as reference;

/// A secret as one answer of `DescribeSecret` has shown it.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// What a policy asks of it.
    pub(super) secret: reference::Secret,
    /// Whether it may ever be written to: neither a replica nor managed nor to be deleted.
    pub(super) is_touchable: bool,
    /// Whether it has a value.
    pub(super) has_value: bool,
    /// Its replicas: the status and AWS's words.
    pub(super) replicas: BTreeMap<String, (String, String)>,
}

impl Seen {
    /// What a successful answer shows.
    pub(super) fn new(answer: &Value) -> Seen {
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
        let is_replica = answer["PrimaryRegion"]
            .as_str()
            .is_some_and(|region| region != HOME);
        Seen {
            is_touchable: !is_managed && !is_replica && answer["DeletedDate"].is_null(),
            has_value: answer["VersionIdsToStages"]
                .as_object()
                .is_some_and(|versions| !versions.is_empty()),
            replicas: rows.map(|r| (text(&r["Region"]), row(r))).collect(),
            secret: reference::Secret {
                name,
                tags,
                primary_region: HOME.to_owned(),
                kms_key: answer["KmsKeyId"].as_str().map(str::to_owned),
            },
        }
    }

    /// The status of the replica in a Region.
    pub(super) fn status(&self, region: &str) -> Option<&str> {
        self.replicas.get(region).map(|(status, _)| status.as_str())
    }

    /// AWS's words about the replica in a Region.
    pub(super) fn message(&self, region: &str) -> &str {
        self.replicas.get(region).map_or("", |(_, message)| message)
    }
}

/// Whether AWS's words tell of something that stands in the way in the Region until somebody takes
/// it away.
pub(super) fn is_obstacle(message: &str) -> bool {
    let others = ["different arn", "not enabled"];
    is_taken_name(message) || others.iter().any(|words| message.contains(words))
}

/// Whether AWS's words tell of another secret of the same name in the Region.
pub(super) fn is_taken_name(message: &str) -> bool {
    message.contains("already exists")
}

/// Whether a call is a look at a secret of the home Region.
pub(super) fn is_look(call: &Call) -> bool {
    call.operation == "DescribeSecret" && call.region == HOME
}

/// Whether a look was about the secret of this ARN, as its question or its answer shows.
pub(super) fn is_about(call: &Call, arn: &str) -> bool {
    let answered = call
        .success()
        .is_some_and(|answer| answer.body["ARN"] == arn);
    answered || call.secret_id() == Some(arn)
}
