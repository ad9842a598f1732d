//! Permissions. Everything is allowed except what a test denies.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::arn::ACCOUNT_ID;
use super::{ApiError, World};

/// A denial of access, as an IAM or resource policy would cause it. Every field that is set must
/// match the call. A denial without a field that is set denies every call.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Denial {
    /// The operation, for example `DescribeSecret`.
    pub operation: Option<String>,
    /// The Region of the call.
    pub region: Option<String>,
    /// The name of the secret.
    pub secret_name: Option<String>,
    /// A Region in `AddReplicaRegions`.
    pub replica_region: Option<String>,
}

impl Denial {
    /// Denies one operation.
    pub fn of(operation: impl Into<String>) -> Denial {
        Denial {
            operation: Some(operation.into()),
            ..Denial::default()
        }
    }

    /// Restricts it to calls in `region`.
    #[must_use]
    pub fn in_region(mut self, region: impl Into<String>) -> Denial {
        self.region = Some(region.into());
        self
    }

    /// Restricts it to the secret of this name.
    #[must_use]
    pub fn on_secret(mut self, name: impl Into<String>) -> Denial {
        self.secret_name = Some(name.into());
        self
    }

    /// Restricts it to requests that add a replica in `region`.
    #[must_use]
    pub fn on_replica_region(mut self, region: impl Into<String>) -> Denial {
        self.replica_region = Some(region.into());
        self
    }
}

impl World {
    pub(super) fn authorize(
        &self,
        region: &str,
        operation: &str,
        body: &Value,
    ) -> Result<(), ApiError> {
        let id = secret_id(body);
        let secret = id.and_then(|id| self.find(region, id));
        let name = secret.as_ref().map(|secret| &*secret.name).or(id);
        let is_denied = self.denials.iter().any(|denial| {
            equals_if_set(denial.operation.as_deref(), Some(operation))
                && equals_if_set(denial.region.as_deref(), Some(region))
                && equals_if_set(denial.secret_name.as_deref(), name)
                && adds_if_set(denial.replica_region.as_deref(), body)
        });
        if !is_denied {
            return Ok(());
        }
        let arn = secret.map(|secret| secret.arn());
        Err(access_denied(operation, arn.as_deref().or(id)))
    }
}

/// The text that IAM gives for an assumed role without a matching statement
/// \[field: binbashar/le-tf-infra-aws#869\]. For a secret that does not exist it contains the ID of
/// the request \[field: mongodb/awscdk-resources-mongodbatlas#207\], and for `ListSecrets` no
/// resource \[field: Kralizek/AWSSecretsManagerConfigurationExtensions#78\].
fn access_denied(operation: &str, resource: Option<&str>) -> ApiError {
    let resource = resource.map_or_else(String::new, |id| format!(" on resource: {id}"));
    ApiError::new(
        "AccessDeniedException",
        format!(
            "User: arn:aws:sts::{ACCOUNT_ID}:assumed-role/secret-replicator/secret-replicator is \
             not authorized to perform: secretsmanager:{operation}{resource} \
             because no identity-based policy allows the secretsmanager:{operation} action"
        ),
    )
}

/// Returns whether a field of a denial or fault is absent or equals the call's.
pub(crate) fn equals_if_set(wanted: Option<&str>, actual: Option<&str>) -> bool {
    wanted.is_none() || wanted == actual
}

/// Returns whether a Region is absent or is in `AddReplicaRegions`.
pub(crate) fn adds_if_set(wanted: Option<&str>, body: &Value) -> bool {
    let mut added = body["AddReplicaRegions"].as_array().into_iter().flatten();
    wanted.is_none_or(|region| added.any(|replica| replica["Region"] == region))
}

/// Returns `SecretId` or, for `CreateSecret`, `Name`.
pub(crate) fn secret_id(body: &Value) -> Option<&str> {
    let id = body.get("SecretId").or_else(|| body.get("Name"));
    id?.as_str()
}
