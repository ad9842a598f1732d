//! What the figures should be, and which of them are.

use super::Table;
use super::tables::significant;
use crate::contender::{Contender, Transport};
use crate::results::{EventResult, Results, SweepResult, number};

/// What a figure should be, and what it is.
struct Target {
    figure: &'static str,
    limit: Limit,
    measured: f64,
}

#[derive(Clone, Copy)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    fn new(figure: &'static str, limit: Limit, measured: f64) -> Target {
        Target {
            figure,
            limit,
            measured,
        }
    }

    fn at_most(figure: &'static str, most: f64, measured: f64) -> Target {
        Target::new(figure, Limit::AtMost(most), measured)
    }

    fn at_least(figure: &'static str, least: f64, measured: f64) -> Target {
        Target::new(figure, Limit::AtLeast(least), measured)
    }

    fn is_met(&self) -> bool {
        match self.limit {
            Limit::AtMost(most) => self.measured <= most,
            Limit::AtLeast(least) => self.measured >= least,
        }
    }
}

/// Whatever was measured of the targets.
pub(super) fn table(results: &Results) -> Option<Table> {
    let machine = &results.events.as_ref()?.machine;
    let mut table = Table::new(
        "Targets",
        machine,
        &["", "target", "measured", "met"],
        "What takes an event's time is the SDK, which signs, speaks HTTP and allocates, and the kernel: \
         the *bare SDK* below, which makes the same calls and does nothing else, needs nearly as long, \
         and the profile shows how few of the instructions are the function's own. What takes room in \
         memory and package is the SDK's code, too. HTTPS is measured with a file of 141 roots, of which \
         the function in Lambda reads none.",
    );
    let events = events(results).into_iter().flatten();
    let against_python = against_python(results).into_iter().flatten();
    let targets = events.chain(against_python).chain(sizes(results));
    for target in targets.chain(sweeps(results)) {
        let (sign, bound) = match target.limit {
            Limit::AtMost(most) => ("≤", most),
            Limit::AtLeast(least) => ("≥", least),
        };
        table.add([
            target.figure.to_owned(),
            format!("{sign} {bound}"),
            significant(target.measured),
            if target.is_met() { "yes" } else { "**no**" }.to_owned(),
        ]);
    }
    Some(table)
}

fn events(results: &Results) -> Option<[Target; 7]> {
    let of = |contender, transport| results.event(contender, transport);
    let hello = of(Contender::HelloWorld, Transport::Http)?;
    let function = of(Contender::SecretReplicator, Transport::Http)?;
    let https = of(Contender::SecretReplicator, Transport::Https)?;
    let start = |row: &EventResult| row.cold_ms.median + row.first_ms.median;
    Some([
        Target::at_most(
            "cold start and first event, times the hello world's",
            2.0,
            start(function) / start(hello),
        ),
        Target::at_most("first event over HTTPS, ms", 4.0, https.first_ms.median),
        Target::at_most(
            "warm event with two calls, ms",
            0.25,
            function.write_ms.median,
        ),
        Target::at_most(
            "p99 of such an event, times its p50",
            2.0,
            function.write_ms.p99 / function.write_ms.median,
        ),
        Target::at_most(
            "calls of an event with nothing to do",
            1.0,
            function.unchanged_calls,
        ),
        Target::at_most("calls of an event with a write", 2.0, function.write_calls),
        Target::at_most(
            "peak RSS of events, MiB",
            8.0,
            function.peak_memory_mib.median,
        ),
    ])
}

fn against_python(results: &Results) -> Option<[Target; 3]> {
    let of = |contender| results.event(contender, Transport::Http);
    let python = of(Contender::Python)?;
    let function = of(Contender::SecretReplicator)?;
    Some([
        Target::at_least(
            "Python's cold start, times the function's",
            60.0,
            python.cold_ms.median / function.cold_ms.median,
        ),
        Target::at_least(
            "Python's warm event, times the function's",
            8.0,
            python.write_ms.median / function.write_ms.median,
        ),
        Target::at_least(
            "Python's memory, times the function's",
            5.0,
            python.peak_memory_mib.median / function.peak_memory_mib.median,
        ),
    ])
}

fn sizes(results: &Results) -> Option<Target> {
    let mut rows = results.sizes.as_ref()?.rows.iter();
    let function = rows.find(|row| row.contender == Contender::SecretReplicator)?;
    let bytes = usize::try_from(function.zip_bytes).ok()?;
    Some(Target::at_most("zip, MB", 3.0, number(bytes) / 1e6))
}

fn sweeps(results: &Results) -> Vec<Target> {
    let rows = results.sweep.iter().flat_map(|part| &part.rows);
    let rows: Vec<&SweepResult> = rows
        .filter(|row| row.contender == Contender::SecretReplicator)
        .collect();
    let (Some(smallest), Some(largest)) = (rows.first(), rows.last()) else {
        return Vec::new();
    };
    let memory = rows.iter().map(|row| row.peak_memory_mib);
    let throttles = rows.iter().map(|row| row.throttles).sum();
    vec![
        Target::at_least(
            "unchanged secrets a second, in the largest sweep",
            2000.0,
            largest.secrets_per_second(),
        ),
        Target::at_most(
            "time for a secret of the largest sweep, times the smallest one's",
            1.0,
            smallest.secrets_per_second() / largest.secrets_per_second(),
        ),
        Target::at_least(
            "writes, % of the allowed rate",
            95.0,
            100.0 * largest.write_rate / largest.allowed_rate,
        ),
        Target::at_most("throttles", 0.0, number(throttles)),
        Target::at_most(
            "peak RSS of any sweep, MiB",
            24.0,
            memory.fold(0.0, f64::max),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_up_to_its_limit() {
        assert!(Target::at_most("", 2.0, 2.0).is_met());
        assert!(!Target::at_most("", 2.0, 2.01).is_met());
        assert!(Target::at_least("", 8.0, 8.0).is_met());
        assert!(!Target::at_least("", 8.0, 7.99).is_met());
    }
}
