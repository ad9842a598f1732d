use chrono::{DateTime, SecondsFormat, Utc};
use secret_replicator_core::failover::failback::{Newer, Standing, Step};

use super::report::{Report, Row, SideRow};
use crate::table;
use crate::terminal::{STRONG, SUCCESS, WARNING, count, paint, wrap};

/// Formats the calls of `--perform`, before the confirmation.
pub(super) fn plan(report: &Report) -> String {
    let calls = report.calls();
    let line = match calls.len() {
        1 => "1 call to make, which destroys nothing.".to_owned(),
        number => format!("{number} calls to make, which destroy nothing."),
    };
    let rows = calls.iter().map(|(position, call)| {
        let name = &report.secrets[*position].name;
        format!("  {name}: {}\n", call.command())
    });
    let others = "The other steps are those of people. The report after the calls has them.";
    format!(
        "{}\n{}\n{}",
        paint(STRONG, line),
        rows.collect::<String>(),
        wrap("", 0, others)
    )
}

/// Formats the report: the secrets that need steps, each with its sides and its steps in order.
pub(super) fn text(report: &Report) -> String {
    let (restored, others): (Vec<&Row>, Vec<&Row>) = report
        .secrets
        .iter()
        .partition(|row| row.standing == Standing::Restored);
    let line = format!(
        "The primary Region is {} again for {} of {}.",
        report.to,
        restored.len(),
        count(report.secrets.len(), "secret"),
    );
    let style = if others.is_empty() { SUCCESS } else { WARNING };
    let basis = match &report.state_file {
        Some(file) => format!("The report rests on `{file}` and on both Regions."),
        None => "The report rests on the lists of both Regions; with the state file of `promote`, it also knows the \
                 versions at the promotion."
            .to_owned(),
    };
    let mut parts = vec![format!("{}\n{}", paint(style, line), wrap("", 0, &basis))];
    parts.extend(performed(report));
    parts.extend(others.into_iter().map(|row| secret(report, row)));
    if !report.secrets.iter().all(|row| row.steps.is_empty()) {
        parts.push(wrap(
            "",
            0,
            "Steps marked with + destroy nothing: `--perform` makes each one that is the first of its secret. The \
             others are those of people, each after the step before it has succeeded. Those marked with ! destroy a \
             secret.",
        ));
    }
    parts.join("\n")
}

/// Formats the calls that `--perform` made.
fn performed(report: &Report) -> Option<String> {
    let rows = report.secrets.iter().filter_map(|row| {
        let performed = row.performed.as_ref()?;
        let detail = performed.detail.clone().unwrap_or_default();
        Some(vec![row.name.clone(), performed.outcome.to_owned(), detail])
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let header = ["secret", "call", "detail"];
    (!rows.is_empty()).then(|| table::left(&header, rows.into_iter()))
}

fn secret(report: &Report, row: &Row) -> String {
    let header = ["", "role", "current version", "created", "last change"];
    let sides = [
        (report.to.as_str(), row.old_primary.as_ref()),
        (report.from.as_str(), row.promoted.as_ref()),
    ];
    let sides = sides.into_iter().map(|(region, side)| cells(region, side));
    let mut text = format!("{}: {}\n", paint(STRONG, &row.name), title(row));
    text += &table::left(&header, sides);
    if !row.evidence.is_empty() {
        text += &wrap("", 0, &row.evidence);
    }
    for (number, step) in row.steps.iter().enumerate() {
        text += &formatted(number + 1, step);
    }
    text
}

fn formatted(number: usize, step: &Step) -> String {
    let mark = match step {
        Step::Call { .. } => "+",
        Step::Person { destroys: true, .. } => "!",
        Step::Person { .. } => " ",
    };
    let text = wrap(&format!("{mark}{number}. "), 4, step.text());
    match step.command() {
        // In one line, so that it can be copied.
        Some(command) => format!("{text}    {command}\n"),
        None => text,
    }
}

fn cells(region: &str, side: Option<&SideRow>) -> Vec<String> {
    let time = |time: Option<DateTime<Utc>>| {
        time.map_or_else(String::new, |time| {
            time.to_rfc3339_opts(SecondsFormat::Secs, true)
        })
    };
    match side {
        None => vec![region.to_owned(), "absent".to_owned()],
        Some(side) => vec![
            region.to_owned(),
            side.role.to_owned(),
            side.version_id.clone().unwrap_or_default(),
            time(side.version_created),
            time(side.last_changed),
        ],
    }
}

fn title(row: &Row) -> &'static str {
    match row.standing {
        Standing::Restored => "restored",
        Standing::Reversed => "the roles are reversed",
        Standing::Apart { newer } => match newer {
            Newer::Same => "both sides have the same value",
            Newer::Promoted => "the promoted secret has the newer value",
            Newer::OldPrimary => "the old primary secret has the newer value",
            Newer::Unknown => "which value is newer is unknown",
        },
        Standing::NoOldPrimary => "only in the failover Region",
        Standing::NoPromoted => "only in the old primary Region",
        Standing::Gone => "in neither Region",
        Standing::ScheduledForDeletion => "a side is scheduled for deletion",
        Standing::NameTaken => "another secret has the name",
    }
}
