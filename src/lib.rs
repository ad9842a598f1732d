//! The Lambda function: replicates AWS Secrets Manager secrets by a tag-based policy.
//!
//! An event only triggers a reconciliation. Decisions rest on `DescribeSecret`, never on the event. Data
//! flows in one direction:
//!
//! ```text
//! event (JSON) ─► request ─► observe ─► policy ─► plan ─► apply ─► follow ─► record
//!                 parse      Describe   pure      pure    writes   poll      one per secret:
//!                                                                            log line, metrics, response
//! ```
//!
//! `secret-replicator-core` contains the pure code, and `secret-replicator-aws` the calls to Secrets
//! Manager. This crate contains the code that needs AWS, time, or the environment:
//!
//! | module | content |
//! |---|---|
//! | [`startup`] | log setup, and the lines of the start |
//! | [`settings`] | the environment, read and validated once |
//! | [`handler`] | one invocation, from event to response |
//! | [`misconfigured`] | the same with invalid settings |
//! | [`deadlines`] | the deadlines of an invocation |
//! | [`reconcile`] | observe, plan, apply, follow |
//! | [`deployment`] | the answer to CloudFormation, which checks a deployment |
//! | [`sweep`] | all secrets of the Region, in slices |
//! | [`failover`] | drills and promotions of the replicas in the function's Region |
//! | [`change_budget`] | limits the changes of a sweep |
//! | [`record`] | the record, the metrics, and the response to Lambda |
//! | [`clock`] | the wall clock |
//! | [`catch_panic`] | panics as errors |

#![forbid(unsafe_code)]

pub mod catch_panic;
pub mod change_budget;
pub mod clock;
pub mod deadlines;
pub mod deployment;
pub mod failover;
pub mod handler;
mod invocation;
pub mod misconfigured;
pub mod reconcile;
pub mod record;
pub mod settings;
pub mod startup;
pub mod sweep;
