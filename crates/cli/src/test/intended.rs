//! Writes the expectations that a decision meets, so that an intended one can be copied into the test file.

use std::collections::BTreeSet;

use secret_replicator_core::explain::{Explanation, RegionExplanation};
use secret_replicator_core::reason::Refusal;

use super::file::Expected;

/// Returns the expectations in YAML. They are as exact as the written ones: keys, rules and the refusal of
/// the primary Region appear only if the case names such.
pub(super) fn expectations(
    written: &Expected,
    explanation: &Explanation,
    rules: &BTreeSet<String>,
) -> String {
    if let Some(skipped) = &explanation.skipped {
        return map([format!("skip: {}", skipped.reason)]);
    }
    let (refused, replicas): (Vec<_>, Vec<_>) = explanation
        .regions
        .iter()
        .partition(|region| region.action == "refuse");
    let overwritten = replicas.iter().filter(|region| region.may_overwrite);
    let overwritten: Vec<String> = overwritten.map(|region| scalar(&region.region)).collect();
    let mut fields = vec![format!("replicate: {}", replicate(written, &replicas))];
    let refused = refusals(written, &refused);
    if !refused.is_empty() {
        fields.push(format!("refuse: {}", map(refused)));
    }
    if written.rules.is_some() {
        let rules: Vec<String> = rules.iter().map(|rule| scalar(rule)).collect();
        fields.push(format!("rules: {}", list(&rules)));
    }
    if !overwritten.is_empty() {
        fields.push(format!("overwrite: {}", list(&overwritten)));
    }
    map(fields)
}

fn replicate(written: &Expected, replicas: &[&RegionExplanation]) -> String {
    let mut keys = written.replicate.iter().flatten().map(|(_, key)| key);
    if !replicas.is_empty() && keys.any(Option::is_some) {
        return map(replicas.iter().map(|region| {
            let key = region.kms_key.as_deref().unwrap_or_default();
            format!("{}: {}", scalar(&region.region), scalar(key))
        }));
    }
    let regions: Vec<String> = replicas.iter().map(|r| scalar(&r.region)).collect();
    list(&regions)
}

fn refusals(written: &Expected, refused: &[&RegionExplanation]) -> Vec<String> {
    let is_written = |region: &str| {
        let mut refused = written.refuse.iter().flatten();
        refused.any(|(written, _)| written == region)
    };
    let reason = |region: &RegionExplanation| region.reason.unwrap_or_default();
    refused
        .iter()
        .filter(|region| {
            reason(region) != Refusal::PrimaryRegion.code() || is_written(&region.region)
        })
        .map(|region| format!("{}: {}", scalar(&region.region), reason(region)))
        .collect()
}

fn map(fields: impl IntoIterator<Item = String>) -> String {
    let fields: Vec<String> = fields.into_iter().collect();
    format!("{{ {} }}", fields.join(", "))
}

fn list(items: &[String]) -> String {
    format!("[{}]", items.join(", "))
}

/// Returns the text as a YAML scalar, in quotes if it may have another meaning without them.
fn scalar(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    let is_word = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(is_plain)
        && !text.ends_with(':')
        && !text.eq_ignore_ascii_case("null");
    if is_word {
        text.to_owned()
    } else {
        // A JSON string is a YAML string.
        serde_json::Value::from(text).to_string()
    }
}
