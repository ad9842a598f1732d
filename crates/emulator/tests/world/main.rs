//! The Secrets Manager state machine with the tests' clock. `tests/independent/conformance.yaml`
//! has further cases, with the evidence for AWS's behavior.

mod access;
mod consistency;
mod deletion;
mod known_replicas;
mod listing;
mod outage;
mod random_reads;
mod refusals;
mod replication;
mod roles;
mod secrets;
mod series;
mod status_lag;
mod support;
mod versions;
