//! The prices of docs/DEPLOY.md, section "Cost", and the monthly cost of replicas and sweeps.

use serde::Serialize;

/// USD per month for a secret or a replica.
const SECRET: f64 = 0.40;

/// USD for 10,000 calls of Secrets Manager.
const TEN_THOUSAND_CALLS: f64 = 0.05;

/// The quick sweeps of a month, one per hour.
const QUICK_SWEEPS: f64 = 730.0;

/// The thorough sweeps of a month, one per day.
const THOROUGH_SWEEPS: f64 = 30.0;

/// The secrets on a page of `ListSecrets`.
const PAGE: f64 = 100.0;

/// The sweeps of one primary Region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Swept {
    /// The secrets of the lists.
    pub(crate) listed: u64,
    /// The covered secrets.
    pub(crate) covered: u64,
    /// The replica Regions whose lists a quick sweep compares.
    pub(crate) regions: u64,
}

impl Swept {
    /// Returns the calls of a month.
    fn calls(self) -> f64 {
        let pages = float(self.listed) / PAGE;
        let lists = 1.0 + float(self.regions);
        QUICK_SWEEPS * lists * pages + THOROUGH_SWEEPS * (float(self.covered) + pages)
    }
}

/// The monthly cost in USD, in us-east-1 without free tiers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Cost {
    /// The replicas of covered secrets today.
    pub(crate) replicas_today: u64,
    /// The replicas of covered secrets after the changes.
    pub(crate) replicas_after: u64,
    /// USD for the replicas today.
    pub(crate) today: f64,
    /// USD for the replicas after the changes.
    pub(crate) after: f64,
    /// The difference.
    pub(crate) difference: f64,
    /// USD for the calls of the function's sweeps.
    pub(crate) sweeps: f64,
}

impl Cost {
    /// Returns the cost of these replicas and sweeps.
    pub(crate) fn new(
        replicas_today: u64,
        replicas_after: u64,
        swept: impl Iterator<Item = Swept>,
    ) -> Self {
        let today = float(replicas_today) * SECRET;
        let after = float(replicas_after) * SECRET;
        // The sum of no numbers is -0.0.
        let calls = 0.0 + swept.map(Swept::calls).sum::<f64>();
        Self {
            replicas_today,
            replicas_after,
            today: cents(today),
            after: cents(after),
            difference: cents(after - today),
            sweeps: cents(calls / 10_000.0 * TEN_THOUSAND_CALLS),
        }
    }
}

fn cents(usd: f64) -> f64 {
    (usd * 100.0).round() / 100.0
}

#[expect(
    clippy::cast_precision_loss,
    reason = "there are fewer than 2^52 secrets"
)]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE_OF_PRICES: &str = include_str!("../../../docs/DEPLOY.md");

    /// Returns the last cell of the table row that begins with a text.
    fn price(row: &str, column: usize) -> f64 {
        let mut lines = PAGE_OF_PRICES.lines();
        let line = lines.find(|line| line.starts_with(row)).unwrap();
        let cell = line.split('|').nth(column).unwrap();
        cell.trim().replace(',', "").parse().unwrap()
    }

    fn is_equal(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-9
    }

    #[test]
    fn the_prices_are_those_of_the_documentation() {
        assert!(is_equal(
            price("| a secret or a replica, per month", 2),
            SECRET
        ));
        assert!(is_equal(
            price("| 10,000 Secrets Manager calls", 2),
            TEN_THOUSAND_CALLS
        ));
    }

    #[test]
    fn the_costs_are_those_of_the_documented_example() {
        let swept = |secrets| Swept {
            listed: secrets,
            covered: secrets,
            regions: 2,
        };
        let nothing = Cost::new(0, 0, std::iter::empty());
        assert_eq!(format!("{:.2}", nothing.sweeps), "0.00");
        let cost = Cost::new(0, 2000, [swept(1000)].into_iter());
        assert!(is_equal(cost.after, price("| **replicas**", 3)));
        assert!(is_equal(cost.difference, cost.after) && is_equal(cost.today, 0.0));
        for (row, secrets) in [
            ("| 1,000 ", 1000),
            ("| 100,000 | 5", 100_000),
            ("| 500,000 ", 500_000),
        ] {
            let cost = Cost::new(0, 0, [swept(secrets)].into_iter());
            assert!(is_equal(cost.sweeps, price(row, 3)), "{row}: {cost:?}");
        }
    }
}
