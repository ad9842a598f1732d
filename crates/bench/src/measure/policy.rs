//! The policy's own benchmark, which `cargo bench` runs with divan's statistics.

use std::process::Command;

use anyhow::{Context, ensure};

use crate::results::PolicyResult;

/// Runs the benchmark.
pub(crate) fn measure() -> anyhow::Result<Vec<PolicyResult>> {
    let arguments = ["bench", "--locked", "--package", "secret-replicator"];
    let output = Command::new("cargo")
        .args(arguments)
        .args(["--bench", "policy"])
        .stderr(std::process::Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "cargo bench: {}", output.status);
    read(&String::from_utf8(output.stdout)?)
}

/// Reads divan's tree: a line for each function, below it one for each number of rules.
fn read(tree: &str) -> anyhow::Result<Vec<PolicyResult>> {
    let mut function = String::new();
    let mut rows = Vec::new();
    for line in tree.lines() {
        let columns: Vec<&str> = line
            .trim_start_matches(['│', '├', '╰', '─', ' '])
            .split('│')
            .map(str::trim)
            .collect();
        let [first, slowest, median, ..] = columns[..] else {
            continue;
        };
        let Some((name, fastest)) = first.split_once(char::is_whitespace) else {
            first.clone_into(&mut function);
            continue;
        };
        // The head of the table has a name and a word too.
        let Ok(rules) = name.parse() else { continue };
        rows.push(PolicyResult {
            function: function.clone(),
            rules,
            fastest_us: microseconds(fastest)?,
            median_us: microseconds(median)?,
            slowest_us: microseconds(slowest)?,
        });
    }
    ensure!(!rows.is_empty(), "no table in:\n{tree}");
    Ok(rows)
}

fn microseconds(text: &str) -> anyhow::Result<f64> {
    let (number, unit) = text.trim().split_once(' ').context("no unit")?;
    let factor = match unit {
        "ns" => 1e-3,
        "µs" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        _ => anyhow::bail!("what is a {unit}?"),
    };
    Ok(number.parse::<f64>()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_read_with_its_units() {
        let tree = "\
Timer precision: 20 ns
policy                   fastest       │ slowest       │ median        │ mean          │ samples │ iters
├─ check                               │               │               │               │         │
│  ├─ 1                  11.25 µs      │ 0.5 ms        │ 12 µs         │ 12.5 µs       │ 100     │ 100
│  ╰─ 500                1.5 ms        │ 1 s           │ 2 ms          │ 2 ms          │ 100     │ 100
╰─ decide_by_one_rule                  │               │               │               │         │
   ╰─ 50                 250 ns        │ 1 µs          │ 500 ns        │ 600 ns        │ 100     │ 100
";
        let rows = read(tree).unwrap();
        let told: Vec<_> = rows
            .iter()
            .map(|row| format!("{} {} {}", row.function, row.rules, row.median_us))
            .collect();
        assert_eq!(
            told,
            ["check 1 12", "check 500 2000", "decide_by_one_rule 50 0.5"]
        );
        assert!(read("nothing").is_err());
    }
}
