//! `CreateSecret`.

use serde_json::Value;

use crate::world::past::Past;
use crate::world::render::{self, Members};
use crate::world::replication::ReplicationTarget;
use crate::world::request::{self, parse, required};
use crate::world::secret::{CURRENT, Role, Secret, SecretText, Tag, Version, Versions};
use crate::world::{ApiError, SecretWithoutValue, Time, World};

/// A `CreateSecret` request that has been checked.
struct Creation {
    name: String,
    token: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
    text: Option<SecretText>,
    tags: Vec<Tag>,
    targets: Vec<ReplicationTarget>,
}

impl World {
    pub(super) fn create_secret(
        &mut self,
        now: Time,
        region: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let creation = self.check_creation(region, parse(body)?)?;
        if let Some(existing) = self.by_name(region, &creation.name) {
            return self.repeated_creation(existing, &creation);
        }
        self.usable_for_values(now, region, creation.kms_key_id.as_deref())?;
        let name = creation.name.clone();
        let targets = creation.targets.clone();
        let version_id = self.create(now, region, creation);
        for target in targets {
            self.start_replication(now, region, &name, &target);
        }
        Ok(self.created(region, &name, version_id))
    }

    fn check_creation(
        &self,
        region: &str,
        raw: request::CreateSecret,
    ) -> Result<Creation, ApiError> {
        let name = checked_name(required(raw.name, "name")?)?;
        let text = request::secret_text(raw.secret_string, raw.secret_binary)?;
        let tags = super::tags::merged(&[], request::tags(raw.tags.unwrap_or_default())?)?;
        let targets = match raw.add_replica_regions {
            None => Vec::new(),
            Some(regions) => {
                self.checked_targets(region, regions, raw.force_overwrite_replica_secret)?
            }
        };
        if !targets.is_empty() && text.is_none() {
            self.replicable_without_value()?;
        }
        Ok(Creation {
            name,
            token: raw.client_request_token,
            description: raw.description,
            kms_key_id: raw.kms_key_id,
            text,
            tags,
            targets,
        })
    }

    pub(super) fn replicable_without_value(&self) -> Result<(), ApiError> {
        match self.settings.secret_without_value {
            SecretWithoutValue::WaitsInProgress => Ok(()),
            SecretWithoutValue::RefusesCall => Err(ApiError::invalid_request(
                "You can't replicate a secret that has no value.",
            )),
        }
    }

    /// The name is taken: an error, unless it is the same request once more \[doc\].
    fn repeated_creation(&self, existing: &Secret, creation: &Creation) -> Result<Value, ApiError> {
        if existing.deletion.is_some() {
            return Err(ApiError::invalid_request(
                "You can't create this secret because a secret with this name is already \
                 scheduled for deletion.",
            ));
        }
        let token = creation.token.as_deref().unwrap_or_default();
        match existing.versions.by_id(token) {
            Some(version) if Some(&version.text) == creation.text.as_ref() => {
                Ok(self.created(&existing.region, &existing.name, Some(version.id.clone())))
            }
            _ => Err(ApiError::new(
                "ResourceExistsException",
                format!(
                    "The operation failed because the secret {} already exists.",
                    existing.name
                ),
            )),
        }
    }

    fn create(&mut self, now: Time, region: &str, creation: Creation) -> Option<String> {
        let mut versions = Versions::default();
        let version_id = creation.text.map(|text| {
            let id = creation.token.unwrap_or_else(|| self.new_version_id());
            versions.put(Version {
                id: id.clone(),
                text,
                stages: vec![CURRENT.to_owned()],
                created: now,
            });
            id
        });
        let secret = Secret {
            suffix: self.new_suffix(region, &creation.name),
            name: creation.name,
            region: region.to_owned(),
            created: now,
            changed: now,
            description: creation.description,
            kms_key_id: creation.kms_key_id,
            tags: creation.tags,
            versions,
            owning_service: None,
            deletion: None,
            role: Role::Primary(Vec::new()),
            past_rows: Past::default(),
        };
        self.insert(now, secret);
        version_id
    }

    fn created(&self, region: &str, name: &str, version_id: Option<String>) -> Value {
        let Some(secret) = self.by_name(region, name) else {
            return Value::Null;
        };
        Members::default()
            .with("ARN", self.arn_of(secret))
            .with("Name", name)
            .with_some("VersionId", version_id)
            .with_some(
                "ReplicationStatus",
                render::replication_status(secret.rows()),
            )
            .into_value()
    }
}

fn checked_name(name: String) -> Result<String, ApiError> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-/_+=.@!".contains(c);
    if name.is_empty() || name.len() > 512 || !name.chars().all(is_allowed) {
        return Err(ApiError::validation(
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the \
             following: -/_+=.@!",
        ));
    }
    Ok(name)
}
