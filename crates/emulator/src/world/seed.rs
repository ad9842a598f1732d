//! Secrets that a test or demo puts into a world directly.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::ids::{suffix, version_id};
use super::secret::{CURRENT, Role, Row, RowState, Secret, SecretValue, Tag, Version};
use super::{Time, World};

/// A secret to put into a Region, without the checks of `CreateSecret`.
///
/// The JSON form requires `region` and `name`. `tags` is an object. A `value` of `null` makes a
/// secret without a version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretSeed {
    /// Its Region.
    pub region: String,
    /// Its name.
    pub name: String,
    /// The six characters at the end of its ARN; `None` derives them from Region and name.
    pub suffix: Option<String>,
    /// Its tags, in order.
    #[serde(default, deserialize_with = "tags")]
    pub tags: Vec<(String, String)>,
    /// Its key; `None` is the default key. A customer key becomes usable in the Region unless its
    /// state has already been set.
    pub kms_key_id: Option<String>,
    /// Its value; `None` makes a secret without a version, as Terraform creates it.
    #[serde(default = "seeded_value")]
    pub value: Option<String>,
    /// The AWS service that manages it, which also adds the tag `aws:secretsmanager:owningService`.
    pub owning_service: Option<String>,
    /// The Region of its primary, which does not list it: an orphaned replica. The secret's own Region
    /// makes it a replica of another account's secret.
    pub replica_of: Option<String>,
    /// Regions with a replica of it, in sync on the default key.
    #[serde(default)]
    pub replicas: Vec<String>,
    /// Whether it is scheduled for deletion.
    #[serde(default)]
    pub scheduled_for_deletion: bool,
    /// The time since its creation and last change.
    #[serde(skip)]
    pub age: Duration,
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
            kms_key_id: None,
            value: seeded_value(),
            owning_service: None,
            replica_of: None,
            replicas: Vec::new(),
            scheduled_for_deletion: false,
            age: Duration::ZERO,
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

    /// Adds a replica that is in sync.
    #[must_use]
    pub fn with_replica_in(mut self, region: impl Into<String>) -> SecretSeed {
        self.replicas.push(region.into());
        self
    }

    /// Sets the time since its creation and last change.
    #[must_use]
    pub fn with_age(mut self, age: Duration) -> SecretSeed {
        self.age = age;
        self
    }

    /// Schedules it for deletion.
    #[must_use]
    pub fn with_scheduled_deletion(mut self) -> SecretSeed {
        self.scheduled_for_deletion = true;
        self
    }
}

/// Many secrets that differ only in the numbers of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretSeries {
    pub(super) template: SecretSeed,
    count: usize,
}

impl SecretSeries {
    /// Secrets like the template, whose name is the beginning of theirs: `app/` makes `app/000000`,
    /// `app/000001`, and so on.
    #[must_use]
    pub fn new(template: SecretSeed, count: usize) -> SecretSeries {
        SecretSeries { template, count }
    }

    /// Returns the name of the secret with this number. All names have the same length.
    #[must_use]
    pub fn name(&self, number: usize) -> String {
        const LEAST_DIGITS: usize = 6;
        let digits = self.count.to_string().len().max(LEAST_DIGITS);
        format!("{}{number:0digits$}", self.template.name)
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Returns the number of the secret with this name.
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        let number = name.strip_prefix(&self.template.name)?.parse().ok()?;
        (number < self.count && self.name(number) == name).then_some(number)
    }

    pub(super) fn seed(&self, number: usize) -> SecretSeed {
        SecretSeed {
            name: self.name(number),
            ..self.template.clone()
        }
    }

    /// Returns how many numbers of the world's counter the secrets before this one take.
    pub(super) fn numbers_before(&self, number: usize) -> u64 {
        let is_drawn = [
            self.template.suffix.is_none(),
            self.template.value.is_some(),
        ];
        let each = is_drawn.into_iter().map(u64::from).sum::<u64>();
        each * u64::try_from(number).unwrap_or(u64::MAX)
    }

    /// Returns the Regions with its secrets and their replicas; `None` if two of them are the same.
    pub(super) fn regions(&self) -> Option<BTreeSet<&str>> {
        let replicas = self.template.replicas.iter().map(String::as_str);
        let regions: BTreeSet<_> = replicas.chain([self.template.region.as_str()]).collect();
        (regions.len() == self.template.replicas.len() + 1).then_some(regions)
    }
}

impl World {
    /// Puts a secret into a Region, and returns its ARN. Replaces a secret of the same name.
    pub fn seed(&mut self, now: Time, seed: SecretSeed) -> String {
        self.advance(now);
        if let Some(key) = &seed.kms_key_id {
            self.add_key_if_unknown(&seed.region, key);
        }
        let is_deleted = seed.scheduled_for_deletion;
        let secret = Arc::new(secret_from(now, seed, || self.next_number()));
        self.insert(now, Arc::clone(&secret));
        for row in secret.rows() {
            self.write_replica(now, &secret, row);
        }
        if is_deleted {
            const RECOVERY_WINDOW: Duration = Duration::from_hours(30 * 24);
            self.schedule_deletion(now, &secret, RECOVERY_WINDOW);
        }
        secret.arn()
    }
}

/// Returns the secret of a seed. Its suffix and its version ID derive from the world's next numbers.
pub(super) fn secret_from(
    now: Time,
    seed: SecretSeed,
    mut next_number: impl FnMut() -> u64,
) -> Secret {
    let own_suffix = seed.suffix;
    let new_suffix = || suffix(&seed.region, &seed.name, next_number());
    let suffix = own_suffix.unwrap_or_else(new_suffix);
    let created = now.before(seed.age);
    let mut secret = Secret::new(created, &seed.region, &seed.name, suffix);
    if let Some(text) = seed.value {
        secret.versions.put(Version {
            id: version_id(next_number()),
            value: Some(SecretValue {
                member: "SecretString",
                text,
            }),
            stages: vec![CURRENT.to_owned()],
            created: now,
        });
    }
    let owner = seed.owning_service.clone();
    let owner_tag = owner.map(|owner| ("aws:secretsmanager:owningService".to_owned(), owner));
    let tags = seed.tags.into_iter().chain(owner_tag);
    let rows = seed.replicas.iter();
    let rows = rows.map(|region| Row::new(region, RowState::InSync));
    Secret {
        tags: tags.map(|(key, value)| Tag { key, value }).collect(),
        kms_key_id: seed.kms_key_id,
        owning_service: seed.owning_service,
        role: match seed.replica_of {
            Some(primary_region) => Role::Replica { primary_region },
            None => Role::Primary(rows.collect()),
        },
        ..secret
    }
}
