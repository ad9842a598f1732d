use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_kms::Client;
use secret_replicator_core::plan::{Decision, decide};
use secret_replicator_core::secret::{KmsKey, Region, Secret};
use tokio::time::Instant;

use super::super::facts::{KeyUse, Read, Stack};
use super::super::permissions::{Account, Key};
use super::super::settings::Settings;
use super::{read as checked, unread};
use crate::access::{Access, ApiError};
use crate::keys::{self, KeyState};

/// The maximum number of pages of 100 secrets whose keys are checked.
const MAX_PAGES: usize = 100;

/// The time for one page of the list.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// The customer managed keys by Region and name. The value is a secret that needs the key, and whether the key
/// encrypts replicas.
type Uses = BTreeMap<(Region, KmsKey), (String, BTreeSet<bool>)>;

/// Reads the state of the customer managed keys that the policy gives to primary secrets and replicas, and the
/// ARNs of those that exist.
pub(super) async fn read(
    access: &Access,
    stack: &Stack,
    account: &Account,
    settings: Option<&Settings>,
) -> Read<(Vec<KeyUse>, BTreeSet<Key>)> {
    let Some(settings) = settings else {
        return Ok(Default::default());
    };
    let uses = uses(access, account, settings).await?;
    let mut states = Vec::new();
    let mut usable = BTreeSet::new();
    for ((region, key), (secret, directions)) in uses {
        let access = access.in_region(&region);
        let found = keys::describe(&access, key.as_str()).await;
        let found = found.map_err(|error| unread("kms:DescribeKey", &error));
        if let Ok(Some(found)) = &found {
            let arn = found.arn().unwrap_or_default().to_owned();
            let tag = if stack.parameter("KmsKeyTagValue").is_empty() {
                None
            } else {
                tag(&Client::new(access.config()), found.key_id()).await?
            };
            usable.extend(directions.into_iter().map(|encrypts| Key {
                arn: arn.clone(),
                region: region.clone(),
                encrypts,
                tag: tag.clone(),
            }));
        }
        states.push(KeyUse {
            region,
            key: key.to_string(),
            secret,
            state: found.map(|found| found.as_ref().map(KeyState::from)),
        });
    }
    Ok((states, usable))
}

/// Returns the uses of customer managed keys: the decisions of the function about the secrets of the Region.
async fn uses(access: &Access, account: &Account, settings: &Settings) -> Read<Uses> {
    let mut uses = Uses::new();
    let Some(policy) = &settings.policy else {
        return Ok(uses);
    };
    let client = access.reader();
    let mut token = None;
    for _ in 0..MAX_PAGES {
        let until = Instant::now() + PAGE_TIMEOUT;
        let page = client.list(None, token.as_deref(), until).await;
        let page =
            page.map_err(|error| unread("secretsmanager:ListSecrets", &ApiError::from(&error)))?;
        for secret in page.secrets.iter().flatten() {
            if let Decision::Act(plan) = decide(secret, policy, &settings.limits) {
                let replicas = plan.targets().filter_map(|target| {
                    Some((target.region().clone(), target.key().kms_key.clone()?))
                });
                add(&mut uses, secret, &account.region, replicas.collect());
            }
        }
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    Ok(uses)
}

/// Adds the keys of a secret that gets replicas.
fn add(uses: &mut Uses, secret: &Secret, home: &Region, replicas: Vec<(Region, KmsKey)>) {
    let own = secret.encryption.key();
    let primary = (!own.is_aws_managed()).then(|| ((home.clone(), own), false));
    let replicas = replicas.into_iter().map(|replica| (replica, true));
    for (place, encrypts) in primary.into_iter().chain(replicas) {
        let (_, directions) = uses
            .entry(place)
            .or_insert_with(|| (secret.name.clone(), BTreeSet::new()));
        directions.insert(encrypts);
    }
}

/// Returns the value of the tag that `KmsKeyTagValue` selects.
async fn tag(client: &Client, key_id: &str) -> Read<Option<String>> {
    let tags = client.list_resource_tags().key_id(key_id).send().await;
    let tags = checked("kms:ListResourceTags", tags)?;
    let tag = tags
        .tags()
        .iter()
        .find(|tag| tag.tag_key() == "secret-replicator");
    Ok(tag.map(|tag| tag.tag_value().to_owned()))
}
