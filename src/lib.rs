//! Replicates AWS Secrets Manager secrets by a tag-based policy.
//!
//! An event is only a hint that a secret deserves a look; the truth is what `DescribeSecret`
//! shows. Data flows one way:
//!
//! ```text
//! event ─► trigger ─► observe ─► policy ─► plan ─► apply ─► settle ─► report
//!          parse      Describe   pure      pure    writes   Describe  one record per secret:
//!                                                           polling   log line, metrics, answer
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`settings`] | the environment, read and checked once |
//! | [`trigger`] | what the invocation asks for |
//! | [`secret`] | what is known of a secret, in strict types |
//! | [`limits`] | what the settings allow, whatever the policy says |
//! | [`policy`] | which secrets are replicated, and where to (pure) |
//! | [`plan`] | what is to be done about one secret (pure) |
//! | [`explain`] | why that is decided, rule by rule (pure) |
//! | [`reason`] | the stable codes: why something was skipped, refused or failed, and the remediation |
//! | [`reconcile`] | observe, decide, apply, settle |
//! | [`sweep`] | every secret of the Region, in slices |
//! | [`budget`] | the time that an invocation has |
//! | [`bug`] | panics, caught |
//! | [`clock`] | the time of day |
//! | [`secrets_manager`] | the adapter for the AWS SDK, the only module that knows it |
//! | [`report`] | the record, the metrics, and the answer to Lambda |
//! | [`function`] | the handler that ties them together |
//! | [`start`] | logging, and what happens when the function cannot start |

#![forbid(unsafe_code)]

pub mod budget;
pub mod bug;
pub mod clock;
pub mod explain;
pub mod function;
pub mod limits;
pub mod plan;
pub mod policy;
pub mod reason;
pub mod reconcile;
pub mod report;
pub mod secret;
pub mod secrets_manager;
pub mod settings;
pub mod start;
pub mod sweep;
pub mod trigger;
