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

/// How many symbols of patterns a unit is enough for.
const SYMBOLS_OF_A_UNIT: usize = 16;

impl Effort {
    pub(super) fn new() -> Self {
        Self::of(MOST)
    }

    pub(super) fn of(units: usize) -> Self {
        Self(Cell::new(units))
    }

    /// Spends some. `false` if not as much is left.
    pub(super) fn spend(&self, units: usize) -> bool {
        let left = self.0.get().checked_sub(units);
        self.0.set(left.unwrap_or_default());
        left.is_some()
    }

    /// Spends what one step of a comparison takes that goes through so many symbols of patterns.
    pub(super) fn spend_on_symbols(&self, symbols: usize) -> bool {
        self.spend(1 + symbols / SYMBOLS_OF_A_UNIT)
    }

    pub(super) fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effort_is_spent_once() {
        let effort = Effort::of(3);
        assert!(effort.spend(2));
        assert!(!effort.is_spent());
        assert!(effort.spend(1));
        assert!(effort.is_spent());
        assert!(!effort.spend(1));
    }

    #[test]
    fn more_than_is_left_is_not_spent_and_ends_the_rest() {
        let effort = Effort::of(3);
        assert!(!effort.spend(4));
        assert!(effort.is_spent());
    }

    #[test]
    fn a_step_through_more_symbols_takes_more() {
        for (symbols, units) in [(0, 1), (15, 1), (16, 2), (160, 11)] {
            let effort = Effort::of(units);
            assert!(
                effort.spend_on_symbols(symbols) && effort.is_spent(),
                "{symbols}"
            );
        }
    }
}
