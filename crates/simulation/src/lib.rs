//! Random worlds for secret-replicator.
//!
//! A *world* is the function itself with the real AWS SDK client, the emulated Secrets Manager, and
//! everything that happens there: owners who create, tag and delete secrets, events that are lost,
//! late or delivered twice, AWS calls that fail, invocations that are killed, and two sweeps at the
//! end. Time is simulated. After each world, [`check`] compares every call, every record and the
//! final state with the invariants of `docs/RELIABILITY.md`.
//!
//! A *seed* is a number from which [`generate`] derives a world. The same seed always gives the same
//! world, to the last call.
//!
//! To replay a world that failed: `make soak SEED=7`. It prints the violations, looks for a smaller
//! world with the same violation, and writes that world to `target/simulation/7.json`. `soak
//! --scenario PATH` plays such a file again. A world that found a mistake is kept in `scenarios/`,
//! which a test plays.
//!
//! | module | content |
//! |---|---|
//! | [`scenario`] | a world and everything that happens in it, as plain data |
//! | [`generate`] | random scenarios, each from a seed |
//! | [`clock`] | simulated time |
//! | [`connector`] | the SDK's connection to the emulator, in the same process |
//! | [`stale`] | reads that lag behind writes |
//! | [`journal`] | every call and every record |
//! | [`lambda`] | sandboxes, retries, the failure queue |
//! | [`owner`] | what owners do, and the events that report it |
//! | [`story`] | plays a scenario from its beginning to the sweeps at its end |
//! | [`check`] | the invariants |
//! | [`hindrance`] | why a wanted replica cannot be in sync, by what is true in the world |
//! | [`encounters`] | which dangerous interleavings a world contained |
//! | [`soak`] | plays many worlds, and shrinks one that fails |
//! | [`tally`] | what was simulated, in numbers |
//! | [`keep`] | scenarios as files |
//! | [`burst`] | apart from the worlds: ten thousand events at once for the real process, in real time |
//!
//! The expected replicas come from the second implementation of the policy language,
//! `secret-replicator-reference-policy`, not from the function.

pub mod burst;
pub mod check;
pub mod clock;
pub mod connector;
pub mod encounters;
pub mod generate;
pub mod hindrance;
pub mod journal;
pub mod keep;
pub mod lambda;
pub mod owner;
pub mod scenario;
pub mod soak;
pub mod stale;
pub mod story;
pub mod tally;

#[cfg(test)]
mod tests;
