//! `ListSecrets`.

use serde_json::{Value, json};

use super::ApiResult;
use crate::world::filter::Filter;
use crate::world::history::{Order, SortBy};
use crate::world::render::{listed, without_nulls};
use crate::world::request::Input;
use crate::world::secret::Place;
use crate::world::{ApiError, Time, World};

/// The maximum and default number of secrets on a page \[doc\].
const PAGE: usize = 100;

impl World {
    pub(super) fn list_secrets(&mut self, now: Time, region: &str, input: &Input) -> ApiResult {
        let size = page_size(input.max_results)?;
        let after = input.next_token.as_deref().map(read_token).transpose()?;
        let filters = Filter::parse_all(input.filters.as_deref().unwrap_or_default())?;
        let shows_deleted = input.include_planned_deletion.unwrap_or_default();
        let order = Order {
            by: sort_by(input)?,
            is_descending: is_descending(input)?,
        };
        let lag = self.age(self.settings.list_lag(region));
        let mut matches = self
            .region_mut(region)
            .list(now, lag, order, after.as_ref())
            .filter(|secret| shows_deleted || secret.deletion.is_none())
            .filter(|secret| filters.iter().all(|filter| filter.passes(secret)));
        let page: Vec<_> = matches.by_ref().take(size).collect();
        let last = page.last().map(|secret| write_token(&secret.place()));
        let next = last.filter(|_| matches.next().is_some());
        let secrets: Value = page.iter().map(|secret| listed(secret)).collect();
        Ok(without_nulls(
            json!({ "SecretList": secrets, "NextToken": next }),
        ))
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

/// The service sorts by creation unless the request says otherwise \[doc\].
fn sort_by(input: &Input) -> Result<SortBy, ApiError> {
    match input.sort_by.as_deref() {
        None | Some("created-date") => Ok(SortBy::Created),
        Some("name") => Ok(SortBy::Name),
        Some(other @ ("last-accessed-date" | "last-changed-date")) => {
            let message = format!("The emulator does not sort by {other}.");
            Err(ApiError::invalid_parameter(&message))
        }
        Some(other) => Err(ApiError::constraint(
            &format!("'{other}'"),
            "sortBy",
            "Member must satisfy enum value set: [name, created-date, last-changed-date, \
             last-accessed-date]",
        )),
    }
}

fn is_descending(input: &Input) -> Result<bool, ApiError> {
    match input.sort_order.as_deref() {
        None | Some("asc") => Ok(false),
        Some("desc") => Ok(true),
        Some(other) => Err(ApiError::constraint(
            &format!("'{other}'"),
            "sortOrder",
            "Member must satisfy enum value set: [asc, desc]",
        )),
    }
}

/// Encodes the position of the last secret of a page, so that a token stays valid while secrets are
/// created and deleted.
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
