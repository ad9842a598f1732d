//! Permissions: everything is allowed except what a test denies.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::secret::{Secret, Tag};
use super::{ApiError, World};

/// A denial of access, as an IAM or resource policy would cause it. Every part that is set must
/// match; a denial with nothing set denies everything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Denial {
    /// Only this operation, for example `DescribeSecret`.
    pub operation: Option<String>,
    /// Only calls in this Region.
    pub region: Option<String>,
    /// Only the secret of this name.
    pub secret_name: Option<String>,
    /// Only secrets with this tag.
    pub tag: Option<(String, String)>,
    /// Only requests that add a replica in this Region.
    pub replica_region: Option<String>,
}

impl Denial {
    /// Denies every call.
    #[must_use]
    pub fn everything() -> Denial {
        Denial::default()
    }

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

    /// Restricts it to secrets with this tag.
    #[must_use]
    pub fn on_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Denial {
        self.tag = Some((key.into(), value.into()));
        self
    }

    /// Restricts it to requests that add a replica in `region`.
    #[must_use]
    pub fn on_replica_region(mut self, region: impl Into<String>) -> Denial {
        self.replica_region = Some(region.into());
        self
    }
}

/// Stands for the secret in a request that names none.
const ANY: &str = "*";

/// The properties of a call that a denial can match.
struct Access<'a> {
    operation: &'a str,
    region: &'a str,
    /// As the request spells it.
    secret_id: &'a str,
    secret: Option<&'a Secret>,
    body: &'a Value,
}

impl World {
    pub(super) fn authorize(
        &self,
        region: &str,
        operation: &str,
        body: &Value,
    ) -> Result<(), ApiError> {
        let id = body.get("SecretId").or_else(|| body.get("Name"));
        let secret_id = id.and_then(Value::as_str).unwrap_or(ANY);
        let access = Access {
            operation,
            region,
            secret_id,
            secret: self.find(region, secret_id),
            body,
        };
        if self.denials.iter().any(|denial| denial.covers(&access)) {
            return Err(self.access_denied(&access));
        }
        Ok(())
    }

    /// The text that IAM gives for an assumed role without a matching statement
    /// \[field: binbashar/le-tf-infra-aws#869\]; for a secret that does not exist it names the id
    /// of the request \[field: mongodb/awscdk-resources-mongodbatlas#207\], and for `ListSecrets` no
    /// resource \[field: Kralizek/AWSSecretsManagerConfigurationExtensions#78\].
    fn access_denied(&self, access: &Access<'_>) -> ApiError {
        let account = &self.settings.account_id;
        let operation = access.operation;
        let resource = match (access.secret, access.secret_id) {
            (Some(secret), _) => format!(" on resource: {}", self.arn_of(secret)),
            (None, ANY) => String::new(),
            (None, id) => format!(" on resource: {id}"),
        };
        ApiError::new(
            "AccessDeniedException",
            format!(
                "User: arn:aws:sts::{account}:assumed-role/secret-replicator/secret-replicator is \
                 not authorized to perform: secretsmanager:{operation}{resource} \
                 because no identity-based policy allows the secretsmanager:{operation} action"
            ),
        )
    }
}

impl Denial {
    fn covers(&self, access: &Access<'_>) -> bool {
        let name = access
            .secret
            .map_or(access.secret_id, |secret| &secret.name);
        let is_or_any =
            |wanted: &Option<String>, actual: &str| wanted.as_deref().is_none_or(|w| w == actual);
        is_or_any(&self.operation, access.operation)
            && is_or_any(&self.region, access.region)
            && is_or_any(&self.secret_name, name)
            && self.covers_tag(access.secret)
            && self.covers_replica_region(access.body)
    }

    fn covers_tag(&self, secret: Option<&Secret>) -> bool {
        let Some((key, value)) = &self.tag else {
            return true;
        };
        let is_it = |tag: &Tag| tag.key == *key && tag.value == *value;
        secret.is_some_and(|secret| secret.tags.iter().any(is_it))
    }

    fn covers_replica_region(&self, body: &Value) -> bool {
        self.replica_region
            .as_deref()
            .is_none_or(|region| added_regions(body).any(|added| added == region))
    }
}

/// The Regions in `AddReplicaRegions`.
pub(crate) fn added_regions(body: &Value) -> impl Iterator<Item = &str> {
    body.get("AddReplicaRegions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|replica| replica.get("Region")?.as_str())
}
