use std::collections::BTreeSet;

use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::operation::get_event_selectors::GetEventSelectorsOutput;
use secret_replicator_core::secret::Region;

use super::super::facts::{FieldSelector, Read, Selector, Trail};
use super::read as checked;
use crate::access::Access;

/// Reads the trails that apply to the Region, and the names and Regions of the other trails of the account.
pub(super) async fn read(access: &Access) -> (Read<Vec<Trail>>, Vec<(String, String)>) {
    match here(access).await {
        Ok(trails) if trails.is_empty() => (Ok(trails), elsewhere(access).await),
        trails => (trails, Vec::new()),
    }
}

async fn here(access: &Access) -> Read<Vec<Trail>> {
    let described = Client::new(access.config()).describe_trails().send().await;
    let described = checked("cloudtrail:DescribeTrails", described)?;
    let mut trails = Vec::new();
    // A multi-Region trail is also in the list of other Regions than its home, as a shadow trail.
    let mut seen = BTreeSet::new();
    for found in described.trail_list() {
        let arn = found.trail_arn().or(found.name()).unwrap_or_default();
        let home = found
            .home_region()
            .and_then(|home| Region::parse(home).ok());
        let access = home.map_or_else(|| access.clone(), |home| access.in_region(&home));
        if seen.insert(arn) {
            trails.push(trail(&access, arn).await);
        }
    }
    Ok(trails)
}

async fn trail(access: &Access, arn: &str) -> Trail {
    let client = Client::new(access.config());
    let status = client.get_trail_status().name(arn).send().await;
    let status = checked("cloudtrail:GetTrailStatus", status);
    let selectors = client.get_event_selectors().trail_name(arn).send().await;
    let selectors = checked("cloudtrail:GetEventSelectors", selectors);
    Trail {
        arn: arn.to_owned(),
        logging: status.map(|status| status.is_logging().unwrap_or_default()),
        selectors: selectors.map(|selectors| convert(&selectors)),
    }
}

fn convert(found: &GetEventSelectorsOutput) -> Vec<Selector> {
    let basic = found
        .event_selectors()
        .iter()
        .map(|selector| Selector::Basic {
            // The default of the API.
            management: selector.include_management_events().unwrap_or(true),
            read_write: selector
                .read_write_type()
                .map_or("All", |kind| kind.as_str())
                .to_owned(),
        });
    let advanced = found.advanced_event_selectors().iter().map(|selector| {
        let fields = selector
            .field_selectors()
            .iter()
            .map(|field| FieldSelector {
                field: field.field().to_owned(),
                equals: field.equals().to_vec(),
                not_equals: field.not_equals().to_vec(),
            });
        Selector::Advanced(fields.collect())
    });
    basic.chain(advanced).collect()
}

/// Returns the trails of the account in other Regions. They only improve a message, so an error counts as none.
async fn elsewhere(access: &Access) -> Vec<(String, String)> {
    let Ok(listed) = Client::new(access.config()).list_trails().send().await else {
        return Vec::new();
    };
    let trails = listed.trails().iter().filter_map(|trail| {
        let home = trail.home_region()?;
        Some((trail.name()?.to_owned(), home.to_owned()))
    });
    trails.collect()
}
