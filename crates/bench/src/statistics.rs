//! Quantiles.

use serde::Serialize;

/// The summary of a sample, in the unit of the field that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) lower_quartile: f64,
    pub(crate) median: f64,
    pub(crate) upper_quartile: f64,
    pub(crate) p99: f64,
}

impl Summary {
    /// Summarizes a sample, which must not be empty.
    pub(crate) fn of(sample: &[f64]) -> anyhow::Result<Summary> {
        anyhow::ensure!(!sample.is_empty(), "the sample must not be empty");
        let mut sorted = sample.to_vec();
        sorted.sort_by(f64::total_cmp);
        Ok(Summary {
            lower_quartile: quantile(&sorted, 25),
            median: quantile(&sorted, 50),
            upper_quartile: quantile(&sorted, 75),
            p99: quantile(&sorted, 99),
        })
    }
}

/// Returns a quantile by the nearest rank.
fn quantile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_of_the_sample() {
        let sample: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        let summary = Summary::of(&sample).unwrap();
        let quartiles = (summary.lower_quartile, summary.upper_quartile);
        assert_eq!((summary.median, quartiles), (100.0, (50.0, 150.0)));
        assert!((summary.p99 - 198.0).abs() < f64::EPSILON);
        assert_eq!(Summary::of(&[7.0]).unwrap().p99.to_bits(), 7f64.to_bits());
        assert!(Summary::of(&[]).is_err());
    }
}
