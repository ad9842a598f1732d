//! Customer keys, Region by Region.

use std::collections::BTreeMap;

use super::secret::DEFAULT_KEY;
use super::{KeyState, Time};

/// The states of the keys that are known; every other customer key is missing.
#[derive(Debug, Default)]
pub(super) struct Keys(BTreeMap<String, BTreeMap<String, KeyState>>);

/// Why a key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyProblem {
    DisabledOrMissing,
    StillBeingCreated,
    Denied,
}

impl Keys {
    pub(super) fn set(&mut self, region: &str, key: &str, state: KeyState) {
        self.0
            .entry(region.to_owned())
            .or_default()
            .insert(local_name(key).to_owned(), state);
    }

    pub(super) fn add_if_unknown(&mut self, region: &str, key: &str) {
        self.0
            .entry(region.to_owned())
            .or_default()
            .entry(local_name(key).to_owned())
            .or_insert(KeyState::Usable);
    }

    /// Whether `key` can be used in `region`. Key ids and aliases resolve in that Region, an ARN
    /// of another Region is a missing key, and no key at all is the default key.
    pub(super) fn check(
        &self,
        now: Time,
        region: &str,
        key: Option<&str>,
    ) -> Result<(), KeyProblem> {
        let Some(key) = key.filter(|key| local_name(key) != DEFAULT_KEY) else {
            return Ok(());
        };
        if region_of(key).is_some_and(|other| other != region) {
            return Err(KeyProblem::DisabledOrMissing);
        }
        match self
            .0
            .get(region)
            .and_then(|keys| keys.get(local_name(key)))
        {
            Some(KeyState::Usable) => Ok(()),
            Some(KeyState::UsableFrom(moment)) if *moment <= now => Ok(()),
            Some(KeyState::UsableFrom(_)) => Err(KeyProblem::StillBeingCreated),
            Some(KeyState::Denied) => Err(KeyProblem::Denied),
            Some(KeyState::Disabled | KeyState::Missing) | None => {
                Err(KeyProblem::DisabledOrMissing)
            }
        }
    }
}

/// `alias/name` or the key id, without what an ARN puts before it.
fn local_name(key: &str) -> &str {
    let resource = key.splitn(6, ':').nth(5).unwrap_or(key);
    resource.strip_prefix("key/").unwrap_or(resource)
}

fn region_of(key: &str) -> Option<&str> {
    key.starts_with("arn:").then(|| key.split(':').nth(3))?
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_000);

    #[test]
    fn the_default_key_is_always_usable_and_an_unlisted_one_is_missing() {
        let keys = Keys::default();
        assert_eq!(keys.check(NOW, "eu-west-1", None), Ok(()));
        assert_eq!(keys.check(NOW, "eu-west-1", Some(DEFAULT_KEY)), Ok(()));
        let missing = Err(KeyProblem::DisabledOrMissing);
        assert_eq!(keys.check(NOW, "eu-west-1", Some("alias/app")), missing);
        assert_eq!(
            keys.check(NOW, "eu-west-1", Some("aws/secretsmanager")),
            missing
        );
    }

    #[test]
    fn a_key_is_known_by_id_and_by_the_arn_of_its_own_region_only() {
        let mut keys = Keys::default();
        keys.set("eu-west-1", "mrk-1", KeyState::Usable);
        let here = "arn:aws:kms:eu-west-1:123456789012:key/mrk-1";
        let there = "arn:aws:kms:us-east-1:123456789012:key/mrk-1";
        assert_eq!(keys.check(NOW, "eu-west-1", Some("mrk-1")), Ok(()));
        assert_eq!(keys.check(NOW, "eu-west-1", Some(here)), Ok(()));
        assert!(keys.check(NOW, "eu-west-1", Some(there)).is_err());
        assert!(keys.check(NOW, "us-east-1", Some("mrk-1")).is_err());
    }

    #[test]
    fn a_key_that_is_being_created_becomes_usable_at_its_moment() {
        let mut keys = Keys::default();
        keys.set("eu-west-1", "alias/app", KeyState::UsableFrom(NOW));
        let early = keys.check(Time(999), "eu-west-1", Some("alias/app"));
        assert_eq!(early, Err(KeyProblem::StillBeingCreated));
        assert_eq!(keys.check(NOW, "eu-west-1", Some("alias/app")), Ok(()));
    }
}
