//! `CreateSecret`.

use serde_json::json;

use super::ApiResult;
use crate::world::render::{replication_status, without_nulls};
use crate::world::request::{Input, required};
use crate::world::secret::{CURRENT, Secret, SecretValue, Version, Versions};
use crate::world::{ApiError, SecretWithoutValue, Time, World};

impl World {
    pub(super) fn create_secret(&mut self, now: Time, region: &str, input: &Input) -> ApiResult {
        let name = checked_name(required(input.name.as_deref(), "name")?)?;
        let value = input.secret_value()?;
        let tags = super::tags::merged(&[], input.tags()?.unwrap_or_default())?;
        let targets = match &input.add_replica_regions {
            None => Vec::new(),
            Some(_) => self.checked_targets(region, input)?,
        };
        if !targets.is_empty() && value.is_none() {
            self.check_replicable_without_value()?;
        }
        if let Some(existing) = self.by_name(region, name) {
            return repeated_creation(&existing, input, value.as_ref());
        }
        self.check_encryption(now, region, input.kms_key_id.as_deref())?;
        let (versions, version_id) = self.first_version(now, input, value);
        let suffix = self.new_suffix(region, name);
        let secret = Secret {
            description: input.description.clone(),
            kms_key_id: input.kms_key_id.clone(),
            tags,
            versions,
            ..Secret::new(now, region, name, suffix)
        };
        self.insert(now, secret);
        for target in targets {
            self.start_replication(now, region, name, target);
        }
        let secret = self.locate(region, name)?;
        Ok(created(&secret, version_id.as_deref()))
    }

    fn first_version(
        &mut self,
        now: Time,
        input: &Input,
        value: Option<SecretValue>,
    ) -> (Versions, Option<String>) {
        let mut versions = Versions::default();
        let Some(value) = value else {
            return (versions, None);
        };
        let token = input.client_request_token.clone();
        let id = token.unwrap_or_else(|| self.new_version_id());
        versions.put(Version {
            id: id.clone(),
            value: Some(value),
            stages: vec![CURRENT.to_owned()],
            created: now,
        });
        (versions, Some(id))
    }

    pub(super) fn check_replicable_without_value(&self) -> Result<(), ApiError> {
        match self.settings.secret_without_value {
            SecretWithoutValue::WaitsInProgress => Ok(()),
            SecretWithoutValue::RefusesCall => Err(ApiError::invalid_request(
                "You can't replicate a secret that has no value.",
            )),
        }
    }
}

/// Answers a request for a name that exists: an error, unless the request is a repetition \[doc\].
fn repeated_creation(existing: &Secret, input: &Input, value: Option<&SecretValue>) -> ApiResult {
    if existing.deletion.is_some() {
        return Err(ApiError::invalid_request(
            "You can't create this secret because a secret with this name is already scheduled \
             for deletion.",
        ));
    }
    let token = input.client_request_token.as_deref().unwrap_or_default();
    match existing.versions.by_id(token) {
        Some(version) if version.value.as_ref() == value => Ok(created(existing, Some(token))),
        Some(_) => Err(ApiError::token_in_use(token, &existing.arn())),
        None => Err(ApiError::new(
            "ResourceExistsException",
            format!(
                "The operation failed because the secret {} already exists.",
                existing.name
            ),
        )),
    }
}

fn created(secret: &Secret, version_id: Option<&str>) -> serde_json::Value {
    without_nulls(json!({
        "ARN": secret.arn(),
        "Name": secret.name,
        "VersionId": version_id,
        "ReplicationStatus": replication_status(secret.rows()),
    }))
}

fn checked_name(name: &str) -> Result<&str, ApiError> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-/_+=.@!".contains(c);
    if name.is_empty() || name.len() > 512 || !name.chars().all(is_allowed) {
        return Err(ApiError::validation(
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the \
             following: -/_+=.@!",
        ));
    }
    Ok(name)
}
