//! The comparison of lists: cases, and random lists in any order.

mod cases;
mod lists;
mod properties;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use secret_replicator_core::limits::{AllowedRegions, Limits, Overwrite, RemovalLimit};
use secret_replicator_core::policy::{self, Policy};
use secret_replicator_core::secret::{Encryption, Region, Secret, SecretArn};

const HOME: &str = "us-east-1";
const IRELAND: &str = "eu-west-1";
const OREGON: &str = "us-west-2";

fn region(code: &str) -> Region {
    Region::parse(code).unwrap()
}

fn regions(codes: &[&str]) -> BTreeSet<Region> {
    codes.iter().map(|code| region(code)).collect()
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// The policy `replicate-to`, with removal.
static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let text = format!("{}\nremoval: covered\n", policy::DEFAULT_POLICY);
    policy::check(&text, &AllowedRegions::Any).unwrap().policy
});

fn limits() -> Limits {
    Limits {
        allowed_regions: AllowedRegions::Only(regions(&[IRELAND, OREGON])),
        overwrite: Overwrite::Never,
        removal: RemovalLimit::Allowed,
    }
}

/// Returns an entry of a list: a secret with the version `v1` that changed a day ago. It is a replica if
/// the Region is not the home Region.
fn entry(region_code: &str, name: &str, replicate_to: Option<&str>) -> Secret {
    let arn = format!("arn:aws:secretsmanager:{region_code}:123456789012:secret:{name}-AbCdEf");
    let tag = replicate_to.map(|value| ("replicate-to".to_owned(), value.to_owned()));
    Secret {
        arn: SecretArn::parse(&arn).unwrap(),
        name: name.to_owned(),
        tags: tag.into_iter().collect(),
        encryption: Encryption::AwsManagedKey,
        primary_region: Some(region(HOME)),
        owning_service: None,
        scheduled_for_deletion: false,
        current_version: Some("v1".to_owned()),
        last_changed: Some(now() - TimeDelta::days(1)),
        replicas: BTreeMap::new(),
        probed: BTreeMap::new(),
    }
}
