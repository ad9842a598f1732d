//! The prices of the table in `docs/DEPLOY.md`, which has their sources and dates.

use std::time::Duration;

use anyhow::Context;

const GUIDE: &str = include_str!("../../../docs/DEPLOY.md");

/// Prices in USD.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prices {
    /// One secret or replica per month.
    secret: f64,
    /// One call of Secrets Manager.
    call: f64,
    /// One GB-second of Lambda.
    gb_second: f64,
    /// One invocation.
    request: f64,
}

impl Prices {
    pub(crate) fn read() -> anyhow::Result<Prices> {
        Ok(Prices {
            secret: price("a secret or a replica, per month")?,
            call: price("10,000 Secrets Manager calls")? / 1e4,
            gb_second: price("a Lambda GB-second on arm64")?,
            request: price("1,000,000 Lambda requests")? / 1e6,
        })
    }

    /// Returns the price of secrets or replicas for a month.
    pub(crate) fn secrets(&self, secrets: f64) -> f64 {
        secrets * self.secret
    }

    /// Returns the price of calls of Secrets Manager.
    pub(crate) fn calls(&self, calls: f64) -> f64 {
        calls * self.call
    }

    /// Returns the price of invocations of a function with this memory that take this time together.
    pub(crate) fn lambda(&self, memory_mb: u32, time: Duration, invocations: f64) -> f64 {
        let gb_seconds = f64::from(memory_mb) / 1024.0 * time.as_secs_f64();
        gb_seconds * self.gb_second + invocations * self.request
    }
}

/// Returns the price in the row that begins with this text.
fn price(item: &str) -> anyhow::Result<f64> {
    let mut rows = GUIDE.lines().map(|line| line.split('|').map(str::trim));
    let row = rows.find(|row| {
        row.clone()
            .nth(1)
            .is_some_and(|cell| cell.starts_with(item))
    });
    let cell = row.and_then(|mut row| row.nth(2));
    let cell = cell.with_context(|| format!("docs/DEPLOY.md has no price of {item}"))?;
    cell.parse()
        .with_context(|| format!("the price of {item} in docs/DEPLOY.md is not a number: {cell}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deployment_guide_has_the_prices() {
        let prices = Prices::read().unwrap();
        let cents = |usd: f64| (usd * 100.0).round();
        assert!((cents(prices.calls(1e6)) - 500.0).abs() < f64::EPSILON);
        assert!((cents(prices.secrets(1000.0)) - 40_000.0).abs() < f64::EPSILON);
        let day = Duration::from_hours(24);
        let expected = 86_400.0 * 0.5 * prices.gb_second + 0.2;
        assert!((prices.lambda(512, day, 1e6) - expected).abs() < 1e-9);
        assert!(price("a unicorn").is_err());
    }
}
