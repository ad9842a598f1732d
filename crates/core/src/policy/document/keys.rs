//! Reads the keys of rules and of the policy.

use std::collections::{BTreeMap, BTreeSet};

use super::Document;
use crate::policy::ReplicateTo;
use crate::policy::keys::Keys;
use crate::policy::reader::{Entry, Place, did_you_mean};
use crate::policy::regions::Resolved;
use crate::secret::{KmsKey, Region};

const KEY_HINT: &str = "write a key id, a key ARN, `alias/name`, or `aws/secretsmanager`, or map \
                        Regions to keys: `{ eu-west-1: alias/app, \"*\": aws/secretsmanager }`";

impl Document<'_> {
    /// Keys by Region or group, with `*` for any other Region; of a rule, if it has targets.
    pub(super) fn keys_by_region(
        &mut self,
        place: &Place<'_>,
        targets: Option<&ReplicateTo>,
    ) -> Option<Keys> {
        let mut by_region = BTreeMap::new();
        let mut any_other = None;
        for entry in self.reader.entries(place, KEY_HINT)? {
            let key = self.key(&entry.value);
            if entry.key == "*" {
                if let Some(key) = key.as_ref().filter(|key| key.region().is_some()) {
                    self.key_of_one_region(&entry.value, key);
                }
                any_other = key;
                continue;
            }
            let regions = self.regions(&entry.key_place, entry.key);
            let regions: BTreeSet<Region> =
                regions.iter().flat_map(Resolved::iter).cloned().collect();
            self.useful(&entry, &regions, targets);
            let Some(key) = key else { continue };
            for region in regions {
                self.key_in_region(&entry.value, &key, &region);
                let key = key.clone().canonical();
                let old = by_region.insert(region.clone(), key.clone());
                if old.is_some_and(|old| old != key) {
                    let message = format!("{region} has another key already");
                    let hint = "give each Region one key; groups may overlap";
                    self.reader.error(&entry.value, "two-keys", message, hint);
                }
            }
        }
        Some(Keys::new(by_region, any_other))
    }

    /// Notes a key for Regions that the rule does not want, or that no replica can be in.
    fn useful(
        &mut self,
        entry: &Entry<'_>,
        regions: &BTreeSet<Region>,
        targets: Option<&ReplicateTo>,
    ) {
        if let Some(ReplicateTo::Regions(targets)) = targets
            && !regions.is_empty()
            && regions.is_disjoint(targets)
        {
            let word = entry.key;
            let message = format!("the rule does not replicate to `{word}`, so this is never used");
            let hint = match did_you_mean(word, targets.iter().map(Region::as_str)) {
                Some(target) => format!("did you mean `{target}`?"),
                None => "drop it, or add the Region to `replicate-to`".to_owned(),
            };
            self.reader
                .warning(&entry.key_place, "unused-key", message, &hint);
        } else if !self.groups.has(entry.key) {
            self.warn_if_not_allowed(&entry.key_place, regions);
        }
    }

    /// One key for all Regions of a rule. In the primary secret's own Region, if the rule knows it,
    /// there is no replica.
    pub(super) fn one_key(
        &mut self,
        place: &Place<'_>,
        targets: Option<&ReplicateTo>,
        own: Option<&str>,
    ) -> Option<Keys> {
        let key = self.key(place)?;
        if key.region().is_some() {
            match targets {
                Some(ReplicateTo::Regions(regions)) => {
                    for region in regions.iter().filter(|region| Some(region.as_str()) != own) {
                        self.key_in_region(place, &key, region);
                    }
                }
                Some(ReplicateTo::Tag(_)) => self.key_of_one_region(place, &key),
                None => {}
            }
        }
        Some(Keys::new(BTreeMap::new(), Some(key)))
    }

    fn key(&mut self, place: &Place<'_>) -> Option<KmsKey> {
        let text = self.reader.text(place, KEY_HINT)?;
        KmsKey::parse(text)
            .map_err(|error| {
                self.reader
                    .error(place, "not-a-key", error.to_string(), KEY_HINT);
            })
            .ok()
    }

    fn key_in_region(&mut self, place: &Place<'_>, key: &KmsKey, region: &Region) {
        if let Some(home) = key.region().filter(|home| home != region) {
            let message = format!("the key is in {home}, the replica in {region}");
            let hint = "a key works in its own Region only: map each Region to a key there, or name \
                        an alias or a multi-Region key's id, which AWS looks up in each Region";
            self.reader
                .error(place, "key-of-another-region", message, hint);
        }
    }

    fn key_of_one_region(&mut self, place: &Place<'_>, key: &KmsKey) {
        let message = format!("the key {key} is in one Region, and is named for any");
        let hint = "map each Region to a key there, or name an alias or a multi-Region key's id, \
                    which AWS looks up in each Region";
        self.reader
            .error(place, "key-of-another-region", message, hint);
    }
}
