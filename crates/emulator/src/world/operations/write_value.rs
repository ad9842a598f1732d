//! `PutSecretValue`.

use serde_json::{Value, json};

use crate::world::render::Members;
use crate::world::request::{self, parse, required};
use crate::world::secret::{CURRENT, SecretText, Version};
use crate::world::{ApiError, Time, World};

impl World {
    pub(super) fn put_secret_value(
        &mut self,
        now: Time,
        region: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let raw: request::PutSecretValue = parse(body)?;
        let id = required(raw.secret_id, "secretId")?;
        let text =
            request::secret_text(raw.secret_string, raw.secret_binary)?.ok_or_else(|| {
                ApiError::invalid_request("You must provide either SecretString or SecretBinary.")
            })?;
        let name = self.locate_unmanaged(region, &id)?;
        let token = raw.client_request_token;
        let token = token.unwrap_or_else(|| self.new_version_id());
        let stages = raw.version_stages;
        let stages = stages.unwrap_or_else(|| vec![CURRENT.to_owned()]);
        if self.is_new_version(region, &name, &token, &text)? {
            let key = self
                .by_name(region, &name)
                .and_then(|s| s.kms_key_id.clone());
            self.usable_for_values(now, region, key.as_deref())?;
            self.put(
                now,
                region,
                &name,
                Version {
                    id: token.clone(),
                    text,
                    stages,
                    created: now,
                },
            );
        }
        Ok(self.put_answer(region, &name, &token))
    }

    /// Whether the request adds a version; one that repeats itself does not, and one that reuses a
    /// token for another value is refused \[doc\].
    fn is_new_version(
        &self,
        region: &str,
        name: &str,
        token: &str,
        text: &SecretText,
    ) -> Result<bool, ApiError> {
        let secret = self.by_name(region, name);
        match secret.and_then(|secret| secret.versions.by_id(token)) {
            None => Ok(true),
            Some(version) if version.text == *text => Ok(false),
            Some(_) => Err(ApiError::new(
                "ResourceExistsException",
                "You can't use a ClientRequestToken that is already in use for another version.",
            )),
        }
    }

    fn put(&mut self, now: Time, region: &str, name: &str, version: Version) {
        if let Some(secret) = self.by_name_mut(region, name) {
            secret.versions.put(version);
            secret.changed = now;
        }
        self.note(now, region, name);
        self.propagate(now, region, name);
    }

    fn put_answer(&self, region: &str, name: &str, version_id: &str) -> Value {
        let Some(secret) = self.by_name(region, name) else {
            return Value::Null;
        };
        let version = secret.versions.by_id(version_id);
        Members::default()
            .with("ARN", self.arn_of(secret))
            .with("Name", name)
            .with("VersionId", version_id)
            .with_some(
                "VersionStages",
                version.map(|version| json!(version.stages)),
            )
            .into_value()
    }
}
