//! Property tests of policies, secrets and inputs.

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

/// Returns the plan for a secret. `None` if no rule covers it.
fn plan(secret: &Secret, policy: &Policy, limits: &Limits) -> Option<Plan> {
    match decide(secret, policy, limits) {
        Decision::Act(plan) => Some(plan),
        Decision::Skip(_) => None,
    }
}

/// Parses a document. `None` if it is invalid.
fn read(document: &Value) -> Option<Policy> {
    let checked = policy::check(&document.to_string(), &AllowedRegions::Any);
    checked.ok().map(|checked| checked.policy)
}
