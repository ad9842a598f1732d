//! Property tests: what holds for every policy, every secret and every input.

#[path = "properties/inputs.rs"]
mod inputs;
#[path = "properties/keys_and_overwrite.rs"]
mod keys_and_overwrite;
#[path = "properties/policies.rs"]
mod policies;
#[path = "properties/removal.rs"]
mod removal;
#[path = "properties/replicas.rs"]
mod replicas;
#[path = "properties/secrets.rs"]
mod secrets;
#[path = "properties/targets.rs"]
mod targets;

use secret_replicator_core::limits::{AllowedRegions, Limits};
use secret_replicator_core::plan::{Decision, Plan, decide};
use secret_replicator_core::policy::{self, Policy};
use secret_replicator_core::secret::Secret;
use serde_json::Value;

/// The plan for a secret that is covered.
fn plan(secret: &Secret, policy: &Policy, limits: &Limits) -> Option<Plan> {
    match decide(secret, policy, limits) {
        Decision::Act(plan) => Some(plan),
        Decision::Skip(_) => None,
    }
}

/// The policy that a document describes, if it is right.
fn read(document: &Value) -> Option<Policy> {
    let checked = policy::check(&document.to_string(), &AllowedRegions::Any);
    checked.ok().map(|checked| checked.policy)
}
