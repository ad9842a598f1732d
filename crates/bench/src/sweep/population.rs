//! The secrets of a sweep.

use secret_replicator_emulator::{Emulator, SecretSeed};

use crate::event::REGION;

/// The number of secrets. The policy covers all of them, so each needs a call of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Population {
    pub(super) secrets: usize,
    /// The number of secrets without a replica. They come first, so that the writes reach the
    /// allowed rate.
    pub(super) drifted: usize,
}

impl Population {
    pub(super) fn create(self, aws: &Emulator) {
        for index in 0..self.secrets {
            let name = format!("app/{index:06}");
            let mut seed = SecretSeed::new(REGION, name).with_tag("replicate-to", "eu-west-1");
            if index >= self.drifted {
                seed = seed.with_replica_in("eu-west-1");
            }
            aws.with(|world, now| world.seed(now, seed));
        }
    }
}
