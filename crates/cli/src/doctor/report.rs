//! The output: one line if every link is in order, otherwise the findings.

use serde::Serialize;

use super::facts::Subject;
use super::finding::{Finding, Severity};
use crate::options::Format;
use crate::output::{CommandOutput, Exit, json};
use crate::terminal::{ERROR, STRONG, SUCCESS, WARNING, count, paint, wrap};

/// The findings in the form of `--output json`.
#[derive(Debug, Serialize)]
struct Report<'a> {
    stack: &'a str,
    region: &'a str,
    healthy: bool,
    findings: &'a [Finding],
}

/// Formats the findings.
///
/// # Errors
/// The findings cannot be written as JSON.
pub(crate) fn output(
    subject: &Subject,
    findings: &[Finding],
    format: Format,
) -> anyhow::Result<CommandOutput> {
    let stdout = match format {
        Format::Text => text(subject, findings),
        Format::Json => json(&Report {
            stack: &subject.stack,
            region: subject.region.as_str(),
            healthy: findings.is_empty(),
            findings,
        })?,
    };
    let exit = if findings.is_empty() {
        Exit::Success
    } else {
        Exit::Findings
    };
    Ok(CommandOutput::to_stdout(stdout, exit))
}

fn text(subject: &Subject, findings: &[Finding]) -> String {
    let name = format!("{} in {}", subject.stack, subject.region);
    if findings.is_empty() {
        return format!("{name}: {}\n", paint(SUCCESS, "every link is in order"));
    }
    let shown: String = findings.iter().map(finding).collect();
    let severities = [
        (Severity::Error, "error"),
        (Severity::Warning, "warning"),
        (Severity::Unknown, "unchecked link"),
    ];
    let counts = severities.into_iter().filter_map(|(severity, noun)| {
        let found = findings
            .iter()
            .filter(|finding| finding.severity == severity);
        let number = found.count();
        (number > 0).then(|| count(number, noun))
    });
    let counts: Vec<String> = counts.collect();
    format!("{shown}{name}: {}\n", counts.join(", "))
}

fn finding(finding: &Finding) -> String {
    let style = match finding.severity {
        Severity::Error => ERROR,
        Severity::Warning | Severity::Unknown => WARNING,
    };
    let severity = paint(style, finding.severity);
    let link = paint(STRONG, finding.link);
    let problem = wrap(&format!("{severity}: {link}: "), 2, &finding.problem);
    let remediation = wrap("  remediation: ", 15, &finding.remediation);
    format!("{problem}{remediation}\n")
}
