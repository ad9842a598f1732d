//! Secrets that a test or demo puts into a world directly.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::past::Past;
use super::secret::Versions;
use super::secret::{CURRENT, Overwrite, Role, Row, RowState, Secret, SecretText, Tag, Version};
use super::{Time, World};

/// A secret to put into a Region, without any of the checks of `CreateSecret`.
///
/// As JSON it needs `region` and `name`; `tags` is an object, and a `value` of `null` is a secret
/// without a version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretSeed {
    /// The Region it lives in.
    pub region: String,
    /// Its name.
    pub name: String,
    /// The six characters at the end of its ARN; `None` derives them from Region and name.
    pub suffix: Option<String>,
    /// Its tags, in order.
    #[serde(default, deserialize_with = "tags")]
    pub tags: Vec<(String, String)>,
    /// Its description.
    pub description: Option<String>,
    /// Its key; `None` is the default key. A customer key becomes usable in the Region unless its
    /// state has been set.
    pub kms_key_id: Option<String>,
    /// Its value; `None` is a secret without a version, as Terraform creates it.
    #[serde(default = "seeded_value")]
    pub value: Option<String>,
    /// The AWS service that manages it, which also adds the tag `aws:secretsmanager:owningService`.
    pub owning_service: Option<String>,
    /// Makes it an orphaned replica: its primary, in this Region, does not list it.
    pub replica_of: Option<String>,
    /// Regions that already have a replica of it, in sync on the default key.
    #[serde(default)]
    pub replicas: Vec<String>,
    /// Whether it is scheduled for deletion.
    #[serde(default)]
    pub scheduled_for_deletion: bool,
}

#[expect(clippy::unnecessary_wraps, reason = "the type of the field")]
fn seeded_value() -> Option<String> {
    Some("seeded".to_owned())
}

fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, String)>, D::Error> {
    let tags = BTreeMap::deserialize(deserializer)?;
    Ok(tags.into_iter().collect())
}

impl SecretSeed {
    /// A secret with a value, on the default key, without tags.
    pub fn new(region: impl Into<String>, name: impl Into<String>) -> SecretSeed {
        SecretSeed {
            region: region.into(),
            name: name.into(),
            suffix: None,
            tags: Vec::new(),
            description: None,
            kms_key_id: None,
            value: seeded_value(),
            owning_service: None,
            replica_of: None,
            replicas: Vec::new(),
            scheduled_for_deletion: false,
        }
    }

    /// Sets the six characters at the end of the ARN.
    #[must_use]
    pub fn with_suffix(mut self, suffix: impl Into<String>) -> SecretSeed {
        self.suffix = Some(suffix.into());
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn with_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> SecretSeed {
        self.tags.push((key.into(), value.into()));
        self
    }

    /// Sets the description.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> SecretSeed {
        self.description = Some(description.into());
        self
    }

    /// Sets the customer key.
    #[must_use]
    pub fn with_kms_key_id(mut self, key: impl Into<String>) -> SecretSeed {
        self.kms_key_id = Some(key.into());
        self
    }

    /// Sets the value.
    #[must_use]
    pub fn with_value(mut self, value: impl Into<String>) -> SecretSeed {
        self.value = Some(value.into());
        self
    }

    /// Leaves the secret without a value.
    #[must_use]
    pub fn without_value(mut self) -> SecretSeed {
        self.value = None;
        self
    }

    /// Makes it managed by an AWS service, for example `rds`.
    #[must_use]
    pub fn with_owning_service(mut self, service: impl Into<String>) -> SecretSeed {
        self.owning_service = Some(service.into());
        self
    }

    /// Makes it an orphaned replica of a primary in `region`.
    #[must_use]
    pub fn with_replica_of(mut self, region: impl Into<String>) -> SecretSeed {
        self.replica_of = Some(region.into());
        self
    }

    /// Adds a replica that is in sync already.
    #[must_use]
    pub fn with_replica_in(mut self, region: impl Into<String>) -> SecretSeed {
        self.replicas.push(region.into());
        self
    }

    /// Schedules it for deletion.
    #[must_use]
    pub fn with_scheduled_deletion(mut self) -> SecretSeed {
        self.scheduled_for_deletion = true;
        self
    }
}

impl World {
    /// Puts a secret into a Region, in the place of one of the same name, and gives its ARN.
    pub fn seed(&mut self, now: Time, seed: SecretSeed) -> String {
        self.advance(now);
        if let Some(key) = &seed.kms_key_id {
            self.keys.add_if_unknown(&seed.region, key);
        }
        let is_deleted = seed.scheduled_for_deletion;
        let secret = self.secret_from(now, seed);
        let (region, name) = (secret.region.clone(), secret.name.clone());
        let arn = self.arn_of(&secret);
        self.insert(now, secret.clone());
        for row in secret.rows() {
            self.write_replica(now, &secret, row);
        }
        if is_deleted {
            const RECOVERY_WINDOW: Duration = Duration::from_hours(30 * 24);
            self.schedule_deletion(now, &region, &name, RECOVERY_WINDOW);
        }
        arn
    }

    fn secret_from(&mut self, now: Time, seed: SecretSeed) -> Secret {
        let mut versions = Versions::default();
        if let Some(value) = seed.value {
            versions.put(Version {
                id: self.new_version_id(),
                text: SecretText::String(value),
                stages: vec![CURRENT.to_owned()],
                created: now,
            });
        }
        let owner = seed.owning_service.iter();
        let owner_tag = owner.map(|service| Tag {
            key: "aws:secretsmanager:owningService".to_owned(),
            value: service.clone(),
        });
        let tags = seed.tags.into_iter().map(|(key, value)| Tag { key, value });
        let role = match seed.replica_of {
            Some(primary_region) => Role::Replica { primary_region },
            None => Role::Primary(self.rows_in_sync(seed.replicas)),
        };
        let suffix = seed.suffix;
        Secret {
            suffix: suffix.unwrap_or_else(|| self.new_suffix(&seed.region, &seed.name)),
            tags: tags.chain(owner_tag).collect(),
            name: seed.name,
            region: seed.region,
            created: now,
            changed: now,
            description: seed.description,
            kms_key_id: seed.kms_key_id,
            versions,
            owning_service: seed.owning_service,
            deletion: None,
            role,
            past_rows: Past::default(),
        }
    }

    fn rows_in_sync(&mut self, regions: Vec<String>) -> Vec<Row> {
        let row = |region| Row {
            region,
            kms_key_id: None,
            overwrite: Overwrite::Never,
            state: RowState::InSync,
            ticket: self.next_number(),
        };
        regions.into_iter().map(row).collect()
    }
}
