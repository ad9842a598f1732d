//! Random faults.

use super::fault::FaultKind;

/// Adds one of several faults to a share of all calls. The same seed draws the same faults in the order
/// in which calls arrive; that order varies where callers work in parallel.
#[derive(Debug, Clone)]
pub struct Disturbance {
    random: fastrand::Rng,
    per_mille: u32,
    kinds: Vec<(FaultKind, usize)>,
}

impl Disturbance {
    /// Affects `per_mille` of a thousand calls, evenly with these kinds.
    pub fn new(
        seed: u64,
        per_mille: u32,
        kinds: impl IntoIterator<Item = FaultKind>,
    ) -> Disturbance {
        Disturbance {
            random: fastrand::Rng::with_seed(seed),
            per_mille,
            kinds: kinds.into_iter().map(|kind| (kind, 0)).collect(),
        }
    }

    pub(super) fn counts(&self) -> Vec<(FaultKind, usize)> {
        self.kinds.clone()
    }

    pub(super) fn draw(&mut self) -> Option<FaultKind> {
        if self.random.u32(0..1000) >= self.per_mille {
            return None;
        }
        let (kind, count) = self.random.choice(&mut self.kinds)?;
        *count += 1;
        Some(kind.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64, per_mille: u32) -> Vec<Option<FaultKind>> {
        let kinds = [
            FaultKind::Throttle,
            FaultKind::answer(500, "InternalServiceError", ""),
        ];
        let mut disturbance = Disturbance::new(seed, per_mille, kinds);
        let drawn: Vec<_> = (0..10_000).map(|_| disturbance.draw()).collect();
        let counted: usize = disturbance.counts().iter().map(|(_, count)| count).sum();
        assert_eq!(counted, drawn.iter().flatten().count());
        drawn
    }

    #[test]
    fn the_share_of_the_calls_that_is_asked_for_goes_wrong_in_every_way() {
        let faults = drawn(7, 50);
        let throttles = faults
            .iter()
            .flatten()
            .filter(|kind| **kind == FaultKind::Throttle);
        let throttles = throttles.count();
        let all = faults.iter().flatten().count();
        assert!((400..600).contains(&all), "{all} of 10,000");
        assert!((150..350).contains(&throttles), "{throttles} of {all}");
        assert!(drawn(7, 0).iter().all(Option::is_none));
        assert!(drawn(7, 1000).iter().all(Option::is_some));
    }

    #[test]
    fn a_seed_repeats_its_faults() {
        assert_eq!(drawn(1, 50), drawn(1, 50));
        assert_ne!(drawn(1, 50), drawn(2, 50));
    }
}
