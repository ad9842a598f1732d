//! `DescribeSecret` and `GetSecretValue`.

use serde_json::Value;

use crate::world::keys::KeyProblem;
use crate::world::render;
use crate::world::request::{self, parse, required};
use crate::world::secret::{CURRENT, Secret, Version};
use crate::world::{ApiError, Time, World};

impl World {
    pub(super) fn describe_secret(
        &self,
        now: Time,
        region: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let raw: request::OneSecret = parse(body)?;
        let id = required(raw.secret_id, "secretId")?;
        let secret = self.find_visible(now, region, &id)?;
        let rows = secret.rows_seen(now, self.settings.status_lag);
        Ok(render::described(self.arn_of(secret), secret, rows))
    }

    pub(super) fn get_secret_value(
        &self,
        now: Time,
        region: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let raw: request::GetSecretValue = parse(body)?;
        let id = required(raw.secret_id.as_deref(), "secretId")?;
        let secret = self
            .find(region, id)
            .ok_or_else(ApiError::secret_not_found)?;
        if secret.deletion.is_some() {
            return Err(ApiError::marked_for_deletion());
        }
        let version = wanted_version(secret, &raw)?;
        self.keys
            .check(now, region, secret.kms_key_id.as_deref())
            .map_err(|problem| match problem {
                KeyProblem::Denied => ApiError::kms_denied(),
                _ => ApiError::new(
                    "DecryptionFailure",
                    "Secrets Manager can't decrypt the protected secret text using the provided \
                     KMS key.",
                ),
            })?;
        Ok(render::value_of(self.arn_of(secret), secret, version))
    }

    /// Whether a value can be encrypted. `CreateSecret` is refused even without a value, which AWS
    /// may do or not \[gap\].
    pub(super) fn usable_for_values(
        &self,
        now: Time,
        region: &str,
        key: Option<&str>,
    ) -> Result<(), ApiError> {
        self.keys
            .check(now, region, key)
            .map_err(|problem| match problem {
                KeyProblem::Denied => ApiError::kms_denied(),
                _ => ApiError::new(
                    "EncryptionFailure",
                    "Secrets Manager can't encrypt the protected secret text using the provided \
                     KMS key.",
                ),
            })
    }
}

fn wanted_version<'a>(
    secret: &'a Secret,
    raw: &request::GetSecretValue,
) -> Result<&'a Version, ApiError> {
    let stage = raw.version_stage.as_deref();
    let (version, wanted) = if let Some(id) = raw.version_id.as_deref() {
        let has_stage = |version: &&Version| stage.is_none_or(|stage| version.has_stage(stage));
        let version = secret.versions.by_id(id).filter(has_stage);
        (version, format!("VersionId: {id}"))
    } else {
        let stage = stage.unwrap_or(CURRENT);
        let version = secret.versions.by_stage(stage);
        (version, format!("staging label: {stage}"))
    };
    version.ok_or_else(|| {
        ApiError::new(
            "ResourceNotFoundException",
            format!("Secrets Manager can't find the specified secret value for {wanted}"),
        )
    })
}
