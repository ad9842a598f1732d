//! `RotateSecret` and `CancelRotateSecret`.
//!
//! The emulator does not run the rotation function. A test or a person makes its calls:
//! `PutSecretValue` with the version ID of the answer and the label `AWSPENDING`, then
//! `UpdateSecretVersionStage`.

use serde_json::{Value, json};

use super::ApiResult;
use crate::world::render::without_nulls;
use crate::world::request::Input;
use crate::world::secret::{CURRENT, PENDING, Rotation, Secret, Version};
use crate::world::{ApiError, Time, World};

impl World {
    pub(super) fn rotate_secret(&mut self, now: Time, region: &str, input: &Input) -> ApiResult {
        check_rules(input)?;
        let secret = self.locate_for_write(region, input.secret_id()?)?;
        let rotation = rotation(&secret, input)?;
        check_complete(&secret)?;
        let version_id = input.rotate_immediately.unwrap_or(true).then(|| {
            let token = input.client_request_token.clone();
            token.unwrap_or_else(|| self.new_version_id())
        });
        self.update(now, region, &secret.name, |secret| {
            secret.rotation = Some(rotation);
            secret.changed = now;
            // The version exists without a value before the function runs
            // [field: getmoto/moto#8504].
            if let Some(id) = &version_id {
                secret.versions.put(Version {
                    id: id.clone(),
                    value: None,
                    stages: vec![PENDING.to_owned()],
                    created: now,
                });
            }
        });
        // A rotation that is only scheduled has the version while AWS tests the function, and then
        // removes it [doc].
        Ok(without_nulls(json!({
            "ARN": secret.arn(),
            "Name": secret.name,
            "VersionId": version_id,
        })))
    }

    pub(super) fn cancel_rotation(&mut self, now: Time, region: &str, input: &Input) -> ApiResult {
        let secret = self.locate_for_write(region, input.secret_id()?)?;
        if secret.rotation.is_none() {
            return Err(no_function());
        }
        self.update(now, region, &secret.name, |secret| {
            // The function stays, so that `RotateSecret` needs none [doc].
            if let Some(rotation) = &mut secret.rotation {
                rotation.is_enabled = false;
            }
            secret.changed = now;
        });
        let pending = secret.versions.by_stage(PENDING);
        Ok(without_nulls(json!({
            "ARN": secret.arn(),
            "Name": secret.name,
            "VersionId": pending.map(|version| &version.id),
        })))
    }
}

/// Returns the settings after the request. Those that it does not have stay as they are.
fn rotation(secret: &Secret, input: &Input) -> Result<Rotation, ApiError> {
    let before = secret.rotation.as_ref();
    let function = input.rotation_lambda_arn.clone();
    let function = function.or_else(|| Some(before?.function.clone()));
    let rules = input.rotation_rules.clone();
    Ok(Rotation {
        is_enabled: true,
        function: function.ok_or_else(no_function)?,
        rules: rules.or_else(|| before?.rules.clone()),
    })
}

/// A rotation is complete when `AWSPENDING` is on the current version, or on none \[doc\].
fn check_complete(secret: &Secret) -> Result<(), ApiError> {
    let pending = secret.versions.by_stage(PENDING);
    if pending.is_none_or(|version| version.has_stage(CURRENT)) {
        return Ok(());
    }
    // [field: hashicorp/terraform-provider-aws#35023]
    Err(ApiError::invalid_request(
        "A previous rotation isn't complete. That rotation will be reattempted.",
    ))
}

/// Checks the limits of the service model \[doc\].
fn check_rules(input: &Input) -> Result<(), ApiError> {
    let function = input.rotation_lambda_arn.as_deref().unwrap_or_default();
    if function.len() > 2048 {
        return Err(ApiError::constraint(
            &format!("'{function}'"),
            "rotationLambdaARN",
            "Member must have length less than or equal to 2048",
        ));
    }
    let rules = input.rotation_rules.as_ref();
    let days = rules.and_then(|rules| rules.get("AutomaticallyAfterDays")?.as_i64());
    if days.is_some_and(|days| !(1..=1000).contains(&days)) {
        return Err(ApiError::constraint(
            &format!("'{}'", Value::from(days)),
            "rotationRules.automaticallyAfterDays",
            "Member must have value between 1 and 1000",
        ));
    }
    Ok(())
}

/// \[field: getmoto/moto#3912\]; also the answer of `CancelRotateSecret` \[infer\].
fn no_function() -> ApiError {
    ApiError::invalid_request("No Lambda rotation function ARN is associated with this secret.")
}
