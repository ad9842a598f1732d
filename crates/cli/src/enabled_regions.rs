//! The Regions that an account has enabled.

use std::collections::BTreeSet;

use aws_sdk_account::Client;
use aws_sdk_account::types::RegionOptStatus;
use secret_replicator_core::secret::Region;

use crate::access::{Access, ApiError};

/// The IAM action of the call.
pub(crate) const ACTION: &str = "account:ListRegions";

/// Reads the Regions that the account has enabled.
///
/// # Errors
/// AWS rejects the call or does not answer.
pub(crate) async fn read(access: &Access) -> Result<BTreeSet<Region>, ApiError> {
    let mut pages = Client::new(access.config())
        .list_regions()
        .region_opt_status_contains(RegionOptStatus::Enabled)
        .region_opt_status_contains(RegionOptStatus::EnabledByDefault)
        .into_paginator()
        .send();
    let mut enabled = BTreeSet::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| ApiError::new(ACTION, &error))?;
        let codes = page
            .regions()
            .iter()
            .filter_map(|region| region.region_name());
        enabled.extend(codes.filter_map(|code| Region::parse(code).ok()));
    }
    Ok(enabled)
}
