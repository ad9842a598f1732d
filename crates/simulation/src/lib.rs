//! Random worlds for secret-replicator.
//!
//! A *world* consists of the function with the real AWS SDK client, the emulated Secrets Manager, and
//! everything that happens there: owners create, tag and delete secrets, events are lost, late or
//! delivered twice, reads lag and go back in time, AWS calls fail, invocations are killed, and sweeps run at the
//! end. Time is
//! simulated. After each world, the checks compare every call, every record and the final state with
//! the invariants of `docs/RELIABILITY.md`.
//!
//! A *seed* is a number from which `generate` derives a world. The same seed always gives the same
//! world, to the last call.
//!
//! `make soak SEED=7` replays a world. If the world fails, it prints the violations, looks for a smaller
//! world with the same violation, and writes that one to `target/simulation/7.json`. `soak --scenario
//! PATH` replays such a file. `FAILOVER=1` adds a failover to each world. Worlds that found a bug are kept in
//! `scenarios/`, and a test plays them.
//!
//! | module | content |
//! |---|---|
//! | `scenario` | a world and everything that happens in it, as plain data |
//! | `generate` | random scenarios, each from a seed |
//! | `run` | plays a scenario: the storm, and two sweeps |
//! | `actors` | what owners and AWS do |
//! | `events` | the events that report it |
//! | `replica_events` | the native events about replicas |
//! | `outages` | seconds and minutes in which AWS or one Region fails |
//! | `lambda` | sandboxes, retries, the failure queue |
//! | `connector` | the SDK's connection to the emulator in the same process |
//! | `clock` | simulated time |
//! | `journal` | everything that was observed of the function |
//! | `truth` | every state of the world, to compare records and reads with |
//! | `check` | the invariants |
//! | `blockers` | why a wanted replica cannot be in sync |
//! | `interleavings` | which dangerous interleavings a world contained |
//! | `tally` | counts of what was simulated |
//! | [`soak`] | plays many worlds, and shrinks one that fails |
//! | [`burst`] | sends ten thousand events at once to the real process, in real time |
//!
//! The expected replicas come from the second implementation of the policy language,
//! `secret-replicator-reference-policy`, not from the function.

pub mod burst;
pub mod soak;

mod actors;
mod blockers;
mod check;
mod clock;
mod connector;
mod events;
mod generate;
mod interleavings;
mod journal;
mod lambda;
mod outages;
mod replica_events;
mod run;
mod scenario;
mod tally;
mod truth;

#[cfg(test)]
mod tests;
