//! Random faults.

use super::fault::FaultKind;

/// Adds random faults to a share of all calls. A seed draws the same faults in the order in which
/// calls arrive. This order varies if callers work in parallel.
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

    #[test]
    fn a_seed_repeats_its_faults_and_affects_the_requested_share_with_every_kind() {
        let drawn = |seed, per_mille| {
            let kinds = [
                FaultKind::Throttle,
                FaultKind::answer(500, "InternalServiceError", ""),
            ];
            let mut disturbance = Disturbance::new(seed, per_mille, kinds);
            let drawn: Vec<_> = (0..10_000).map(|_| disturbance.draw()).collect();
            (drawn, disturbance.counts())
        };
        let (faults, counts) = drawn(7, 50);
        let all = faults.iter().flatten().count();
        assert!((400..600).contains(&all), "{all} of 10,000");
        assert_eq!(counts[0].1 + counts[1].1, all);
        assert!((150..350).contains(&counts[0].1), "{counts:?}");
        assert_eq!(drawn(7, 50).0, faults);
        assert_ne!(drawn(8, 50).0, faults);
        assert!(drawn(7, 0).0.iter().all(Option::is_none));
        assert!(drawn(7, 1000).0.iter().all(Option::is_some));
    }
}
