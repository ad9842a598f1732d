//! The secrets that are swept.

use secret_replicator_emulator::{Emulator, SecretSeed};

use crate::event::HOME;

/// How many there are. Every one of them wants a replica, so that none is passed over without a
/// call of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Population {
    pub(super) secrets: usize,
    /// How many have no replica. They come first, so that the writes follow one another as fast as
    /// they may.
    pub(super) drifted: usize,
}

impl Population {
    pub(super) fn settle_in(self, aws: &Emulator) {
        for index in 0..self.secrets {
            let name = format!("app/{index:06}");
            let mut seed = SecretSeed::new(HOME, name).with_tag("replicate-to", "eu-west-1");
            if index >= self.drifted {
                seed = seed.with_replica_in("eu-west-1");
            }
            aws.with(|world, now| world.seed(now, seed));
        }
    }
}
