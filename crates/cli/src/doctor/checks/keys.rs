//! The customer managed keys of primary secrets and replicas, in their Regions.

use super::super::facts::{Chain, KeyState, KeyUse};
use super::super::finding::{Finding, Link, Symptom};
use super::unread;

/// The symptoms of a key that does not work.
const SYMPTOMS: &[Symptom] = &[
    Symptom::Alarm("ReplicasFailing"),
    Symptom::Alarm("SweepFailures"),
    Symptom::Alarm("FunctionErrors"),
];

/// Checks that each key exists in its Region, is enabled, and encrypts.
pub(super) fn check(chain: &Chain) -> Vec<Finding> {
    match &chain.keys {
        Ok(keys) => keys.iter().filter_map(check_use).collect(),
        Err(error) => vec![unread(Link::Keys, "the keys of the secrets", error)],
    }
}

fn check_use(key: &KeyUse) -> Option<Finding> {
    let KeyUse {
        region,
        key: name,
        secret,
        state,
    } = key;
    let finding = match state {
        Ok(Some(KeyState {
            encrypts: false, ..
        })) => Finding::error(
            Link::Keys,
            format!(
                "the key {name} in {region} is not a symmetric encryption key; `{secret}` needs it"
            ),
            "name a symmetric encryption key in the policy: Secrets Manager uses no other",
        ),
        Ok(Some(state)) if state.state == "Enabled" => return None,
        Ok(Some(state)) => Finding::error(
            Link::Keys,
            format!(
                "the key {name} in {region} is {}; `{secret}` needs it",
                state.state
            ),
            enable(&state.state, region.as_str(), name),
        ),
        Ok(None) => Finding::error(
            Link::Keys,
            format!("the key {name} does not exist in {region}; `{secret}` needs it"),
            create(region.as_str(), name),
        ),
        Err(error) => {
            return Some(unread(
                Link::Keys,
                &format!("the key {name} in {region}"),
                error,
            ));
        }
    };
    Some(finding.explaining(SYMPTOMS))
}

fn enable(state: &str, region: &str, key: &str) -> String {
    match state {
        "PendingDeletion" | "PendingReplicaDeletion" => format!(
            "run `aws kms cancel-key-deletion` and `aws kms enable-key` with `--region {region} --key-id {key}`, \
             or name another key in the policy"
        ),
        "Disabled" => format!("run `aws kms enable-key --region {region} --key-id {key}`"),
        _ => "wait until the key is enabled, or name another key in the policy".to_owned(),
    }
}

fn create(region: &str, key: &str) -> String {
    let key_id = key.rsplit('/').next().unwrap_or(key);
    if key_id.starts_with("mrk-") {
        format!(
            "run `aws kms replicate-key --key-id {key_id} --replica-region {region}` in the Region of the \
             multi-Region primary key"
        )
    } else {
        format!("create the key or the alias in {region}, or name another key in the policy")
    }
}
