//! Suffixes and version IDs, which are the same in every run.

use super::World;

impl World {
    pub(super) fn next_number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Returns six characters that differ between secrets and are the same in every run.
    pub(super) fn new_suffix(&mut self, region: &str, name: &str) -> String {
        suffix(region, name, self.next_number())
    }

    /// Returns an ID in the form of a UUID.
    pub(super) fn new_version_id(&mut self) -> String {
        version_id(self.next_number())
    }
}

/// Returns the suffix of the secret that takes this number of the world's counter.
pub(super) fn suffix(region: &str, name: &str, number: u64) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut hash = fnv(format!("{region}/{name}/{number}").as_bytes());
    let mut character = || {
        let index = usize::try_from(hash % 62).unwrap_or_default();
        hash /= 62;
        char::from(ALPHABET[index])
    };
    (0..6).map(|_| character()).collect()
}

/// Returns the ID of the version that takes this number of the world's counter.
pub(super) fn version_id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// The FNV-1a hash.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
