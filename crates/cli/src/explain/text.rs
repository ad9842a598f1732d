//! Formats an explanation as text.

use std::fmt::Write;

use secret_replicator_core::explain::{
    BlockedBy, CallExplanation, Explanation, RegionExplanation, RuleExplanation,
};
use secret_replicator_core::policy::escape_control;
use secret_replicator_core::reason::{Refusal, RetainReason};
use secret_replicator_core::secret::{Encryption, Region, Secret};

use crate::terminal::{ERROR, FAINT, STRONG, SUCCESS, paint, wrap};

/// Formats the secret with its tags.
pub(crate) fn secret(secret: &Secret) -> String {
    let key = match &secret.encryption {
        Encryption::AwsManagedKey => "aws/secretsmanager",
        Encryption::MultiRegionKey(key) | Encryption::CustomerKey(key) => key.as_str(),
    };
    let name = paint(STRONG, escape_control(&secret.name));
    let region = secret.arn.region();
    let tags = secret
        .tags
        .iter()
        .map(|(key, value)| escape_control(&format!("{key}={value}")));
    let tags: Vec<_> = tags.collect();
    let tags = if tags.is_empty() {
        "none".to_owned()
    } else {
        tags.join(", ")
    };
    let replicas: Vec<&str> = secret.replicas.keys().map(Region::as_str).collect();
    let replicas = if replicas.is_empty() {
        String::new()
    } else {
        wrap("Has replicas in: ", 17, &replicas.join(", "))
    };
    format!("Secret: {name} in {region}, encrypted with {key}\n")
        + &wrap("Tags:   ", 8, &tags)
        + &replicas
}

/// Formats the secret of a skipped event.
pub(crate) fn event(name: &str) -> String {
    let name = if name.is_empty() {
        "not named in the event".to_owned()
    } else {
        paint(STRONG, escape_control(name))
    };
    format!("Secret: {name}\n")
}

/// Formats the explanation, with the summary first.
pub(crate) fn render(explanation: &Explanation) -> String {
    let mut text = paint(STRONG, summary(explanation)) + "\n";
    section(&mut text, "Rules", &rules(&explanation.rules));
    section(&mut text, "Regions", &regions(explanation));
    let calls: String = explanation
        .calls
        .iter()
        .map(|call| command(explanation, call))
        .collect();
    section(&mut text, "Calls", &calls);
    text
}

fn section(text: &mut String, heading: &str, body: &str) {
    if !body.is_empty() {
        let _ = write!(text, "\n{}\n{body}", paint(STRONG, heading));
    }
}

/// Summarizes the decision in one line.
fn summary(explanation: &Explanation) -> String {
    if let Some(skipped) = &explanation.skipped {
        return format!("Skipped: {} ({})", skipped.detail, skipped.reason);
    }
    let regions = |chosen: &dyn Fn(&RegionExplanation) -> bool| {
        let regions = explanation.regions.iter().filter(|region| chosen(region));
        let names: Vec<_> = regions.map(|region| named(&region.region)).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let parts = [
        ("Replicates to", regions(&|region| is_write(region))),
        ("Removes", regions(&is_removal)),
        ("Keeps", regions(&|region| region.action == "keep")),
        ("Keeps for now", regions(&is_waiting)),
        (
            "Excludes",
            regions(&|region| is_intended(region) && !is_primary_region(region)),
        ),
        ("Refuses", regions(&|region| is_refused(region))),
    ];
    let parts: Vec<_> = parts
        .into_iter()
        .filter_map(|(verb, names)| Some(format!("{verb} {}", names?)))
        .collect();
    if parts.is_empty() {
        "Covered, and wants no replica".to_owned()
    } else {
        parts.join(". ")
    }
}

fn is_write(region: &RegionExplanation) -> bool {
    ["replicate", "retry"].contains(&region.action)
}

fn is_removal(region: &RegionExplanation) -> bool {
    region.action == "remove" && !is_waiting(region)
}

/// Returns whether an unwanted replica is kept until the others are in sync.
fn is_waiting(region: &RegionExplanation) -> bool {
    region.reason == Some(RetainReason::WaitingForOtherReplicas.code())
}

fn is_primary_region(region: &RegionExplanation) -> bool {
    region.reason == Some(Refusal::PrimaryRegion.code())
}

fn is_refused(region: &RegionExplanation) -> bool {
    region.action == "refuse" && !is_intended(region)
}

/// Returns whether the policy intends the refusal: only the other refusals have a remediation.
fn is_intended(region: &RegionExplanation) -> bool {
    region.action == "refuse" && region.remediation.is_none()
}

/// Formats a Region or a token of a tag. The tag may be empty.
fn named(region: &str) -> String {
    if region.is_empty() {
        "(an empty tag)".to_owned()
    } else {
        region.to_owned()
    }
}

fn mark(good: bool) -> String {
    if good {
        paint(SUCCESS, "✔")
    } else {
        paint(ERROR, "✘")
    }
}

fn width<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(textwrap::core::display_width).max().unwrap_or(0)
}

fn rules(rules: &[RuleExplanation]) -> String {
    let longest = width(rules.iter().map(|rule| rule.name.as_str())).min(40);
    let line = |rule: &RuleExplanation| {
        let mark = if rule.matches {
            paint(SUCCESS, "✔")
        } else {
            paint(FAINT, "✘")
        };
        let head = format!("  {mark} {:longest$}  ", rule.name);
        let columns = textwrap::core::display_width(&rule.name).max(longest) + 6;
        wrap(&head, columns, &(rule.because.clone() + &forbidden(rule)))
    };
    rules.iter().map(line).collect()
}

/// Formats the wanted Regions that a rule's `forbid` refuses.
fn forbidden(rule: &RuleExplanation) -> String {
    let regions = rule.forbids.iter().map(Region::as_str);
    let regions: Vec<_> = regions.collect();
    if regions.is_empty() {
        String::new()
    } else {
        format!("; forbids {}", regions.join(", "))
    }
}

fn regions(explanation: &Explanation) -> String {
    let regions = &explanation.regions;
    let names: Vec<_> = regions.iter().map(|region| named(&region.region)).collect();
    let longest = width(names.iter().map(String::as_str));
    let entry = |(region, name): (&RegionExplanation, &String)| {
        let mark = if is_intended(region) {
            "–".to_owned()
        } else {
            mark(!is_refused(region) && !is_waiting(region))
        };
        let mut lines = vec![decision(region)];
        if region.may_overwrite {
            lines.push(
                "overwrites another secret of the same name, if a probe finds one".to_owned(),
            );
        }
        lines.extend(rules_of(region));
        lines.extend(
            region
                .tag
                .as_ref()
                .map(|key| format!("named in the tag {key}")),
        );
        lines.extend(
            region
                .remediation
                .as_ref()
                .map(|remediation| format!("Remediation: {remediation}.")),
        );
        lines.extend(
            region
                .warning
                .as_ref()
                .map(|warning| format!("Warning: {warning}")),
        );
        let mut head = format!("  {mark} {}  ", paint(STRONG, format!("{name:longest$}")));
        let columns = longest + 6;
        let mut text = String::new();
        for line in lines {
            text += &wrap(&head, columns, &line);
            head = " ".repeat(columns);
        }
        text
    };
    regions.iter().zip(&names).map(entry).collect()
}

/// Formats the decision about a Region.
fn decision(region: &RegionExplanation) -> String {
    let key = region.kms_key.as_deref().unwrap_or("its key");
    let because = region.kms_key_because.as_deref().unwrap_or("unknown");
    let reason = region.reason.unwrap_or("unknown");
    match region.action {
        "replicate" | "overwrite" => format!("gets a replica with {key} ({because})"),
        "retry" => format!("is retried with {key} ({because})"),
        "keep" => "keeps its replica".to_owned(),
        "remove" if is_waiting(region) => format!("keeps its replica for now ({reason})"),
        "remove" => format!("loses its replica ({reason})"),
        _ if is_primary_region(region) => format!("is the primary Region ({reason})"),
        _ if is_intended(region) => format!("gets no replica ({reason})"),
        _ => format!("is refused: {reason}"),
    }
}

/// Formats the rules that want a replica in a Region, and the reasons that allow none.
fn rules_of(region: &RegionExplanation) -> Option<String> {
    let list = |verb: &str, rules: &[String]| {
        (!rules.is_empty()).then(|| format!("{verb} {}", rules.join(", ")))
    };
    // The decision already mentions the primary Region and other partitions.
    let allowed_regions = region.blocked_by.contains(&BlockedBy::RegionNotAllowed);
    let parts = [
        list("wanted by", &region.wanted_by),
        list("forbidden by", &region.forbidden_by),
        allowed_regions.then(|| "outside the allowed Regions".to_owned()),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Formats a call as an AWS CLI command.
fn command(explanation: &Explanation, call: &CallExplanation) -> String {
    let targets = call.add_replica_regions.iter().map(|replica| {
        let key = replica.kms_key_id.as_ref();
        let key = key.map_or_else(String::new, |key| format!(",KmsKeyId={key}"));
        quoted(&format!("Region={}{key}", replica.region))
    });
    let targets: Vec<_> = targets.collect();
    let overwrite = if call.force_overwrite_replica_secret {
        "--force-overwrite-replica-secret"
    } else {
        "--no-force-overwrite-replica-secret"
    };
    format!(
        "  aws secretsmanager {} \\\n      --region {} --secret-id {} \\\n      \
         --add-replica-regions {} \\\n      {overwrite}\n",
        kebab(call.operation),
        explanation.primary_region,
        quoted(&explanation.secret_name),
        targets.join(" "),
    )
}

/// Returns the AWS CLI's name of an operation.
fn kebab(operation: &str) -> String {
    let mut text = String::new();
    for c in operation.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

/// Quotes a word for a shell, if necessary.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-:,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests;
