//! Sample events and their secrets.

use std::path::Path;

use anyhow::Context;
use chrono::{SecondsFormat, Utc};
use secret_replicator_emulator::SecretSeed;
use serde_json::{Value, json};

/// The account of the emulator.
pub(crate) const LOCAL_ACCOUNT: &str = "123456789012";

/// An event from a file, which may contain any JSON.
pub(crate) struct SampleEvent(Value);

impl SampleEvent {
    pub(crate) fn read(path: &Path) -> anyhow::Result<SampleEvent> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("failed to read {}", path.display()))?;
        let json = serde_json::from_str(&text)
            .with_context(|| format!("{} is not JSON", path.display()))?;
        Ok(SampleEvent(json))
    }

    /// Sets the time of the call to the current time, for a realistic `event_age_ms`.
    pub(crate) fn made_now(mut self) -> SampleEvent {
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
        for place in ["/time", "/detail/eventTime"] {
            if let Some(time) = self.0.pointer_mut(place) {
                *time = json!(now);
            }
        }
        self
    }

    /// Moves the event to the account of the emulator. Returns the former account, if it is another.
    pub(crate) fn in_local_account(self) -> (SampleEvent, Option<String>) {
        let in_arn = |id: &str| id.split(':').nth(4).map(str::to_owned);
        let account = self.text("/recipientAccountId").map(str::to_owned);
        let account = account
            .or_else(|| self.secret_id().and_then(in_arn))
            .filter(|account| account != LOCAL_ACCOUNT && is_account(account));
        let Some(account) = account else {
            return (self, None);
        };
        let moved = with_text_replaced(self.0, &account);
        (SampleEvent(moved), Some(account))
    }

    pub(crate) fn json(&self) -> &Value {
        &self.0
    }

    /// Returns the Region of the call or, for an action, of the ARN.
    pub(crate) fn region(&self) -> &str {
        let region = self.text("/awsRegion").or_else(|| {
            let arn = self.secret_id()?;
            arn.starts_with("arn:").then(|| arn.split(':').nth(3))?
        });
        region.unwrap_or("us-east-1")
    }

    /// Returns the name of the secret, if the event names one.
    pub(crate) fn secret_name(&self) -> Option<&str> {
        self.text("/requestParameters/name")
            .or_else(|| Some(split_arn(self.secret_id()?).0))
    }

    /// Returns whether the call sets or removes tags.
    pub(crate) fn has_tags(&self) -> bool {
        ["tags", "tagKeys"].iter().any(|member| {
            let tags = self.detail()["requestParameters"][member].as_array();
            tags.is_some_and(|tags| !tags.is_empty())
        })
    }

    /// Returns the secret of the event, with a value; `None` if the call failed.
    pub(crate) fn secret(&self) -> Option<SecretSeed> {
        if !self.detail()["errorCode"].is_null() {
            return None;
        }
        let mut seed = SecretSeed::new(self.region(), self.secret_name()?);
        let suffix = self.secret_id().and_then(|id| split_arn(id).1);
        seed.suffix = suffix.map(str::to_owned);
        let key = self.text("/requestParameters/kmsKeyId");
        seed.kms_key_id = key.map(str::to_owned);
        let tags = self.detail()["requestParameters"]["tags"].as_array();
        for tag in tags.into_iter().flatten() {
            // The API spells the members with capital letters.
            let member = |name: &str, other: &str| tag.get(name).or(tag.get(other))?.as_str();
            if let (Some(key), Some(value)) = (member("key", "Key"), member("value", "Value")) {
                seed = seed.with_tag(key, value);
            }
        }
        Some(seed)
    }

    /// Returns the ARN in the response, or the secret ID in the request or action.
    fn secret_id(&self) -> Option<&str> {
        self.text("/responseElements/arn")
            .or_else(|| self.text("/requestParameters/secretId"))
            .or_else(|| self.text("/secretId"))
    }

    /// Returns the CloudTrail record. A file may contain it without the envelope of EventBridge.
    fn detail(&self) -> &Value {
        self.0.get("detail").unwrap_or(&self.0)
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.detail().pointer(pointer)?.as_str()
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Replaces an account in all texts.
fn with_text_replaced(json: Value, account: &str) -> Value {
    match json {
        Value::String(text) => text.replace(account, LOCAL_ACCOUNT).into(),
        Value::Array(items) => items
            .into_iter()
            .map(|item| with_text_replaced(item, account))
            .collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name, with_text_replaced(value, account)))
            .collect(),
        other => other,
    }
}

/// Splits an ARN into name and suffix. A name has no suffix.
fn split_arn(id: &str) -> (&str, Option<&str>) {
    let Some((_, resource)) = id.split_once(":secret:") else {
        return (id, None);
    };
    match resource.rsplit_once('-') {
        Some((name, suffix)) if suffix.len() == 6 => (name, Some(suffix)),
        _ => (resource, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_has_the_name_suffix_tags_and_key_of_the_event() {
        let event = SampleEvent(json!({"detail": {
            "awsRegion": "us-west-2",
            "requestParameters": {
                "name": "app/db",
                "kmsKeyId": "alias/app",
                "tags": [{"key": "replicate-to", "value": "eu-west-1"}],
            },
            "responseElements": {
                "arn": "arn:aws:secretsmanager:us-west-2:123456789012:secret:app/db-a1b2c3",
            },
        }}));
        let expected = SecretSeed::new("us-west-2", "app/db")
            .with_suffix("a1b2c3")
            .with_kms_key_id("alias/app")
            .with_tag("replicate-to", "eu-west-1");
        assert_eq!(event.secret(), Some(expected));
    }

    #[test]
    fn tags_may_be_spelled_as_in_the_api() {
        let tag = json!({"Key": "tier", "Value": "1"});
        let event = SampleEvent(json!({"requestParameters": {"name": "app", "tags": [tag]}}));
        let expected = SecretSeed::new("us-east-1", "app").with_tag("tier", "1");
        assert_eq!(event.secret(), Some(expected));
    }

    #[test]
    fn an_event_of_another_account_moves_to_the_local_one() {
        let event = |account: &str| {
            json!({"detail": {
                "recipientAccountId": account,
                "responseElements": {
                    "arn": format!("arn:aws:secretsmanager:us-east-1:{account}:secret:app-a1b2c3"),
                },
            }})
        };
        let (moved, account) = SampleEvent(event("210987654321")).in_local_account();
        assert_eq!(moved.0, event(LOCAL_ACCOUNT));
        assert_eq!(account.as_deref(), Some("210987654321"));
        let (kept, account) = SampleEvent(event(LOCAL_ACCOUNT)).in_local_account();
        assert_eq!((kept.0, account), (event(LOCAL_ACCOUNT), None));
        let arn = "arn:aws:secretsmanager:us-east-1:210987654321:secret:app-a1b2c3";
        let action = SampleEvent(json!({"action": "reconcile", "secretId": arn}));
        assert!(action.in_local_account().1.is_some());
    }

    #[test]
    fn an_event_without_a_secret_and_a_failed_call_create_none() {
        let event = SampleEvent(json!({"detail": {"requestParameters": null}}));
        assert_eq!(event.secret(), None);
        assert_eq!(event.region(), "us-east-1");
        assert_eq!(SampleEvent(json!("nonsense")).secret(), None);
        let request = json!({"name": "app"});
        let failed = json!({"detail": {"errorCode": "AccessDenied", "requestParameters": request}});
        assert_eq!(SampleEvent(failed).secret(), None);
    }

    #[test]
    fn only_calls_that_set_or_remove_tags_have_tags() {
        let with = |request| SampleEvent(json!({"detail": {"requestParameters": request}}));
        let tag = json!({"key": "tier", "value": "1"});
        assert!(with(json!({"name": "app", "tags": [tag]})).has_tags());
        assert!(with(json!({"secretId": "app", "tagKeys": ["tier"]})).has_tags());
        assert!(!with(json!({"name": "app", "tags": []})).has_tags());
        assert!(!with(json!({"name": "app"})).has_tags());
        assert!(!with(json!(null)).has_tags());
        assert!(!SampleEvent(json!({"secretId": "app"})).has_tags());
    }

    #[test]
    fn an_action_goes_to_the_region_of_its_arn() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-a1b2c3";
        let event = SampleEvent(json!({"action": "reconcile", "secretId": arn}));
        assert_eq!(event.region(), "eu-west-1");
        assert_eq!(event.secret_name(), Some("app"));
    }
}
