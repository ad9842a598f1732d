//! The Secrets Manager state machine, driven by a time of the tests' own.

mod access;
mod consistency;
mod deletion;
mod known_replicas;
mod listing;
mod refusals;
mod replication;
mod secrets;
mod status_lag;
mod support;
