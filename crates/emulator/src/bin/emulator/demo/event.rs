//! Sample events, and the secrets that they name.

use std::path::Path;

use anyhow::Context;
use chrono::{SecondsFormat, Utc};
use secret_replicator_emulator::SecretSeed;
use serde_json::{Value, json};

/// An event from a file. It may be any JSON.
pub(crate) struct SampleEvent(Value);

impl SampleEvent {
    pub(crate) fn read(path: &Path) -> anyhow::Result<SampleEvent> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let json = serde_json::from_str(&text)
            .with_context(|| format!("{} is not JSON", path.display()))?;
        Ok(SampleEvent(json))
    }

    /// Sets the time of the call to the present, for a realistic `event_age_ms`.
    pub(crate) fn made_now(mut self) -> SampleEvent {
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
        for place in ["/time", "/detail/eventTime"] {
            if let Some(time) = self.0.pointer_mut(place) {
                *time = json!(now);
            }
        }
        self
    }

    pub(crate) fn json(&self) -> &Value {
        &self.0
    }

    /// The Region of the call; for an action, that of the ARN.
    pub(crate) fn region(&self) -> &str {
        let region = self.text(&["awsRegion"]).or_else(|| {
            let arn = self.secret_id()?;
            arn.starts_with("arn:").then(|| arn.split(':').nth(3))?
        });
        region.unwrap_or("us-east-1")
    }

    /// The name of the secret, if the event names one.
    pub(crate) fn secret_name(&self) -> Option<&str> {
        let request = self.text(&["requestParameters", "name"]);
        request.or_else(|| {
            let (name, _) = split_arn(self.secret_id()?);
            Some(name)
        })
    }

    /// Whether the call sets or removes tags.
    pub(crate) fn carries_tags(&self) -> bool {
        let is_named = |member: &str| {
            let tags = self.detail()["requestParameters"][member].as_array();
            tags.is_some_and(|tags| !tags.is_empty())
        };
        is_named("tags") || is_named("tagKeys")
    }

    /// The secret of the event, with a value; `None` if the call failed.
    pub(crate) fn secret(&self) -> Option<SecretSeed> {
        if !self.detail()["errorCode"].is_null() {
            return None;
        }
        let mut seed = SecretSeed::new(self.region(), self.secret_name()?);
        seed.suffix = self
            .secret_id()
            .and_then(|id| split_arn(id).1)
            .map(str::to_owned);
        seed.kms_key_id = self
            .text(&["requestParameters", "kmsKeyId"])
            .map(str::to_owned);
        let tags = self.detail().pointer("/requestParameters/tags");
        for tag in tags.and_then(Value::as_array).into_iter().flatten() {
            if let (Some(key), Some(value)) = (tag["key"].as_str(), tag["value"].as_str()) {
                seed = seed.with_tag(key, value);
            }
        }
        Some(seed)
    }

    /// The ARN in the response, or the secret ID in the request or action.
    fn secret_id(&self) -> Option<&str> {
        self.text(&["responseElements", "arn"])
            .or_else(|| self.text(&["requestParameters", "secretId"]))
            .or_else(|| self.text(&["secretId"]))
    }

    /// The CloudTrail record. A file may hold it without the envelope of EventBridge.
    fn detail(&self) -> &Value {
        self.0.get("detail").unwrap_or(&self.0)
    }

    fn text(&self, path: &[&str]) -> Option<&str> {
        let mut value = self.detail();
        for member in path {
            value = value.get(member)?;
        }
        value.as_str()
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
    fn tags_are_carried_by_the_calls_that_set_or_remove_them() {
        let with = |request| SampleEvent(json!({"detail": {"requestParameters": request}}));
        let tag = json!({"key": "tier", "value": "1"});
        assert!(with(json!({"name": "app", "tags": [tag]})).carries_tags());
        assert!(with(json!({"secretId": "app", "tagKeys": ["tier"]})).carries_tags());
        assert!(!with(json!({"name": "app", "tags": []})).carries_tags());
        assert!(!with(json!({"name": "app"})).carries_tags());
        assert!(!with(json!(null)).carries_tags());
        assert!(!SampleEvent(json!({"secretId": "app"})).carries_tags());
    }

    #[test]
    fn an_action_goes_to_the_region_of_its_arn() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-a1b2c3";
        let event = SampleEvent(json!({"action": "reconcile", "secretId": arn}));
        assert_eq!(event.region(), "eu-west-1");
        assert_eq!(event.secret_name(), Some("app"));
    }
}
