//! Plays many worlds, and shrinks a scenario in which an invariant does not hold.

use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use proptest::strategy::ValueTree;

use crate::check::{self, Violation};
use crate::generate;
use crate::scenario::Scenario;
use crate::story::{self, Played};
use crate::tally::Tally;

/// The most scenarios that are tried while shrinking.
const MOST_STEPS: u32 = 4000;

/// A scenario in which an invariant does not hold.
#[derive(Debug)]
pub struct Failure {
    /// The seed that it comes from.
    pub seed: u64,
    /// The violations in the seed's own scenario.
    pub first: Vec<Violation>,
    /// The smallest scenario that was found in which the same invariant does not hold.
    pub scenario: Scenario,
    /// The violations in the smallest scenario.
    pub violations: Vec<Violation>,
}

/// Plays the scenario of a seed.
#[must_use]
pub fn play(seed: u64) -> (Scenario, Played) {
    let scenario = generate::tree(seed).current();
    let played = story::play(&scenario);
    (scenario, played)
}

/// Plays the scenarios of these seeds on this many threads, and counts. Calls `tell` for each seed
/// with violations.
///
/// # Panics
/// If anything but the function panics.
pub fn soak(
    seeds: Range<u64>,
    threads: NonZero<usize>,
    tell: impl Fn(u64, &[Violation]) + Sync,
) -> Tally {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let mut tally = Tally::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return tally;
            }
            let (scenario, played) = play(seed);
            tally.count(&scenario, &played);
            let violations = check::violations(&scenario, &played);
            if !violations.is_empty() {
                tally.violations += 1;
                tell(seed, &violations);
            }
        }
    };
    let mut sum = Tally::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.get()).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            sum.add(&worker.join().expect("no panic outside the function"));
        }
    });
    sum
}

/// Plays a scenario and returns its violations.
#[must_use]
pub fn violations(scenario: &Scenario) -> Vec<Violation> {
    check::violations(scenario, &story::play(scenario))
}

/// Returns the smallest scenario found that violates the same invariant as the seed's scenario.
/// `None` if that one has no violation.
#[must_use]
pub fn shrink(seed: u64) -> Option<Failure> {
    let mut tree = generate::tree(seed);
    let first = violations(&tree.current());
    let invariant = first.first()?.invariant;
    let mut smallest = (tree.current(), first.clone());
    let fails = |violations: &[Violation]| {
        violations
            .iter()
            .any(|violation| violation.invariant == invariant)
    };
    let mut is_failing = true;
    for _ in 0..MOST_STEPS {
        let moved = if is_failing {
            tree.simplify()
        } else {
            tree.complicate()
        };
        if !moved {
            break;
        }
        let scenario = tree.current();
        let violations = violations(&scenario);
        is_failing = fails(&violations);
        if is_failing {
            smallest = (scenario, violations);
        }
    }
    let (scenario, violations) = smallest;
    Some(Failure {
        seed,
        first,
        scenario,
        violations,
    })
}
