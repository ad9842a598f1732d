//! Lints: warnings about parts of a valid policy that may not mean what the author intended.
//!
//! Each lint checks one rule, group or key. Lints are sound but incomplete: they report no false
//! positives, except for those that suspect a typo (`unknown-region`, `regular-expression`,
//! `comma-in-text`, `quotes-in-text`, `key-and-value`). They do not compare rules with one another. The plan refuses conflicts per secret, and an
//! explanation shows them.

use std::collections::BTreeSet;

use super::ReplicateTo;
use super::reader::{Entry, NodeReader, NodeRef};
use crate::known_regions::{self, UnknownRegion};
use crate::limits::AllowedRegions;
use crate::secret::Region;
use crate::spelling::quotes_hint;

/// Reports a Region that the list of known Regions does not contain.
pub(super) fn unknown_region(reader: &mut NodeReader, node: &NodeRef<'_>, region: &Region) {
    if let Some(unknown) = UnknownRegion::check(region) {
        reader.warning(node, "unknown-region", unknown.message, &unknown.hint);
    }
}

/// Reports a pattern that matches no known Region, because none begins like it.
pub(super) fn unknown_regions(reader: &mut NodeReader, node: &NodeRef<'_>, pattern: &str) {
    let literal = pattern.split(['*', '?']).next().unwrap_or_default();
    if !known_regions::any_begins_with(literal) {
        let message = format!("no known Region matches `{pattern}`");
        let hint = "check the pattern; Region codes begin, for instance, with `eu-` or `us-gov-`";
        reader.warning(node, "unknown-region", message, hint);
    }
}

/// Reports `overwrite` that the settings leave without effect.
pub(super) fn overwrite_not_allowed(reader: &mut NodeReader, node: &NodeRef<'_>) {
    let message = "`overwrite` has no effect: ALLOW_OVERWRITE is not `true`";
    let hint = "set ALLOW_OVERWRITE (the stack's parameter AllowOverwrite) to `true`, or remove \
                `overwrite`";
    reader.warning(node, "overwrite-not-allowed", message, hint);
}

/// Reports `removal` that the settings leave without effect.
pub(super) fn removal_not_allowed(reader: &mut NodeReader, node: &NodeRef<'_>) {
    let message = "`removal: covered` has no effect: ALLOW_REMOVAL is not `true`";
    let hint = "set ALLOW_REMOVAL (the stack's parameter AllowRemoval) to `true`, or write \
                `removal: never`";
    reader.warning(node, "removal-not-allowed", message, hint);
}

/// Reports the part of a tag's pattern that no tag value contains, because it belongs to another language.
pub(super) fn foreign_pattern(reader: &mut NodeReader, node: &NodeRef<'_>, pattern: &str) {
    if let Some(hint) = quotes_hint(pattern) {
        quotes_in_text(reader, node, &format!("`{pattern}`"), &hint);
    } else if let Some(rest) = pattern.strip_prefix('!') {
        let message = format!("`{pattern}` is not a negation: `!` is matched as written");
        let hint = format!("to exclude secrets, write `not:` in the condition, with `{rest}`");
        reader.warning(node, "regular-expression", message, &hint);
    } else if let Some(part) = regular_expression(pattern) {
        let message =
            format!("`{pattern}` is not a regular expression: `{part}` is matched as written");
        reader.warning(node, "regular-expression", message, PATTERN_SYNTAX_HINT);
    } else if pattern.contains(',') {
        let message = format!("`{pattern}` is one text: the comma is matched as written");
        reader.warning(node, "comma-in-text", message, &list_hint(pattern));
    }
}

/// Reports the tag keys `Key` and `Value` together: the form in which the AWS CLI and CloudFormation write one
/// tag.
pub(super) fn key_and_value(reader: &mut NodeReader, entries: &[Entry<'_>]) {
    let named = |name: &str| {
        let mut entries = entries.iter();
        entries.find(|entry| entry.key.eq_ignore_ascii_case(name))
    };
    let (Some(key), Some(value)) = (named("key"), named("value")) else {
        return;
    };
    let message = format!(
        "`{}` and `{}` are the keys of two tags here",
        key.key, value.key
    );
    let tag = key.value.as_text().unwrap_or("environment");
    let hint = format!("write a tag as its key and its values: `tags: {{ {tag}: VALUE }}`");
    reader.warning(&key.at_key, "key-and-value", message, &hint);
}

/// Reports a tag key that seems to be a regular expression.
pub(super) fn foreign_key(reader: &mut NodeReader, node: &NodeRef<'_>, key: &str) {
    if let Some(hint) = quotes_hint(key) {
        quotes_in_text(reader, node, &format!("the tag key `{key}`"), &hint);
    } else if let Some(part) = regular_expression(key) {
        let message = format!(
            "the tag key `{key}` is not a regular expression: `{part}` is matched as written"
        );
        let hint = "write the tag key as it is; wildcards are for values";
        reader.warning(node, "regular-expression", message, hint);
    }
}

fn quotes_in_text(reader: &mut NodeReader, node: &NodeRef<'_>, text: &str, hint: &str) {
    let message = format!("{text} contains quotes, which are matched as written");
    reader.warning(node, "quotes-in-text", message, hint);
}

/// Explains patterns to authors who expect regular expressions.
pub(super) const PATTERN_SYNTAX_HINT: &str = "patterns are not regular expressions: `*` matches any text, `?` one character, and a list matches any of its items";

/// Returns the part of a pattern that has a meaning in regular expressions, and that AWS does not allow in
/// names and tags, or that a name or tag rarely has. `.*` is allowed after a number, and within a name: `v1.*`
/// matches `v1.0`.
pub(super) fn regular_expression(pattern: &str) -> Option<&'static str> {
    let is_any_text = |at: usize| {
        let before = pattern[..at].chars().next_back();
        let ends_a_name = at + 2 == pattern.len() && !before.is_some_and(char::is_numeric);
        ends_a_name || !before.is_some_and(char::is_alphanumeric)
    };
    if pattern.find(".*").is_some_and(is_any_text) || pattern.contains(".+") {
        return Some(".");
    }
    let parts = ["^", "$", "|", "\\", "[", "(", "{"];
    parts.into_iter().find(|part| pattern.contains(part))
}

/// Returns the hint to write a text with commas as a list.
pub(super) fn list_hint(text: &str) -> String {
    let items = text.split(',').map(str::trim);
    let items: Vec<String> = items
        .filter(|item| !item.is_empty())
        .map(|item| {
            if item.contains(['*', '?']) {
                format!("\"{item}\"")
            } else {
                item.to_owned()
            }
        })
        .collect();
    format!("write a list: `[{}]`", items.join(", "))
}

/// Reports Regions that the settings do not allow, but not those whose code seems misspelled.
pub(super) fn regions_not_allowed<'a>(
    reader: &mut NodeReader,
    node: &NodeRef<'_>,
    regions: impl IntoIterator<Item = &'a Region>,
    allowed: &AllowedRegions,
) {
    let is_misspelled = |region: &Region| known_regions::did_you_mean(region.as_str()).is_some();
    let outside = regions
        .into_iter()
        .filter(|region| !allowed.admits(region) && !is_misspelled(region));
    // Sorted, without duplicates.
    let outside: BTreeSet<&str> = outside.map(Region::as_str).collect();
    if !outside.is_empty() {
        let outside: Vec<&str> = outside.into_iter().collect();
        let them = if outside.len() == 1 { "it" } else { "them" };
        let message = format!(
            "replicas are not allowed in {}, so the plan refuses them",
            outside.join(", ")
        );
        let hint =
            format!("add {them} to ALLOWED_REPLICA_REGIONS, or remove {them} from the policy");
        reader.warning(node, "region-not-allowed", message, &hint);
    }
}

/// Reports a key for Regions to which the rule does not replicate. Returns whether the key is
/// unused.
pub(super) fn unused_key(
    reader: &mut NodeReader,
    entry: &Entry<'_>,
    regions: &BTreeSet<Region>,
    targets: &ReplicateTo,
) -> bool {
    let ReplicateTo::Regions(targets) = targets else {
        return false;
    };
    if regions.is_empty() || !regions.is_disjoint(targets) {
        return false;
    }
    let word = entry.key;
    let message = format!("the rule does not replicate to `{word}`, so this key is never used");
    let hint = "remove it, or add the Region to `replicate-to`";
    reader.warning(&entry.at_key, "unused-key", message, hint);
    true
}

/// Reports the AWS managed key as the policy's key for any other Region, which it is by default.
pub(super) fn default_key(reader: &mut NodeReader, node: &NodeRef<'_>) {
    let message = "`aws/secretsmanager` for any other Region has no effect in `kms-keys`";
    let hint = "remove it, or name another key; a rule's `kms-key` can require the AWS managed key";
    reader.warning(node, "key-without-effect", message, hint);
}

/// Reports targets that are all the primary secret's own Region.
pub(super) fn always_primary_region(
    reader: &mut NodeReader,
    node: &NodeRef<'_>,
    targets: &ReplicateTo,
    primary_region: &str,
) {
    if let ReplicateTo::Regions(targets) = targets
        && !targets.is_empty()
        && targets
            .iter()
            .all(|region| region.as_str() == primary_region)
    {
        let message =
            format!("the only target, {primary_region}, is always the primary secret's own Region");
        let hint = "a replica must be in another Region: list one, or remove the rule";
        reader.warning(node, "always-primary-region", message, hint);
    }
}
