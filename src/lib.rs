//! The Lambda function: replicates AWS Secrets Manager secrets by a tag-based policy.
//!
//! An event is only a hint that a secret deserves a look; the truth is what `DescribeSecret` shows. Data
//! flows one way:
//!
//! ```text
//! event (JSON) ─► request ─► observe ─► policy ─► plan ─► apply ─► follow ─► record
//!                 parse      Describe   pure      pure    writes   poll      one per secret:
//!                                                                            log line, metrics, answer
//! ```
//!
//! What is pure lives in `secret-replicator-core`, the calls of Secrets Manager in
//! `secret-replicator-aws`. This crate holds what needs AWS, time, or the environment:
//!
//! | module | content |
//! |---|---|
//! | [`startup`] | logging, and the report of an initialization error |
//! | [`settings`] | the environment, read and validated once |
//! | [`handler`] | one invocation from its event to its answer |
//! | [`deadlines`] | the time that an invocation has |
//! | [`reconcile`] | observe, plan, apply, follow |
//! | [`sweep`] | all secrets of the Region, in slices |
//! | [`change_budget`] | limits the changes of a sweep |
//! | [`record`] | the record, the metrics, and the answer to Lambda |
//! | [`clock`] | the time of day |
//! | [`catch_panic`] | catches panics |

#![forbid(unsafe_code)]

pub mod catch_panic;
pub mod change_budget;
pub mod clock;
pub mod deadlines;
pub mod handler;
pub mod reconcile;
pub mod record;
pub mod settings;
pub mod startup;
pub mod sweep;
