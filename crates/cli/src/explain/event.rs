//! Reads the description of a secret from a `CreateSecret` event.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use secret_replicator_core::reason::SkipReason;
use secret_replicator_core::request::{self, FunctionIdentity, Request};
use secret_replicator_core::secret::{Region, Replica, ReplicaStatus, SecretArn, SecretId};
use serde_json::Value;

use crate::document::Document;

/// The description of a secret, from an event or from options.
#[derive(Debug)]
pub(super) struct Described {
    /// The secret's name. Empty if the event of a failed call does not contain it.
    pub(super) name: String,
    /// The Region of the primary secret.
    pub(super) region: Region,
    /// The tags by key.
    pub(super) tags: BTreeMap<String, String>,
    /// The primary secret's KMS key. `None` for the AWS managed key.
    pub(super) kms_key: Option<String>,
    /// Whether the description says which key it is. An event without a key means the AWS managed key.
    pub(super) is_key_known: bool,
    /// The replicas that the event requests.
    pub(super) replicas: BTreeMap<Region, Replica>,
    /// Warnings, for instance about parts of the event that cannot be read.
    pub(super) warnings: Vec<String>,
    /// Why the function skips the event.
    pub(super) skipped: Option<SkipReason>,
}

const INSTEAD: &str = "describe the secret with --name, --region and --tag instead";

/// Reads an event in the form in which EventBridge delivers it. The function's own code decides whether
/// the event is skipped.
///
/// # Errors
/// The event does not describe a secret.
pub(super) fn read(document: &Document) -> anyhow::Result<Described> {
    let file = &document.name;
    let event: Value = serde_json::from_str(&document.text)
        .with_context(|| format!("{file} is not JSON; give an event as EventBridge delivers it"))?;
    let detail = &event["detail"];
    let region = detail["awsRegion"].as_str().or(event["region"].as_str());
    let Some(region) = region.and_then(|code| Region::parse(code).ok()) else {
        bail!(
            "{file} has no Region in `detail.awsRegion` or `region`; give an event as \
             EventBridge delivers it, or {INSTEAD}"
        );
    };
    let function = FunctionIdentity {
        region: region.clone(),
        account: None,
        name: None,
    };
    let trigger = request::parse(&document.text, &function);
    let (id, skipped) = match trigger.request {
        Request::Bad(bad) => bail!("{file}: {}; {}", bad.message, bad.remediation),
        Request::Skip { secret, reason } => (secret, Some(reason)),
        Request::Reconcile { secret, .. } if trigger.origin.name == "CreateSecret" => {
            (Some(secret), None)
        }
        _ => bail!(
            "{file} is a `{}` event, which does not fully describe a secret; give a \
             CreateSecret event, or {INSTEAD}",
            trigger.origin.name
        ),
    };
    let request = &detail["requestParameters"];
    let mut warnings = Vec::new();
    Ok(Described {
        name: name(request, id.as_ref()),
        region,
        tags: entries(file, request, "tags", tag, &mut warnings),
        replicas: entries(file, request, "addReplicaRegions", replica, &mut warnings),
        warnings,
        kms_key: request["kmsKeyId"].as_str().map(str::to_owned),
        is_key_known: !request.is_null(),
        skipped,
    })
}

/// Returns the secret's name, from the request or from the ARN.
fn name(request: &Value, id: Option<&SecretId>) -> String {
    if let Some(name) = request["name"].as_str() {
        return name.to_owned();
    }
    match id {
        None => String::new(),
        Some(SecretId::Name(name)) => name.clone(),
        Some(SecretId::Arn(arn)) => name_in(arn).to_owned(),
    }
}

/// Returns the name in an ARN, which ends with a hyphen and six characters that are not part of the name
/// (Secrets Manager user guide, "Secret ARN").
pub(super) fn name_in(arn: &SecretArn) -> &str {
    let name = arn.resource().rsplit_once('-').map(|(name, _)| name);
    name.unwrap_or(arn.resource())
}

/// Returns the entries of a list in the request. Warns about those that cannot be read: the explanation lacks
/// them.
fn entries<K: Ord, V>(
    file: &str,
    request: &Value,
    field: &str,
    entry: fn(&Value) -> Option<(K, V)>,
    warnings: &mut Vec<String>,
) -> BTreeMap<K, V> {
    let mut warn = |place: String| {
        warnings.push(format!(
            "{file}: `detail.requestParameters.{place}` cannot be read and is ignored; {INSTEAD}"
        ));
    };
    let list = match &request[field] {
        Value::Null => return BTreeMap::new(),
        Value::Array(list) => list,
        _ => {
            warn(field.to_owned());
            return BTreeMap::new();
        }
    };
    let mut entries = BTreeMap::new();
    for (index, value) in list.iter().enumerate() {
        match entry(value) {
            Some((key, value)) => drop(entries.insert(key, value)),
            None => warn(format!("{field}[{index}]")),
        }
    }
    entries
}

/// Reads a tag. CloudTrail can omit an empty value.
fn tag(tag: &Value) -> Option<(String, String)> {
    let value = match &tag["value"] {
        Value::Null => "",
        value => value.as_str()?,
    };
    Some((tag["key"].as_str()?.to_owned(), value.to_owned()))
}

/// Reads a Region of `addReplicaRegions`. The first read after the call shows the replica in progress.
fn replica(replica: &Value) -> Option<(Region, Replica)> {
    let region = Region::parse(replica["region"].as_str()?).ok()?;
    let kms_key = replica["kmsKeyId"].as_str().map(str::to_owned);
    let replica = Replica {
        status: ReplicaStatus::InProgress,
        message: None,
        kms_key,
    };
    Some((region, replica))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(detail: &Value) -> Document {
        let event = json!({
            "detail-type": "AWS API Call via CloudTrail",
            "source": "aws.secretsmanager",
            "region": "us-west-2",
            "detail": detail,
        });
        Document::new("event.json", event.to_string())
    }

    fn failure(detail: &Value) -> String {
        format!("{:#}", read(&event(detail)).unwrap_err())
    }

    #[test]
    fn the_request_gives_name_tags_and_key() {
        let described = read(&event(&json!({
            "eventName": "CreateSecret",
            "awsRegion": "eu-west-1",
            "requestParameters": {
                "name": "app/db",
                "kmsKeyId": "alias/app",
                "tags": [{"key": "tier", "value": "1"}, {"key": "empty"}, {"value": "x"}, 7],
            },
            "responseElements": null,
        })))
        .unwrap();
        assert_eq!(described.name, "app/db");
        assert_eq!(described.region.as_str(), "eu-west-1");
        assert_eq!(described.kms_key.as_deref(), Some("alias/app"));
        let tags: Vec<_> = described.tags.iter().collect();
        assert_eq!(tags.len(), 2);
        assert_eq!(described.tags["tier"], "1");
        let places = ["tags[2]` cannot be read", "tags[3]` cannot be read"];
        assert_eq!(described.warnings.len(), places.len());
        for (warning, place) in described.warnings.iter().zip(places) {
            assert!(warning.contains(place), "{warning}");
        }
        assert_eq!(described.skipped, None);
    }

    #[test]
    fn the_replicas_of_the_request_are_in_progress() {
        let described = read(&event(&json!({
            "eventName": "CreateSecret",
            "requestParameters": {
                "name": "app/db",
                "tags": "HIDDEN_DUE_TO_SECURITY_REASONS",
                "addReplicaRegions": [{"region": "eu-west-1", "kmsKeyId": "alias/app"}, {"region": "x"}],
            },
        })))
        .unwrap();
        let region = Region::parse("eu-west-1").unwrap();
        let replica = &described.replicas[&region];
        assert_eq!(replica.status, ReplicaStatus::InProgress);
        assert_eq!(replica.kms_key.as_deref(), Some("alias/app"));
        let [tags, region] = &described.warnings[..] else {
            panic!("{:?}", described.warnings)
        };
        assert!(tags.contains("requestParameters.tags`"), "{tags}");
        assert!(region.contains("addReplicaRegions[1]`"), "{region}");
    }

    #[test]
    fn without_a_request_the_arn_gives_the_name() {
        let arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:my-db-a1b2c3";
        let described = read(&event(&json!({
            "eventName": "CreateSecret",
            "requestParameters": null,
            "responseElements": {"arn": arn},
        })))
        .unwrap();
        assert_eq!(described.name, "my-db");
        assert_eq!(described.region.as_str(), "us-west-2");
    }

    #[test]
    fn an_event_that_the_function_skips_is_skipped_here() {
        let described = read(&event(&json!({
            "eventName": "CreateSecret",
            "errorCode": "AccessDenied",
            "requestParameters": {"name": "app/db"},
        })));
        let reason = described.unwrap().skipped.unwrap();
        assert_eq!(reason.code(), "api-call-failed");
    }

    #[test]
    fn other_events_are_refused_with_the_remediation() {
        let tagged = failure(&json!({
            "eventName": "TagResource",
            "requestParameters": {"secretId": "app/db"},
        }));
        assert!(
            tagged.contains("`TagResource`") && tagged.contains("--name"),
            "{tagged}"
        );
        let bare = failure(&json!({"eventName": "CreateSecret"}));
        assert!(
            bare.contains("event.json: the CreateSecret event names no secret"),
            "{bare}"
        );
    }

    #[test]
    fn a_document_that_is_not_an_event_is_refused_with_the_remediation() {
        for text in ["nonsense", "[]", "{\"action\": \"explain\"}"] {
            let document = Document::new("event.json", text);
            let error = format!("{:#}", read(&document).unwrap_err());
            assert!(
                error.starts_with("event.json ") && error.contains("EventBridge"),
                "{error}"
            );
        }
    }
}
