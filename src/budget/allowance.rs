use std::sync::atomic::{AtomicU64, Ordering};

/// How many replicas may still be made, made again or removed.
#[derive(Debug)]
pub struct Allowance {
    most: u64,
    used: AtomicU64,
}

impl Allowance {
    /// So many.
    #[must_use]
    pub fn of(most: u64) -> Self {
        Self {
            most,
            used: AtomicU64::new(0),
        }
    }

    /// As many as are wanted.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::of(u64::MAX)
    }

    /// Takes so many, if there are as many: all or none.
    pub fn take(&self, changes: usize) -> bool {
        let changes = u64::try_from(changes).unwrap_or(u64::MAX);
        let take = |used: u64| used.checked_add(changes).filter(|used| *used <= self.most);
        self.used
            .try_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }

    /// How many were taken.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_taken_all_or_none_until_they_are_used_up() {
        let allowance = Allowance::of(3);
        assert!(allowance.take(2));
        assert!(!allowance.take(2));
        assert!(allowance.take(1));
        assert!(allowance.take(0));
        assert!(!allowance.take(1));
        assert_eq!(allowance.used(), 3);
    }
}
