//! The tables: columns and number formats.

use super::Table;
use crate::contender::Contender;
use crate::results::{
    EventResult, InstructionsResult, Part, PolicyResult, Results, SizeResult, SweepResult,
};
use crate::server::Transport;
use crate::statistics::Summary;

/// Returns the tables of the measured parts.
pub(super) fn all(results: &Results) -> Vec<Table> {
    let tables = [
        results.events.as_ref().map(events),
        results.events.as_ref().map(|part| ratios(results, part)),
        results.instructions.as_ref().map(instructions),
        results.sizes.as_ref().map(sizes),
        results.sweep.as_ref().map(sweep),
        results.policy.as_ref().map(policy),
    ];
    tables.into_iter().flatten().collect()
}

/// Names the contender, and its transport if it has several.
pub(super) fn name(contender: Contender, transport: Transport) -> String {
    match contender {
        Contender::HelloWorld => contender.to_string(),
        _ => format!("{contender}, {}", transport.scheme().to_uppercase()),
    }
}

fn events(part: &Part<EventResult>) -> Table {
    let mut table = Table::new(
        "Start and events",
        &part.machine,
        &[
            "",
            "cold ms",
            "first event ms",
            "unchanged p50 ms",
            "p99",
            "calls",
            "write p50 ms",
            "p99",
            "calls",
            "CPU ms",
            "kernel",
            "peak RSS MiB",
            "heap and stack",
        ],
        "Median (quartiles). *Cold* is the time from the start of the process to its request for the first \
         event. *First event* writes. Warm events alternate: *unchanged* needs no write, *write* \
         needs one. *Calls* are calls to Secrets Manager per event, counted by the server. The hello \
         world makes none. *CPU* is the processor time of a warm event, the mean of both kinds; \
         *kernel* is the kernel's share of it, if there are enough samples. *Heap and stack* is memory \
         that is not backed by a file; the rest is code, which the kernel loads in blocks.",
    );
    for row in &part.rows {
        table.add([
            name(row.contender, row.transport),
            spread(&row.cold_ms),
            spread(&row.first_ms),
            spread(&row.unchanged_ms),
            significant(row.unchanged_ms.p99),
            significant(row.unchanged_calls),
            spread(&row.write_ms),
            significant(row.write_ms.p99),
            significant(row.write_calls),
            significant(row.cpu_ms),
            row.system_share
                .map_or_else(String::new, |share| format!("{:.0} %", share * 100.0)),
            significant(row.peak_memory_mib.median),
            significant(row.anonymous_memory_mib.median),
        ]);
    }
    table
}

/// A contender over a transport.
type Row = (Contender, Transport);

const PAIRS: [(Row, Row); 5] = {
    use Contender::{BareSdk, HelloWorld, Python, SecretReplicator};
    use Transport::{Http, Https};
    [
        ((HelloWorld, Http), (SecretReplicator, Http)),
        ((SecretReplicator, Http), (SecretReplicator, Https)),
        ((BareSdk, Https), (SecretReplicator, Https)),
        ((SecretReplicator, Http), (Python, Http)),
        ((SecretReplicator, Https), (Python, Https)),
    ]
};

fn ratios(results: &Results, part: &Part<EventResult>) -> Table {
    let mut table = Table::new(
        "Ratios of the medians in the same run",
        &part.machine,
        &[
            "",
            "cold",
            "cold + first event",
            "warm unchanged",
            "warm write",
            "peak RSS",
        ],
        "The value of the second contender divided by the value of the first.",
    );
    for (first, second) in PAIRS {
        let rows = (
            results.event(first.0, first.1),
            results.event(second.0, second.1),
        );
        let (Some(base), Some(other)) = rows else {
            continue;
        };
        let times = |figure: fn(&EventResult) -> f64| {
            format!("{} ×", significant(figure(other) / figure(base)))
        };
        table.add([
            format!("{} → {}", name(first.0, first.1), name(second.0, second.1)),
            times(|row| row.cold_ms.median),
            times(|row| row.cold_ms.median + row.first_ms.median),
            times(|row| row.unchanged_ms.median),
            times(|row| row.write_ms.median),
            times(|row| row.peak_memory_mib.median),
        ]);
    }
    table
}

fn instructions(part: &Part<InstructionsResult>) -> Table {
    let mut table = Table::new(
        "Instructions until the first event",
        &part.machine,
        &["", "millions"],
        "Counted by callgrind, without the kernel.",
    );
    for row in &part.rows {
        let instructions = format!(
            "{}.{:06}",
            row.instructions / MILLION,
            row.instructions % MILLION
        );
        let millions = &instructions[..instructions.len() - 4];
        table.add([row.contender.to_string(), millions.to_owned()]);
    }
    table
}

const MILLION: u64 = 1_000_000;

fn sizes(part: &Part<SizeResult>) -> Table {
    let mut table = Table::new(
        "Size",
        &part.machine,
        &["", "MB", "zip MB"],
        "The `bootstrap`; for Python its packages, most of which Lambda's Python runtime includes.",
    );
    for row in &part.rows {
        table.add([
            row.contender.to_string(),
            megabytes(row.bytes),
            megabytes(row.zip_bytes),
        ]);
    }
    table
}

fn sweep(part: &Part<SweepResult>) -> Table {
    let mut table = Table::new(
        "Sweep",
        &part.machine,
        &[
            "",
            "secrets",
            "unchanged s",
            "secrets/s",
            "calls",
            "writes",
            "writes/s",
            "of the allowed",
            "throttles",
            "peak RSS MiB",
        ],
        "On the emulated AWS, with a quota of 50 writes per second and 20 ms per call. The policy covers \
         every secret, so each needs a `DescribeSecret`. The first sweep writes the \
         missing replicas, at most 45 per second; *writes/s* is the rate between the first write and \
         the last. The second sweep finds all secrets *unchanged*. *Python* is a sequential loop, on \
         a sample.",
    );
    for row in &part.rows {
        table.add([
            row.contender.to_string(),
            row.secrets.to_string(),
            significant(row.unchanged_seconds),
            format!("{:.0}", row.secrets_per_second()),
            row.unchanged_calls.to_string(),
            row.writes.to_string(),
            significant(row.write_rate),
            format!("{:.0} %", 100.0 * row.write_rate / row.allowed_rate),
            row.throttles.to_string(),
            significant(row.peak_memory_mib),
        ]);
    }
    table
}

fn policy(part: &Part<PolicyResult>) -> Table {
    let mut table = Table::new(
        "Policy",
        &part.machine,
        &["", "rules", "median µs", "fastest", "slowest"],
        "`cargo bench --bench policy`: *check* reads and checks a policy, once per start; *decide* \
         evaluates one secret.",
    );
    for row in &part.rows {
        table.add([
            format!("`{}`", row.function),
            row.rules.to_string(),
            significant(row.median_us),
            significant(row.fastest_us),
            significant(row.slowest_us),
        ]);
    }
    table
}

fn spread(summary: &Summary) -> String {
    format!(
        "{} ({}–{})",
        significant(summary.median),
        significant(summary.lower_quartile),
        significant(summary.upper_quartile)
    )
}

/// Formats a number with about three significant digits.
pub(super) fn significant(number: f64) -> String {
    match number.abs() {
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        size if size >= 1.0 => format!("{number:.2}"),
        _ => format!("{number:.3}"),
    }
}

fn megabytes(bytes: u64) -> String {
    let hundredths = (bytes + 5_000) / 10_000;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_about_three_digits() {
        let numbers = [0.0, 0.1234, 1.234, 12.34, 1234.5].map(significant);
        assert_eq!(numbers, ["0.000", "0.123", "1.23", "12.3", "1234"]);
        assert_eq!(megabytes(2_705_000), "2.71");
    }
}
