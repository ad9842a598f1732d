//! `DescribeSecret` and `GetSecretValue`.

use super::ApiResult;
use crate::world::keys::KeyProblem;
use crate::world::render;
use crate::world::request::Input;
use crate::world::secret::{CURRENT, Secret, SecretValue, Version};
use crate::world::{ApiError, Time, World};

impl World {
    pub(super) fn describe_secret(&mut self, now: Time, region: &str, input: &Input) -> ApiResult {
        let secret = self.find_visible(now, region, input.secret_id()?)?;
        Ok(render::described(&self.as_read(now, secret)))
    }

    pub(super) fn get_secret_value(&self, now: Time, region: &str, input: &Input) -> ApiResult {
        self.value(now, region, input.secret_id()?, input)
    }

    pub(super) fn value(&self, now: Time, region: &str, id: &str, input: &Input) -> ApiResult {
        let secret = self.locate(region, id)?;
        if secret.deletion.is_some() {
            return Err(ApiError::marked_for_deletion());
        }
        let (version, value) = wanted_version(&secret, input)?;
        self.check_key(now, region, secret.kms_key_id.as_deref())
            .map_err(|problem| match problem {
                KeyProblem::Denied => ApiError::kms_denied(),
                _ => ApiError::new(
                    "DecryptionFailure",
                    "Secrets Manager can't decrypt the protected secret text using the provided \
                     KMS key.",
                ),
            })?;
        Ok(render::value_of(&secret, version, value))
    }

    /// Checks whether a value can be encrypted. `CreateSecret` makes this check even without a
    /// value; whether AWS does is \[gap\].
    pub(super) fn check_encryption(
        &self,
        now: Time,
        region: &str,
        key: Option<&str>,
    ) -> Result<(), ApiError> {
        self.check_key(now, region, key)
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
    input: &Input,
) -> Result<(&'a Version, &'a SecretValue), ApiError> {
    let stage = input.version_stage.as_deref();
    let (version, wanted) = if let Some(id) = input.version_id.as_deref() {
        let version = secret.versions.by_id(id);
        let has_stage = |version: &Version| stage.is_none_or(|stage| version.has_stage(stage));
        if version.is_some_and(|version| !has_stage(version)) {
            return Err(ApiError::invalid_request(
                "You provided a VersionStage that is not associated to the provided VersionId.",
            ));
        }
        (version, format!("VersionId: {id}"))
    } else {
        let stage = stage.unwrap_or(CURRENT);
        let version = secret.versions.by_stage(stage);
        (version, format!("staging label: {stage}"))
    };
    version
        .and_then(|version| Some((version, version.value.as_ref()?)))
        .ok_or_else(|| {
            ApiError::new(
                "ResourceNotFoundException",
                format!("Secrets Manager can't find the specified secret value for {wanted}"),
            )
        })
}
