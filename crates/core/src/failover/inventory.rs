//! The secrets that a failover Region should have, in a file that is saved while the primary Region works.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Rotation, has_tags};
use crate::limits::{AllowedRegions, Limits, Overwrite, RemovalLimit};
use crate::secret::{Region, Secret, SecretArn};

/// The version of the file's format.
const FORMAT: u32 = 1;

/// The secrets that should have a replica in one Region. Never contains a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inventory {
    /// The version of the format.
    format: u32,
    /// The Region that should have the replicas.
    pub region: Region,
    /// The time at which the primary Regions were read.
    pub saved: DateTime<Utc>,
    /// The keys of the tags that the entries contain. The entries have no other tags.
    pub tag_keys: BTreeSet<String>,
    /// The options that selected the secrets. Empty if the inventory has all secrets of the policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selection: Vec<String>,
    /// The policy and the limits that say which secrets should be there. The stack that has them may be in a primary
    /// Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<SavedPolicy>,
    /// The secrets.
    pub secrets: Vec<Entry>,
}

/// A policy with its limits, in the words of the function's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedPolicy {
    /// The text of the policy.
    pub text: String,
    /// `ALLOWED_REPLICA_REGIONS`. Empty for every Region.
    pub allowed_replica_regions: String,
    /// `ALLOW_OVERWRITE`.
    pub allow_overwrite: bool,
    /// `ALLOW_REMOVAL`.
    pub allow_removal: bool,
}

impl SavedPolicy {
    /// Creates the policy of an inventory.
    #[must_use]
    pub fn new(text: &str, limits: &Limits) -> Self {
        Self {
            text: text.to_owned(),
            allowed_replica_regions: match &limits.allowed_regions {
                AllowedRegions::Any => String::new(),
                only @ AllowedRegions::Only(_) => only.to_string(),
            },
            allow_overwrite: limits.overwrite == Overwrite::Allowed,
            allow_removal: limits.removal == RemovalLimit::Allowed,
        }
    }
}

/// A secret that should have a replica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// The ARN of the primary secret, with its Region and suffix.
    pub arn: SecretArn,
    /// The version with the label `AWSCURRENT` in the primary Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// The customer managed key of the replica. `None` is the AWS managed key, or no replica.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// The rotation in the primary Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
    /// The tags with the keys of [`Inventory::tag_keys`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// The file is not an inventory, or not one of this version.
#[derive(Debug, Error)]
pub enum NotAnInventory {
    /// The text is not an inventory.
    #[error("not an inventory of `drill --save`")]
    Malformed(#[from] serde_json::Error),
    /// Another version of the tool saved it.
    #[error("its format {0} is not {FORMAT}: read it with the version of the tool that saved it")]
    OtherFormat(u32),
}

impl Inventory {
    /// Creates an inventory of a Region. Drops all other tags.
    #[must_use]
    pub fn new(
        region: Region,
        saved: DateTime<Utc>,
        tag_keys: BTreeSet<String>,
        mut secrets: Vec<Entry>,
    ) -> Self {
        for entry in &mut secrets {
            entry.tags.retain(|key, _| tag_keys.contains(key));
        }
        secrets.sort_by(|one, other| one.arn.as_str().cmp(other.arn.as_str()));
        Self {
            format: FORMAT,
            region,
            saved,
            tag_keys,
            selection: Vec::new(),
            policy: None,
            secrets,
        }
    }

    /// Returns the inventory with the options that selected its secrets.
    #[must_use]
    pub fn with_selection(self, selection: Vec<String>) -> Self {
        Self { selection, ..self }
    }

    /// Returns the inventory with the policy that says which secrets should be there.
    #[must_use]
    pub fn with_policy(self, policy: SavedPolicy) -> Self {
        Self {
            policy: Some(policy),
            ..self
        }
    }

    /// Parses the file.
    ///
    /// # Errors
    /// [`NotAnInventory`].
    pub fn parse(text: &str) -> Result<Self, NotAnInventory> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let Format { format } = serde_json::from_str(text)?;
        if format != FORMAT {
            return Err(NotAnInventory::OtherFormat(format));
        }
        Ok(serde_json::from_str(text)?)
    }

    /// Returns whether an entry may have all wanted tags. The inventory may lack the key of a wanted tag. Such an entry
    /// counts, so that an absent secret is named rather than forgotten.
    #[must_use]
    pub fn may_have_tags(&self, entry: &Entry, wanted: &[(String, Option<String>)]) -> bool {
        let known = wanted.iter().filter(|(key, _)| self.tag_keys.contains(key));
        has_tags(&entry.tags, known)
    }

    /// Returns the entries by their resource (name and suffix).
    #[must_use]
    pub fn by_resource(&self) -> BTreeMap<&str, &Entry> {
        let entries = self.secrets.iter();
        entries.map(|entry| (entry.arn.resource(), entry)).collect()
    }
}

impl Entry {
    /// Returns the entry of a primary secret.
    #[must_use]
    pub fn of_primary(primary: &Secret, rotation: Option<Rotation>) -> Self {
        Self {
            name: primary.name.clone(),
            arn: primary.arn.clone(),
            version_id: primary.current_version.clone(),
            kms_key: None,
            rotation,
            tags: primary.tags.clone(),
        }
    }

    /// Returns the entry that a replica shows. `None` if it is not a replica. Its primary secret may have a newer
    /// version.
    #[must_use]
    pub fn of_replica(replica: &Secret) -> Option<Self> {
        let primary_region = replica.replica_of()?;
        Some(Self {
            name: replica.name.clone(),
            arn: replica.arn.in_region(primary_region),
            version_id: None,
            kms_key: None,
            rotation: None,
            tags: replica.tags.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PRIMARY, THERE, region, secret};
    use super::*;

    fn inventory() -> Inventory {
        let mut primary = secret("db", PRIMARY, None);
        for key in ["tier", "owner"] {
            primary.tags.insert(key.to_owned(), "1".to_owned());
        }
        let entries = vec![Entry::of_primary(&primary, None)];
        let keys = ["tier".to_owned()].into();
        Inventory::new(region(THERE), DateTime::UNIX_EPOCH, keys, entries)
    }

    #[test]
    fn an_inventory_survives_its_file_and_keeps_only_the_tags_of_filters() {
        let inventory = inventory();
        let text = serde_json::to_string(&inventory).unwrap();
        assert_eq!(Inventory::parse(&text).unwrap(), inventory);
        assert!(text.contains("tier") && !text.contains("owner"), "{text}");
    }

    #[test]
    fn another_file_or_format_is_refused() {
        let text = serde_json::to_string(&inventory()).unwrap();
        let newer = text.replace("\"format\":1", "\"format\":2");
        let error = Inventory::parse(&newer).unwrap_err().to_string();
        assert!(error.contains("format 2 is not 1"), "{error}");
        assert!(Inventory::parse("{}").is_err());
        let wrong = text.replace("secretsmanager", "kms");
        assert!(Inventory::parse(&wrong).is_err());
    }

    #[test]
    fn a_replica_shows_the_arn_of_its_primary_secret() {
        let replica = secret("db", THERE, Some(PRIMARY));
        let entry = Entry::of_replica(&replica).unwrap();
        assert_eq!(entry.arn, secret("db", PRIMARY, None).arn);
        assert_eq!(Entry::of_replica(&secret("db", THERE, None)), None);
    }
}
