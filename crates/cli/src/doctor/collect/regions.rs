use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_account::Client;
use aws_sdk_account::types::RegionOptStatus;
use secret_replicator_aws::CallErrorKind;
use secret_replicator_core::secret::Region;
use tokio::time::Instant;

use super::super::facts::Read;
use super::read;
use crate::access::Access;

/// The time for the answer of an endpoint.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// Returns the Regions that the account has enabled.
pub(super) async fn enabled(access: &Access) -> Read<BTreeSet<Region>> {
    let mut pages = Client::new(access.config())
        .list_regions()
        .region_opt_status_contains(RegionOptStatus::Enabled)
        .region_opt_status_contains(RegionOptStatus::EnabledByDefault)
        .into_paginator()
        .send();
    let mut enabled = BTreeSet::new();
    while let Some(page) = pages.next().await {
        let page = read("account:ListRegions", page)?;
        let codes = page
            .regions()
            .iter()
            .filter_map(|region| region.region_name());
        enabled.extend(codes.filter_map(|code| Region::parse(code).ok()));
    }
    Ok(enabled)
}

/// Returns the error of each Region whose endpoint of Secrets Manager did not answer. A denial is an answer.
pub(super) async fn unreachable(
    access: &Access,
    regions: &BTreeSet<Region>,
) -> BTreeMap<Region, String> {
    let client = access.secrets_manager();
    let mut unreachable = BTreeMap::new();
    for region in regions {
        let until = Instant::now() + ANSWER_TIMEOUT;
        if let Err(error) = client.list_replicas(region, None, None, until).await
            && error.kind == CallErrorKind::Unanswered
        {
            unreachable.insert(region.clone(), error.message);
        }
    }
    unreachable
}
