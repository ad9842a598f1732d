use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use secret_replicator_aws::CallErrorKind;
use secret_replicator_core::secret::Region;
use tokio::time::Instant;

use super::super::facts::Read;
use super::unread;
use crate::access::Access;
use crate::enabled_regions;

/// The time for the answer of an endpoint.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// Returns the Regions that the account has enabled.
pub(super) async fn enabled(access: &Access) -> Read<BTreeSet<Region>> {
    let enabled = enabled_regions::read(access).await;
    enabled.map_err(|error| unread(enabled_regions::ACTION, &error))
}

/// Returns the error of each Region whose endpoint of Secrets Manager did not answer. A denial is an answer.
pub(super) async fn unreachable(
    access: &Access,
    regions: &BTreeSet<Region>,
) -> BTreeMap<Region, String> {
    let client = access.reader();
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
