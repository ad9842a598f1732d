//! Parses the keys of rules and of the policy.

use std::collections::{BTreeMap, BTreeSet};

use super::parse_regions::NONE_IN_LIST_HINT;
use super::{Defined, Parser};
use crate::known_regions;
use crate::policy::ReplicateTo;
use crate::policy::keys::Keys;
use crate::policy::lint;
use crate::policy::reader::{Entry, NodeRef, Reported};
use crate::secret::{KmsKey, Region};

const KEY_HINT: &str = "write a key ID, a key ARN, `alias/name`, or `aws/secretsmanager`, or map \
                        Regions to keys: `{ eu-west-1: alias/app, \"*\": aws/secretsmanager }`";

const MAP_HINT: &str =
    "map Regions to keys: `{ eu-west-1: alias/app, \"*\": alias/any-other-region }`";

impl<'a> Parser<'a> {
    /// Parses keys by Region or group, with `*` for any other Region. A rule's keys are compared
    /// with its targets.
    pub(super) fn keys_by_region(
        &mut self,
        node: &NodeRef<'a>,
        targets: Option<&ReplicateTo>,
        is_of_policy: bool,
    ) -> Result<Keys, Reported> {
        let mut by_region = BTreeMap::new();
        let mut any_other = None;
        for entry in self.reader.entries(node, MAP_HINT)? {
            let key = self.key(&entry.value).ok();
            if entry.key == "*" {
                if let Some(key) = &key {
                    self.check_key_of_any_region(&entry.value, key);
                    if is_of_policy && key.is_aws_managed() {
                        lint::default_key(&mut self.reader, &entry.value);
                    }
                }
                any_other = key;
                continue;
            }
            let Ok(regions) = self.regions(&entry.at_key, entry.key, NONE_IN_LIST_HINT) else {
                continue;
            };
            let regions = regions.iter().cloned().collect();
            self.lint_key(&entry, &regions, targets);
            if let Some(key) = key {
                self.add_key(&mut by_region, &entry.value, &key, regions);
            }
        }
        Ok(Keys::new(by_region, any_other))
    }

    fn lint_key(
        &mut self,
        entry: &Entry<'a>,
        regions: &BTreeSet<Region>,
        targets: Option<&ReplicateTo>,
    ) {
        // The unknown Region is reported already, and explains why the key is unused.
        let is_known = self.groups.has(entry.key) || regions.iter().all(known_regions::is_known);
        let is_unused = targets
            .filter(|_| is_known)
            .is_some_and(|targets| lint::unused_key(&mut self.reader, entry, regions, targets));
        // Regions of a group are reported where the group is defined.
        if !is_unused && !self.groups.has(entry.key) {
            self.defined.push(Defined {
                group: None,
                node: entry.at_key,
                regions: regions.clone(),
            });
        }
    }

    fn add_key(
        &mut self,
        keys: &mut BTreeMap<Region, KmsKey>,
        node: &NodeRef<'_>,
        key: &KmsKey,
        regions: BTreeSet<Region>,
    ) {
        for region in regions {
            self.check_key_region(node, key, &region);
            // Two names of the same key do not conflict.
            let key = key.clone().canonical();
            let old = keys.insert(region.clone(), key.clone());
            if old.is_some_and(|old| old != key) {
                let message = format!("{region} already has another key");
                let hint = "give each Region one key; groups may overlap";
                self.reader.error(node, "two-keys", message, hint);
            }
        }
    }

    /// Parses one key for all Regions of a rule. The key need not work in the primary secret's own
    /// Region, because that Region never has a replica.
    pub(super) fn one_key(
        &mut self,
        node: &NodeRef<'_>,
        targets: Option<&ReplicateTo>,
        primary_region: Option<&str>,
    ) -> Result<Keys, Reported> {
        let key = self.key(node)?;
        match targets {
            Some(ReplicateTo::Regions(regions)) => {
                for region in regions {
                    if Some(region.as_str()) != primary_region {
                        self.check_key_region(node, &key, region);
                    }
                }
            }
            Some(ReplicateTo::Tag(_)) => self.check_key_of_any_region(node, &key),
            None => {}
        }
        Ok(Keys::new(BTreeMap::new(), Some(key)))
    }

    fn key(&mut self, node: &NodeRef<'_>) -> Result<KmsKey, Reported> {
        let text = self.reader.text(node, KEY_HINT)?;
        KmsKey::parse(text).map_err(|error| {
            self.reader
                .error_in_text(node, "not-a-key", error.to_string(), KEY_HINT)
        })
    }

    /// Reports a key ARN of another Region than the replica's.
    fn check_key_region(&mut self, node: &NodeRef<'_>, key: &KmsKey, region: &Region) {
        if let Some(key_region) = key.other_region(region) {
            let message = format!("the key is in {key_region}, but the replica is in {region}");
            let hint = "a key works only in its own Region: map each Region to a key there, or name \
                        an alias or a multi-Region key's ID, which AWS resolves in each Region";
            let typo = known_regions::did_you_mean(key_region.as_str());
            let hint = typo.as_deref().unwrap_or(hint);
            self.reader
                .error(node, "key-of-another-region", message, hint);
        }
    }

    /// Reports a key ARN where the Region of the replica is unknown.
    fn check_key_of_any_region(&mut self, node: &NodeRef<'_>, key: &KmsKey) {
        if key.region().is_some() {
            let message = format!("the key {key} is in one Region, but is named for any Region");
            let hint = "map each Region to a key there, or name an alias or a multi-Region key's ID, \
                        which AWS resolves in each Region";
            self.reader
                .error(node, "key-of-another-region", message, hint);
        }
    }
}
