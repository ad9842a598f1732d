//! `TagResource` and `UntagResource`.

use serde_json::Value;

use super::ApiResult;
use crate::world::request::{Input, required};
use crate::world::secret::{Secret, Tag};
use crate::world::{ApiError, Time, World};

/// The maximum number of tags of a secret \[doc\].
const LIMIT: usize = 50;

impl World {
    pub(super) fn tag_resource(&mut self, now: Time, region: &str, input: &Input) -> ApiResult {
        let id = input.secret_id()?;
        let added = required(input.tags()?, "tags")?;
        let secret = self.locate_for_write(region, id)?;
        let tags = merged(&secret.tags, added)?;
        Ok(self.set_tags(now, &secret, tags))
    }

    pub(super) fn untag_resource(&mut self, now: Time, region: &str, input: &Input) -> ApiResult {
        let id = input.secret_id()?;
        let keys = required(input.tag_keys.as_ref(), "tagKeys")?;
        let secret = self.locate_for_write(region, id)?;
        let mut tags = secret.tags.clone();
        tags.retain(|tag| !keys.contains(&tag.key));
        Ok(self.set_tags(now, &secret, tags))
    }

    fn set_tags(&mut self, now: Time, secret: &Secret, tags: Vec<Tag>) -> Value {
        let (region, name) = (&secret.region, &secret.name);
        self.update(now, region, name, |secret| {
            secret.tags = tags;
            secret.changed = now;
        });
        self.propagate(now, region, name);
        Value::Null
    }
}

/// Adds tags. A tag replaces an existing one with the same key.
pub(super) fn merged(tags: &[Tag], added: Vec<Tag>) -> Result<Vec<Tag>, ApiError> {
    let mut merged = tags.to_vec();
    for tag in added {
        match merged.iter_mut().find(|other| other.key == tag.key) {
            Some(other) => *other = tag,
            None => merged.push(tag),
        }
    }
    if merged.len() > LIMIT {
        return Err(ApiError::invalid_parameter(
            "The number of tags on the secret would exceed the limit of 50.",
        ));
    }
    Ok(merged)
}
