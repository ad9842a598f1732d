//! A second, naive implementation of the policy language, and a generator of arbitrary policies.
//!
//! For tests only: the tests of the policy compare both implementations, and the simulation derives the
//! expected replicas from this one.

#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    reason = "plain data whose fields mirror the policy document (docs/POLICY.md)"
)]

mod evaluate;
pub mod generator;

pub use evaluate::{
    Answer, Forbid, KmsKey, Parts, Policy, ReplicateTo, Rule, Secret, Settings, When,
    managed_is_none,
};
