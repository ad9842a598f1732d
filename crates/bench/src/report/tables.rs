//! The tables: columns and number formats.

use comfy_table::{CellAlignment, presets};

use crate::contender::Contender;
use crate::machine::Machine;
use crate::results::{
    EventResult, InstructionsResult, MemoryResult, Part, Results, SizeResult, SweepKind,
    SweepResult, number,
};
use crate::server::Transport;
use crate::statistics::Summary;

/// A section of the document: a table with its explanation.
pub(super) struct Section {
    /// The machine and the date of the measurement.
    pub(super) machine: Machine,
    /// The table as Markdown.
    pub(super) body: String,
    pub(super) note: &'static str,
}

/// Returns the sections of the document with their titles. `None` if a part was not measured.
pub(super) fn all(results: &Results) -> [(&'static str, Option<Section>); 8] {
    let events = results.events.as_ref();
    let sweeps = results.sweep.as_ref();
    [
        ("Start and events", events.map(self::events)),
        (
            "Ratios of the medians in the same run",
            events.map(|part| ratios(results, part)),
        ),
        (
            "Instructions until the first event",
            results.instructions.as_ref().map(instructions),
        ),
        ("Size", results.sizes.as_ref().map(sizes)),
        ("Sweep", sweeps.map(sweep)),
        ("Sweep with work", sweeps.map(sweep_with_work)),
        ("Memory size", results.memory.as_ref().map(memory)),
        ("Policy", results.policy_tree.as_ref().map(policy)),
    ]
}

/// Returns a Markdown table whose columns are numbers, except for the first one.
fn markdown(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(head);
    table.add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    // A colon in the separator line aligns a column to the right.
    table
        .to_string()
        .replace("-|", ":|")
        .replacen(":|", "-|", 1)
}

/// Returns the contender's name, with the transport if it makes calls.
pub(super) fn name(contender: Contender, transport: Transport) -> String {
    match contender {
        Contender::HelloWorld => contender.to_string(),
        _ => format!("{contender}, {}", transport.scheme().to_uppercase()),
    }
}

fn events(part: &Part<EventResult>) -> Section {
    let head = [
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
    ];
    let row = |row: &EventResult| {
        let kernel = row
            .system_share
            .map(|share| format!("{:.0} %", share * 100.0));
        vec![
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
            kernel.unwrap_or_default(),
            significant(row.peak_memory_mib.median),
            significant(row.anonymous_memory_mib.median),
        ]
    };
    Section {
        machine: part.machine.clone(),
        body: markdown(&head, part.rows.iter().map(row)),
        note: "Median (quartiles). *Cold* is the time from the start of the process to its request for the \
               first event. *First event* includes a write. Warm events alternate: *unchanged* needs no \
               write, *write* needs one. *Calls* are calls to Secrets Manager per event, counted by the \
               server. *CPU* is the mean processor time of a warm event of both kinds; *kernel* is the \
               kernel's share of it, if there are enough samples. *Heap and stack* is memory that does not \
               belong to a file; the rest is code, which the kernel loads in blocks.",
    }
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

fn ratios(results: &Results, part: &Part<EventResult>) -> Section {
    let head = [
        "",
        "cold",
        "cold + first event",
        "warm unchanged",
        "warm write",
        "peak RSS",
    ];
    let row = |(first, second): (Row, Row)| {
        let base = results.event(first.0, first.1)?;
        let other = results.event(second.0, second.1)?;
        let times = |figure: fn(&EventResult) -> f64| {
            format!("{} ×", significant(figure(other) / figure(base)))
        };
        Some(vec![
            format!("{} → {}", name(first.0, first.1), name(second.0, second.1)),
            times(|row| row.cold_ms.median),
            times(|row| row.cold_ms.median + row.first_ms.median),
            times(|row| row.unchanged_ms.median),
            times(|row| row.write_ms.median),
            times(|row| row.peak_memory_mib.median),
        ])
    };
    Section {
        machine: part.machine.clone(),
        body: markdown(&head, PAIRS.into_iter().filter_map(row)),
        note: "The figure of the second program divided by that of the first.",
    }
}

fn instructions(part: &Part<InstructionsResult>) -> Section {
    let row =
        |row: &InstructionsResult| vec![row.contender.to_string(), millions(row.instructions)];
    Section {
        machine: part.machine.clone(),
        body: markdown(&["", "millions"], part.rows.iter().map(row)),
        note: "Counted by callgrind, without the kernel.",
    }
}

fn sizes(part: &Part<SizeResult>) -> Section {
    let row = |row: &SizeResult| {
        vec![
            row.contender.to_string(),
            millions(row.bytes),
            millions(row.zip_bytes),
        ]
    };
    Section {
        machine: part.machine.clone(),
        body: markdown(&["", "MB", "zip MB"], part.rows.iter().map(row)),
        note: "The `bootstrap`; for Python its packages, most of which the Python runtime of Lambda contains.",
    }
}

/// The calls per second to one Region's list that the sweep makes, and those that AWS allows.
const LIST_RATES: (f64, f64) = (25.0, 50.0);

/// The secrets on a page of a list.
const PAGE: f64 = 100.0;

fn sweep(part: &Part<SweepResult>) -> Section {
    let head = [
        "",
        "secrets",
        "calls",
        "s",
        "secrets/s",
        "of the list rate",
        "CPU s",
        "invocations",
        "peak RSS MiB",
        "USD for calls",
        "USD for Lambda",
    ];
    let row = |row: &&SweepResult| {
        let run = &row.run;
        // In slow motion, everything takes twice the time.
        let (seconds, rate) = match row.kind {
            SweepKind::SlowMotion => (run.seconds / 2.0, LIST_RATES.1),
            _ => (run.seconds, LIST_RATES.0),
        };
        let shortest = (number(row.secrets) / PAGE).ceil() / rate;
        let of_the_rate = match row.kind {
            SweepKind::Quick | SweepKind::SlowMotion => {
                format!("{:.0} %", 100.0 * shortest / seconds)
            }
            _ => String::new(),
        };
        vec![
            row.kind.to_string(),
            row.secrets.to_string(),
            run.counts.calls.to_string(),
            significant(seconds),
            format!("{:.0}", number(row.secrets) / seconds),
            of_the_rate,
            significant(run.cpu_seconds),
            run.slices.to_string(),
            significant(run.peak_memory_mib),
            format!("{:.4}", row.usd_for_calls),
            format!("{:.4}", row.usd_for_lambda),
        ]
    };
    let rows: Vec<_> = part
        .rows
        .iter()
        .filter(|row| !row.kind.has_work())
        .collect();
    Section {
        machine: part.machine.clone(),
        body: markdown(&head, rows.iter().map(row)),
        note: "On the emulated AWS, with two replicas for each secret, all in sync, quotas of 50 writes and 50 \
               lists per second and Region, and 20 ms per call. A *thorough sweep* reads every secret, as all \
               sweeps did before lists were compared; *Python* is a sequential loop that does the same. A \
               quick sweep reads 25 pages of 100 secrets per second from each Region's list, half of the \
               quota: *of the list rate* is the time that these pages need at that rate, divided by the time \
               of the sweep. *In slow motion* shows the whole quota: half a processor, 40 ms per call and \
               25 pages per second are one processor, 20 ms and 50 pages at half the speed, and the row \
               contains half of the measured time. *Lambda* has 1,769 MB, which is one processor.",
    }
}

fn sweep_with_work(part: &Part<SweepResult>) -> Section {
    let head = [
        "",
        "secrets",
        "described",
        "calls",
        "s",
        "writes",
        "writes/s",
        "of the allowed",
        "throttles",
        "peak RSS MiB",
    ];
    let row = |row: &&SweepResult| {
        let run = &row.run;
        let rate = run.counts.write_rate();
        let share = rate.map(|rate| format!("{:.0} %", 100.0 * rate / row.allowed_rate));
        vec![
            row.kind.to_string(),
            row.secrets.to_string(),
            run.described.to_string(),
            run.counts.calls.to_string(),
            significant(run.seconds),
            run.counts.writes.to_string(),
            rate.map(significant).unwrap_or_default(),
            share.unwrap_or_default(),
            run.counts.throttles.to_string(),
            significant(run.peak_memory_mib),
        ]
    };
    let rows: Vec<_> = part.rows.iter().filter(|row| row.kind.has_work()).collect();
    Section {
        machine: part.machine.clone(),
        body: markdown(&head, rows.iter().map(row)),
        note: "With *1 % drift*, every hundredth secret lacks a replica, and every two-hundredth has just \
               changed: the sweep describes these and no others. In a *first sweep*, no secret has a replica. \
               A Region without a replica is read before the request, which a promoted replica would make fail, \
               and again when the replica is in sync. The sweep may write 45 times per second, of the quota of \
               50; *writes/s* is the rate between the first write and the last.",
    }
}

fn memory(part: &Part<MemoryResult>) -> Section {
    let head = [
        "MB",
        "processor",
        "cold ms",
        "first event ms",
        "unchanged event ms",
        "new secret ms",
        "USD",
        "quick sweep secrets/s",
        "USD",
        "thorough sweep secrets/s",
        "USD",
        "writes/s",
        "peak RSS MiB",
    ];
    let row = |row: &MemoryResult| {
        vec![
            row.memory_mb.to_string(),
            significant(row.share),
            spread(&row.cold_ms),
            spread(&row.first_ms),
            spread(&row.unchanged_ms),
            spread(&row.write_ms),
            significant(row.event_usd),
            format!("{:.0}", row.quick_rate),
            significant(row.quick_usd),
            format!("{:.0}", row.thorough_rate),
            significant(row.thorough_usd),
            significant(row.write_rate),
            significant(row.peak_memory_mib),
        ]
    };
    Section {
        machine: part.machine.clone(),
        body: markdown(&head, part.rows.iter().map(row)),
        note: "The processor share of each memory size of Lambda, in periods of 20 ms, on the emulated AWS with \
               20 ms per call. *USD* are the calls and the Lambda time for 100,000 secrets, at the prices of \
               [DEPLOY.md](DEPLOY.md#cost). A *new secret* is an event that is followed until both replicas \
               are in sync, which takes the emulated AWS half a second. *Writes/s* are those of a first sweep, \
               which may write 45 times per second. The share also holds for the cold start, for which Lambda \
               may give more.",
    }
}

fn policy(part: &Part<String>) -> Section {
    Section {
        machine: part.machine.clone(),
        body: format!("```text\n{}\n```", part.rows.concat().trim_end()),
        note: "`cargo bench --bench policy`, by number of rules: *check* reads and checks a policy, once per \
               start; *decide* evaluates one secret.",
    }
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

/// Formats a count in millions.
fn millions(count: u64) -> String {
    let hundredths = (count + 5_000) / 10_000;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_about_three_digits() {
        let numbers = [0.0, 0.1234, 1.234, 12.34, 1234.5].map(significant);
        assert_eq!(numbers, ["0.000", "0.123", "1.23", "12.3", "1234"]);
        assert_eq!(millions(2_705_000), "2.71");
    }

    #[test]
    fn all_columns_but_the_first_are_aligned_to_the_right() {
        let rows = [vec!["a".to_owned(), "1.0".to_owned(), "2".to_owned()]];
        let table = markdown(&["", "x", "y"], rows);
        assert_eq!(table, "|   |   x | y |\n|---|----:|--:|\n| a | 1.0 | 2 |");
    }
}
