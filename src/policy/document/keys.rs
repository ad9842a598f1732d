//! Reads the keys of rules and of the policy.

use std::collections::BTreeMap;

use super::Document;
use crate::policy::ReplicateTo;
use crate::policy::keys::Keys;
use crate::policy::reader::Place;
use crate::secret::{KmsKey, Region};

const KEY_HINT: &str = "write a key id, a key ARN, `alias/name`, or `aws/secretsmanager`, or map \
                        Regions to keys: `{ eu-west-1: alias/app, \"*\": aws/secretsmanager }`";

impl Document {
    /// Keys by Region or group, with `*` for any other Region.
    pub(super) fn keys_by_region(&mut self, place: &Place<'_>) -> Option<Keys> {
        let mut by_region = BTreeMap::new();
        let mut any_other = None;
        for entry in self.reader.entries(place, KEY_HINT)? {
            let place = entry.value;
            let key = self.key(&place);
            if entry.key == "*" {
                if let Some(key) = key.as_ref().filter(|key| key.region().is_some()) {
                    self.key_of_one_region(&place, key);
                }
                any_other = key;
                continue;
            }
            let regions = self.regions(&entry.key_place, entry.key);
            for region in regions.unwrap_or_default() {
                if let Some(key) = &key {
                    self.key_in_region(&place, key, &region);
                    if by_region
                        .insert(region.clone(), key.clone().canonical())
                        .is_some_and(|old| old != key.clone().canonical())
                    {
                        let message = format!("{region} has another key already");
                        let hint = "give each Region one key; groups may overlap";
                        self.reader.error(&place, "two-keys", message, hint);
                    }
                }
            }
        }
        Some(Keys::new(by_region, any_other))
    }

    /// One key for all Regions of a rule.
    pub(super) fn one_key(
        &mut self,
        place: &Place<'_>,
        targets: Option<&ReplicateTo>,
    ) -> Option<Keys> {
        let key = self.key(place)?;
        if key.region().is_some() {
            match targets {
                Some(ReplicateTo::Regions(regions)) => {
                    for region in regions {
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
