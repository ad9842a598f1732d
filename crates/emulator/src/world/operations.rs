//! The operations of the API.

mod batch;
mod create;
mod delete;
mod list;
mod password;
mod read;
mod replicate;
mod rotate;
mod tags;
mod versions;
mod write_value;

use serde_json::Value;

use super::request::Input;
use super::{ApiError, Time, World};

/// The answer to a call. An answer without members is `null`.
type ApiResult = Result<Value, ApiError>;

/// The operations that share the write quota \[doc\].
pub(super) const WRITE_QUOTA: [&str; 6] = [
    "PutSecretValue",
    "RemoveRegionsFromReplication",
    "ReplicateSecretToRegions",
    "StopReplicationToReplica",
    "UpdateSecret",
    "UpdateSecretVersionStage",
];

impl World {
    pub(super) fn execute(
        &mut self,
        now: Time,
        region: &str,
        operation: &str,
        input: &Input,
    ) -> ApiResult {
        match operation {
            "BatchGetSecretValue" => self.batch_get_values(now, region, input),
            "CancelRotateSecret" => self.cancel_rotation(now, region, input),
            "CreateSecret" => self.create_secret(now, region, input),
            "DeleteSecret" => self.delete_secret(now, region, input),
            "DescribeSecret" => self.describe_secret(now, region, input),
            "GetRandomPassword" => self.random_password(input),
            "GetSecretValue" => self.get_secret_value(now, region, input),
            "ListSecretVersionIds" => self.list_versions(region, input),
            "ListSecrets" => self.list_secrets(now, region, input),
            "PutSecretValue" => self.put_secret_value(now, region, input),
            "RemoveRegionsFromReplication" => self.remove_regions(now, region, input),
            "ReplicateSecretToRegions" => self.replicate_secret(now, region, input),
            "RestoreSecret" => self.restore_secret(now, region, input),
            "RotateSecret" => self.rotate_secret(now, region, input),
            "StopReplicationToReplica" => self.stop_replication(now, region, input),
            "TagResource" => self.tag_resource(now, region, input),
            "UntagResource" => self.untag_resource(now, region, input),
            "UpdateSecret" => self.update_secret(now, region, input),
            "UpdateSecretVersionStage" => self.update_version_stage(now, region, input),
            _ => Err(ApiError::unknown_operation()),
        }
    }
}
