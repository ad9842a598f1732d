//! Why something was skipped, refused or failed: the stable codes of the record, each with its
//! remediation.
//!
//! Each code is defined once, here. The record, the error and the message get it from the value.

/// Says what happens next after an event, in a sweep and after a manual call.
macro_rules! next_attempt {
    () => {
        "Lambda retries an event, and the next sweep checks again; after a manual call, repeat it"
    };
}

/// The code of a covered secret without a value.
pub const NO_VALUE_YET: &str = "no-value-yet";

/// The remediation of a covered secret without a value: nothing can be replicated yet.
pub const NO_VALUE_REMEDIATION: &str = "put a value into the secret; the native event of the new value, or the next \
                                        sweep, then replicates it";

mod denial;
mod failure;
mod progress;
mod refusal;
mod removal;
mod skip;
mod superseded;
mod wording;

use std::collections::BTreeSet;

pub use denial::PolicyType;
pub use failure::FailureReason;
pub use progress::Progress;
pub use refusal::{Conflict, Refusal};
pub use removal::{RemovalReason, RetainReason};
pub use skip::SkipReason;
pub use superseded::Superseded;

fn names(rules: &BTreeSet<String>) -> String {
    let names: Vec<String> = rules.iter().map(|name| format!("`{name}`")).collect();
    let noun = if names.len() == 1 {
        "the rule"
    } else {
        "the rules"
    };
    format!("{noun} {}", names.join(", "))
}
