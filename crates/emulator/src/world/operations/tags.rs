//! `TagResource` and `UntagResource`.

use serde_json::Value;

use crate::world::request::{self, parse, required};
use crate::world::secret::Tag;
use crate::world::{ApiError, Time, World};

/// The most tags a secret may have \[doc\].
const MOST: usize = 50;

impl World {
    pub(super) fn tag_resource(
        &mut self,
        now: Time,
        region: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let raw: request::TagResource = parse(body)?;
        let id = required(raw.secret_id, "secretId")?;
        let added = request::tags(required(raw.tags, "tags")?)?;
        let name = self.locate_for_write(region, &id)?;
        self.change_tags(now, region, &name, |tags| merged(tags, added))
    }

    pub(super) fn untag_resource(
        &mut self,
        now: Time,
        region: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let raw: request::UntagResource = parse(body)?;
        let id = required(raw.secret_id, "secretId")?;
        let keys = required(raw.tag_keys, "tagKeys")?;
        let name = self.locate_for_write(region, &id)?;
        self.change_tags(now, region, &name, |tags| {
            let keeps = |tag: &&Tag| !keys.contains(&tag.key);
            Ok(tags.iter().filter(keeps).cloned().collect())
        })
    }

    fn change_tags(
        &mut self,
        now: Time,
        region: &str,
        name: &str,
        change: impl FnOnce(&[Tag]) -> Result<Vec<Tag>, ApiError>,
    ) -> Result<Value, ApiError> {
        if let Some(secret) = self.by_name_mut(region, name) {
            secret.tags = change(&secret.tags)?;
            secret.changed = now;
        }
        self.note(now, region, name);
        self.propagate(now, region, name);
        Ok(Value::Null)
    }
}

/// Adds tags; a tag with a key that is there already takes its place.
pub(super) fn merged(tags: &[Tag], added: Vec<Tag>) -> Result<Vec<Tag>, ApiError> {
    let mut merged = tags.to_vec();
    for tag in added {
        match merged.iter_mut().find(|other| other.key == tag.key) {
            Some(other) => *other = tag,
            None => merged.push(tag),
        }
    }
    if merged.len() > MOST {
        return Err(ApiError::invalid_parameter(
            "The number of tags on the secret would exceed the limit of 50.",
        ));
    }
    Ok(merged)
}
