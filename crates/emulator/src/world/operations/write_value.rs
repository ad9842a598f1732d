//! `PutSecretValue` and `UpdateSecret`.

use serde_json::json;

use super::ApiResult;
use crate::world::render::without_nulls;
use crate::world::request::Input;
use crate::world::secret::{CURRENT, Secret, SecretValue, Version};
use crate::world::{ApiError, Time, World};

impl World {
    pub(super) fn put_secret_value(&mut self, now: Time, region: &str, input: &Input) -> ApiResult {
        let id = input.secret_id()?;
        let value = input.secret_value()?.ok_or_else(|| {
            ApiError::invalid_request("You must provide either SecretString or SecretBinary.")
        })?;
        let secret = self.locate_unmanaged(region, id)?;
        let version_id = self.put_version(now, &secret, input, value)?;
        self.propagate(now, region, &secret.name);
        let secret = self.locate(region, &secret.name)?;
        let version = secret.versions.by_id(&version_id);
        Ok(without_nulls(json!({
            "ARN": secret.arn(),
            "Name": secret.name,
            "VersionId": version_id,
            "VersionStages": version.map(|version| &version.stages),
        })))
    }

    /// Changes description, key and value, of which the request has any.
    pub(super) fn update_secret(&mut self, now: Time, region: &str, input: &Input) -> ApiResult {
        let value = input.secret_value()?;
        let secret = self.locate_unmanaged(region, input.secret_id()?)?;
        let key = input.kms_key_id.clone().or(secret.kms_key_id.clone());
        if value.is_some() || input.kms_key_id.is_some() {
            self.check_encryption(now, region, key.as_deref())?;
        }
        // Before any change, because a token that is in use fails the whole call.
        let version_id = value
            .map(|value| self.put_version(now, &secret, input, value))
            .transpose()?;
        self.update(now, region, &secret.name, |secret| {
            secret.kms_key_id = key;
            if let Some(description) = &input.description {
                secret.description = Some(description.clone());
            }
            secret.changed = now;
        });
        self.propagate(now, region, &secret.name);
        Ok(without_nulls(json!({
            "ARN": secret.arn(),
            "Name": secret.name,
            "VersionId": version_id,
        })))
    }

    /// Adds a version and returns its ID.
    fn put_version(
        &mut self,
        now: Time,
        secret: &Secret,
        input: &Input,
        value: SecretValue,
    ) -> Result<String, ApiError> {
        let (region, name) = (&secret.region, &secret.name);
        let token = input.client_request_token.clone();
        let id = token.unwrap_or_else(|| self.new_version_id());
        let existing = secret.versions.by_id(&id);
        match existing.and_then(|version| version.value.as_ref()) {
            // A repeated request adds no version [doc].
            Some(existing) if *existing == value => return Ok(id),
            // Reusing a token for another value is an error [doc].
            Some(_) => return Err(ApiError::token_in_use(&id, &secret.arn())),
            None => {}
        }
        self.check_encryption(now, region, secret.kms_key_id.as_deref())?;
        let stages = input.version_stages.clone();
        let version = Version {
            id: id.clone(),
            value: Some(value),
            stages: stages.unwrap_or_else(|| vec![CURRENT.to_owned()]),
            created: now,
        };
        self.update(now, region, name, |secret| {
            secret.versions.put(version);
            secret.changed = now;
        });
        Ok(id)
    }
}
