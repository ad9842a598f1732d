//! The operations of the API.

mod create;
mod delete;
mod list;
mod read;
mod replicate;
mod tags;
mod write_value;

use serde_json::Value;

use super::{ApiError, Time, World};

/// An operation that the emulator knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    CreateSecret,
    DeleteSecret,
    DescribeSecret,
    GetSecretValue,
    ListSecrets,
    PutSecretValue,
    RemoveRegionsFromReplication,
    ReplicateSecretToRegions,
    RestoreSecret,
    StopReplicationToReplica,
    TagResource,
    UntagResource,
}

impl Operation {
    pub(super) fn parse(name: &str) -> Result<Operation, ApiError> {
        Ok(match name {
            "CreateSecret" => Operation::CreateSecret,
            "DeleteSecret" => Operation::DeleteSecret,
            "DescribeSecret" => Operation::DescribeSecret,
            "GetSecretValue" => Operation::GetSecretValue,
            "ListSecrets" => Operation::ListSecrets,
            "PutSecretValue" => Operation::PutSecretValue,
            "RemoveRegionsFromReplication" => Operation::RemoveRegionsFromReplication,
            "ReplicateSecretToRegions" => Operation::ReplicateSecretToRegions,
            "RestoreSecret" => Operation::RestoreSecret,
            "StopReplicationToReplica" => Operation::StopReplicationToReplica,
            "TagResource" => Operation::TagResource,
            "UntagResource" => Operation::UntagResource,
            _ => return Err(ApiError::unknown_operation()),
        })
    }

    /// Whether it is one of those that share the write quota \[doc\].
    pub(super) fn shares_write_quota(self) -> bool {
        matches!(
            self,
            Operation::PutSecretValue
                | Operation::RemoveRegionsFromReplication
                | Operation::ReplicateSecretToRegions
                | Operation::StopReplicationToReplica
        )
    }
}

impl World {
    pub(super) fn execute(
        &mut self,
        now: Time,
        region: &str,
        operation: Operation,
        body: &Value,
    ) -> Result<Value, ApiError> {
        match operation {
            Operation::CreateSecret => self.create_secret(now, region, body),
            Operation::DeleteSecret => self.delete_secret(now, region, body),
            Operation::DescribeSecret => self.describe_secret(now, region, body),
            Operation::GetSecretValue => self.get_secret_value(now, region, body),
            Operation::ListSecrets => self.list_secrets(now, region, body),
            Operation::PutSecretValue => self.put_secret_value(now, region, body),
            Operation::RemoveRegionsFromReplication => self.remove_regions(now, region, body),
            Operation::ReplicateSecretToRegions => self.replicate_secret(now, region, body),
            Operation::RestoreSecret => self.restore_secret(now, region, body),
            Operation::StopReplicationToReplica => self.stop_replication(now, region, body),
            Operation::TagResource => self.tag_resource(now, region, body),
            Operation::UntagResource => self.untag_resource(now, region, body),
        }
    }
}
