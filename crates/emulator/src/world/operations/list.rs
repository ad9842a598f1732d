//! `ListSecrets`.

use serde_json::Value;

use crate::world::filter::Filter;
use crate::world::list_index::Place;
use crate::world::render::{self, Members};
use crate::world::request::{self, parse};
use crate::world::{ApiError, Time, World};

/// The most secrets on a page, and the default \[doc\].
const PAGE: usize = 100;

impl World {
    pub(super) fn list_secrets(
        &self,
        now: Time,
        region: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let raw: request::ListSecrets = parse(body)?;
        let size = page_size(raw.max_results)?;
        let after = raw.next_token.as_deref().map(read_token).transpose()?;
        let filters = Filter::parse_all(raw.filters.unwrap_or_default())?;
        let shows_deleted = raw.include_planned_deletion.unwrap_or_default();
        let mut matches = self
            .index
            .after(now, region, after.as_ref())
            .filter(|(_, secret)| shows_deleted || secret.deleted.is_none())
            .filter(|(_, secret)| filters.iter().all(|filter| filter.passes(secret)));
        let page: Vec<_> = matches.by_ref().take(size).collect();
        let last = page.last().map(|(place, _)| write_token(place));
        let next = last.filter(|_| matches.next().is_some());
        let secrets: Value = page
            .iter()
            .map(|(_, secret)| render::listed(secret))
            .collect();
        Ok(Members::default()
            .with("SecretList", secrets)
            .with_some("NextToken", next)
            .into_value())
    }
}

fn page_size(wanted: Option<i64>) -> Result<usize, ApiError> {
    let Some(wanted) = wanted else {
        return Ok(PAGE);
    };
    usize::try_from(wanted)
        .ok()
        .filter(|size| (1..=PAGE).contains(size))
        .ok_or_else(|| {
            ApiError::constraint(
                &format!("'{wanted}'"),
                "maxResults",
                "Member must have value between 1 and 100",
            )
        })
}

/// The place of the last secret of a page: a token stays good while secrets come and go.
fn write_token((created, arn): &Place) -> String {
    format!("{}/{arn}", created.0)
}

fn read_token(token: &str) -> Result<Place, ApiError> {
    token
        .split_once('/')
        .and_then(|(created, arn)| Some((Time(created.parse().ok()?), arn.to_owned())))
        .ok_or_else(|| {
            ApiError::new(
                "InvalidNextTokenException",
                "The NextToken value is invalid.",
            )
        })
}
