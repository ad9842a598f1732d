//! `PutSecretValue`.

use std::sync::Arc;

use serde_json::json;

use super::ApiResult;
use crate::world::render::without_nulls;
use crate::world::request::Input;
use crate::world::secret::{CURRENT, Secret, Version};
use crate::world::{ApiError, Time, World};

impl World {
    pub(super) fn put_secret_value(&mut self, now: Time, region: &str, input: &Input) -> ApiResult {
        let id = input.secret_id()?;
        let value = input.secret_value()?.ok_or_else(|| {
            ApiError::invalid_request("You must provide either SecretString or SecretBinary.")
        })?;
        let secret = Arc::clone(self.locate_unmanaged(region, id)?);
        let name = &secret.name;
        let token = input.client_request_token.clone();
        let token = token.unwrap_or_else(|| self.new_version_id());
        let existing = secret.versions.by_id(&token);
        if existing.is_some_and(|version| version.value != value) {
            return Err(ApiError::new(
                "ResourceExistsException",
                "You can't use a ClientRequestToken that is already in use for another version.",
            ));
        }
        // A repeated request adds no version [doc].
        if existing.is_none() {
            let stages = input.version_stages.clone();
            let version = Version {
                id: token.clone(),
                value,
                stages: stages.unwrap_or_else(|| vec![CURRENT.to_owned()]),
                created: now,
            };
            self.add_version(now, &secret, version)?;
        }
        let secret = self.locate(region, name)?;
        let version = secret.versions.by_id(&token);
        Ok(without_nulls(json!({
            "ARN": secret.arn(),
            "Name": name,
            "VersionId": token,
            "VersionStages": version.map(|version| &version.stages),
        })))
    }

    fn add_version(
        &mut self,
        now: Time,
        secret: &Secret,
        version: Version,
    ) -> Result<(), ApiError> {
        let (region, name) = (&secret.region, &secret.name);
        self.check_encryption(now, region, secret.kms_key_id.as_deref())?;
        self.update(now, region, name, |secret| {
            secret.versions.put(version);
            secret.changed = now;
        });
        self.propagate(now, region, name);
        Ok(())
    }
}
