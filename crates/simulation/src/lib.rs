//! Random worlds for secret-replicator: the function itself, with the real AWS SDK, in simulated
//! time, against the emulated Secrets Manager, while owners and AWS do what owners and AWS do.
//!
//! | module | what it is |
//! |---|---|
//! | [`scenario`] | a world and everything that happens in it, as plain data |
//! | [`generate`] | random scenarios, each from a seed |
//! | [`clock`] | simulated time |
//! | [`connector`] | the SDK's connection to the emulator, in the same process |
//! | [`journal`] | every call and every record |
//! | [`lambda`] | sandboxes, retries, the failure queue |
//! | [`story`] | plays a scenario from its beginning to the sweeps at its end |
//! | [`check`] | what must hold afterwards |
//! | [`soak`] | many worlds, and what to do with one in which something does not hold |
//! | [`tally`] | what was simulated, in numbers |
//! | [`keep`] | results and scenarios as files |
//! | [`model`] | beside the simulation: every order of events of a small world |
//!
//! What is wanted for a secret is taken from the naive second implementation of the policy language
//! that the function's own tests compare it with.

pub mod check;
pub mod clock;
pub mod connector;
pub mod generate;
pub mod journal;
pub mod keep;
pub mod lambda;
pub mod model;
pub mod owner;
pub mod scenario;
pub mod soak;
pub mod story;
pub mod tally;

#[cfg(test)]
mod tests;
