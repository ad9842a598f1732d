//! The customer managed keys of primary secrets and replicas, in their Regions.

use super::super::facts::{Chain, KeyUse};
use super::super::finding::{Finding, Link, Symptom};
use super::unread;
use crate::keys;

/// The symptoms of a key that does not work.
const SYMPTOMS: &[Symptom] = &[
    Symptom::Alarm("ReplicasFailing"),
    Symptom::Alarm("SecretsUnresolved"),
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
    let state = match state {
        Ok(state) => state.as_ref(),
        Err(error) => {
            let key = format!("the key {name} in {region}");
            return Some(unread(Link::Keys, &key, error));
        }
    };
    let found = keys::problem(region.as_str(), name, state)?;
    let problem = format!("{}; `{secret}` needs it", found.problem);
    let finding = Finding::error(Link::Keys, problem, found.remediation);
    Some(finding.explaining(SYMPTOMS))
}
