use std::cell::Cell;

/// How much may still be spent on comparing patterns.
///
/// A policy is checked when the function starts, on a fraction of a processor, so the comparisons of
/// many rules end after a fixed effort, whatever the policy: they find doubts, and never more than
/// those of their kind that they get to.
#[derive(Debug)]
pub(super) struct Effort(Cell<usize>);

/// Enough for every pair of more than a hundred rules. It is spent in two milliseconds.
const MOST: usize = 30_000;

impl Effort {
    pub(super) fn new() -> Self {
        Self(Cell::new(MOST))
    }

    /// Spends some. `false` if not as much is left.
    pub(super) fn spend(&self, units: usize) -> bool {
        let left = self.0.get().checked_sub(units);
        self.0.set(left.unwrap_or_default());
        left.is_some()
    }

    pub(super) fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}
