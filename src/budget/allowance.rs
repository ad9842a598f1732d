use std::sync::{Mutex, PoisonError};

/// How many replicas may still be added or removed.
#[derive(Debug)]
pub struct Allowance {
    most: u64,
    used: Mutex<u64>,
}

impl Allowance {
    /// So many.
    #[must_use]
    pub fn of(most: u64) -> Self {
        Self {
            most,
            used: Mutex::new(0),
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
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let after = used
            .checked_add(changes)
            .filter(|after| *after <= self.most);
        *used = after.unwrap_or(*used);
        after.is_some()
    }

    /// How many were taken.
    #[must_use]
    pub fn used(&self) -> u64 {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
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
