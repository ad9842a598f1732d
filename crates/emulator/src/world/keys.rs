//! Customer keys in each Region.

use super::secret::DEFAULT_KEY;
use super::{KeyState, Time, World};

/// Why a key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyProblem {
    DisabledOrMissing,
    StillBeingCreated,
    Denied,
}

impl World {
    /// Sets the state of a customer key (key ID, ARN or `alias/...`) in one Region. An alias is a
    /// separate key here.
    pub fn set_key(&mut self, region: &str, key: &str, state: KeyState) {
        let keys = &mut self.region_mut(region).keys;
        keys.insert(local_name(key).to_owned(), state);
    }

    pub(super) fn add_key_if_unknown(&mut self, region: &str, key: &str) {
        let keys = &mut self.region_mut(region).keys;
        keys.entry(local_name(key).to_owned())
            .or_insert(KeyState::Usable);
    }

    /// Returns whether a customer key (key ID, ARN or `alias/...`) works in a Region.
    #[must_use]
    pub fn key_works(&self, now: Time, region: &str, key: &str) -> bool {
        self.check_key(now, region, Some(key)).is_ok()
    }

    /// Checks whether `key` can be used in `region`. Key IDs and aliases resolve in that Region, an
    /// ARN of another Region is a missing key, and `None` is the default key.
    pub(super) fn check_key(
        &self,
        now: Time,
        region: &str,
        key: Option<&str>,
    ) -> Result<(), KeyProblem> {
        let Some(key) = key.filter(|key| local_name(key) != DEFAULT_KEY) else {
            return Ok(());
        };
        let is_local = region_of(key).is_none_or(|other| other == region);
        if !is_local {
            return Err(KeyProblem::DisabledOrMissing);
        }
        let here = self.regions.get(region);
        let listed = here.and_then(|region| region.keys.get(local_name(key)));
        match listed.copied().unwrap_or(self.settings.unlisted_keys) {
            KeyState::Usable => Ok(()),
            KeyState::UsableFrom(moment) if moment <= now => Ok(()),
            KeyState::UsableFrom(_) => Err(KeyProblem::StillBeingCreated),
            KeyState::Denied => Err(KeyProblem::Denied),
            KeyState::Disabled | KeyState::Missing => Err(KeyProblem::DisabledOrMissing),
        }
    }
}

/// Returns `alias/name` or the key ID, without the prefix of an ARN.
fn local_name(key: &str) -> &str {
    let resource = key.splitn(6, ':').nth(5).unwrap_or(key);
    resource.strip_prefix("key/").unwrap_or(resource)
}

fn region_of(key: &str) -> Option<&str> {
    key.starts_with("arn:").then(|| key.split(':').nth(3))?
}
