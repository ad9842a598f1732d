//! `UpdateSecretVersionStage` and `ListSecretVersionIds`.

use serde_json::{Value, json};

use super::ApiResult;
use crate::world::request::{Input, required};
use crate::world::secret::{CURRENT, Secret};
use crate::world::{ApiError, Time, World};

impl World {
    pub(super) fn update_version_stage(
        &mut self,
        now: Time,
        region: &str,
        input: &Input,
    ) -> ApiResult {
        let label = required(input.version_stage.as_deref(), "versionStage")?;
        let secret = self.locate_unmanaged(region, input.secret_id()?)?;
        let to = input.move_to_version_id.as_deref();
        check_move(&secret, label, input.remove_from_version_id.as_deref(), to)?;
        self.update(now, region, &secret.name, |secret| {
            secret.versions.move_label(label, to);
            secret.changed = now;
        });
        self.propagate(now, region, &secret.name);
        Ok(json!({ "ARN": secret.arn(), "Name": secret.name }))
    }

    /// Lists the versions with a label on one page, because a secret has at most 20 labels
    /// \[doc\]. The emulator keeps no others.
    pub(super) fn list_versions(&self, region: &str, input: &Input) -> ApiResult {
        let secret = self.locate(region, input.secret_id()?)?;
        let versions = secret.versions.iter().map(|version| {
            json!({
                "VersionId": version.id,
                "VersionStages": version.stages,
                "CreatedDate": version.created.as_epoch_seconds(),
            })
        });
        let versions: Value = versions.collect();
        Ok(json!({ "ARN": secret.arn(), "Name": secret.name, "Versions": versions }))
    }
}

/// Checks that both versions exist, and that the request names the version that has the label
/// \[doc\].
fn check_move(
    secret: &Secret,
    label: &str,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<(), ApiError> {
    let owner = secret.versions.by_stage(label);
    let owner = owner.map(|version| version.id.as_str());
    for id in [from, to].into_iter().flatten() {
        if secret.versions.by_id(id).is_none() {
            return Err(ApiError::new(
                "ResourceNotFoundException",
                format!("Secrets Manager can't find the specified secret version: {id}"),
            ));
        }
    }
    match (owner, from) {
        // [verified: moto]
        (Some(owner), None) => Err(ApiError::invalid_parameter(format!(
            "The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently \
             attached to version {owner}, so you must explicitly reference that version in \
             RemoveFromVersionId."
        ))),
        (owner, Some(from)) if owner != Some(from) => Err(ApiError::invalid_parameter(format!(
            "Staging label {label} isn't attached to version {from}."
        ))),
        // A secret with a value always has a current version [doc].
        (Some(_), Some(_)) if label == CURRENT && to.is_none() => Err(ApiError::invalid_parameter(
            "You can't remove the staging label AWSCURRENT.",
        )),
        _ => Ok(()),
    }
}
