//! Parses the conditions of rules.

use smol_str::SmolStr;

use super::{Parser, REGION_HINT};
use crate::policy::condition::{Condition, When};
use crate::policy::lint;
use crate::policy::patterns::{Pattern, Patterns, is_wild};
use crate::policy::reader::{NodeReader, NodeRef, Reported, collect_all};
use crate::secret::{LONGEST_NAME, NAME_PUNCTUATION, is_in_names};
use crate::spelling::quotes_hint;

// The maximum lengths in characters (Secrets Manager API reference).
const LONGEST_TAG_KEY: usize = 128;
const LONGEST_TAG_VALUE: usize = 256;

const PATTERN_HINT: &str =
    "write a text, or a list of texts of which one must match; `*` matches any text";

impl Parser<'_> {
    pub(super) fn when(&mut self, node: &NodeRef<'_>) -> Result<When, Reported> {
        if node.is_text("all") {
            return Ok(When::All);
        }
        if !node.is_map() {
            let message = format!("expected a condition, found {}", node.node.value.kind());
            let hint = "write `when: all`, or a map with `tags`, `secret-name`, `primary-region` or \
                        `not`";
            return Err(self.reader.error_in_text(node, "wrong-type", message, hint));
        }
        let names = ["tags", "secret-name", "primary-region", "not"];
        let [tags, secret_name, primary_region, not] = self.reader.fields(node, names)?;
        let only = [tags, secret_name, primary_region];
        if only.iter().chain([&not]).all(Option::is_none) {
            let message = "the condition is empty and would match every secret";
            let hint = "write `when: all` to match every secret";
            return Err(self.empty_condition(node, names, message, hint));
        }
        let only = self.condition(only);
        let not = not.map(|not| self.not(&not));
        Ok(When::Matches {
            only: only?,
            not: not.transpose()?,
        })
    }

    fn not(&mut self, node: &NodeRef<'_>) -> Result<Condition, Reported> {
        let names = ["tags", "secret-name", "primary-region"];
        let parts = self.reader.fields(node, names)?;
        if parts.iter().all(Option::is_none) {
            let message = "`not` is empty and would exclude every secret";
            let hint = "remove `not`, or specify the secrets that it excludes";
            return Err(self.empty_condition(node, names, message, hint));
        }
        self.condition(parts)
    }

    /// Reports an empty condition, unless an unknown field has been reported, which may be a misspelled
    /// part.
    fn empty_condition<const N: usize>(
        &mut self,
        node: &NodeRef<'_>,
        names: [&str; N],
        message: &str,
        hint: &str,
    ) -> Reported {
        NodeReader::reported_unknown(node, names)
            .unwrap_or_else(|| self.reader.error(node, "empty-condition", message, hint))
    }

    fn condition(
        &mut self,
        [tags, secret_name, primary_region]: [Option<NodeRef<'_>>; 3],
    ) -> Result<Condition, Reported> {
        let tags = tags.map(|tags| self.tags(&tags));
        let secret_name = secret_name.map(|name| self.secret_names(&name));
        let primary_region =
            primary_region.map(|region| self.region_patterns(&region, REGION_HINT));
        Ok(Condition {
            tags: tags.transpose()?.unwrap_or_default(),
            secret_name: secret_name.transpose()?,
            primary_region: primary_region.transpose()?,
        })
    }

    fn tags(&mut self, node: &NodeRef<'_>) -> Result<Vec<(SmolStr, Patterns)>, Reported> {
        let hint = "map tag keys to values, for instance `tags: { tier: [\"0\", \"1\"] }`";
        let entries: Vec<_> = self.reader.entries(node, hint)?.collect();
        lint::key_and_value(&mut self.reader, &entries);
        collect_all(entries.into_iter().map(|entry| {
            self.check_tag_key(&entry.at_key, entry.key);
            if is_wild(entry.key) {
                let message = format!(
                    "no tag key contains a wildcard, so `{}` never matches",
                    entry.key
                );
                let hint = "wildcards are for values";
                self.reader
                    .error(&entry.at_key, "never-matches", message, hint);
            } else {
                lint::foreign_key(&mut self.reader, &entry.at_key, entry.key);
            }
            Ok((entry.key.into(), self.tag_values(&entry.value)?))
        }))
    }

    fn tag_values(&mut self, node: &NodeRef<'_>) -> Result<Patterns, Reported> {
        let values = self.reader.one_or_more(node, PATTERN_HINT)?;
        let patterns = values.map(|node| {
            let text = self.reader.text_or_empty(&node, PATTERN_HINT)?;
            self.check_length(&node, "this text", length(text), LONGEST_TAG_VALUE);
            lint::foreign_pattern(&mut self.reader, &node, text);
            Ok(Pattern::new(text))
        });
        collect_all(patterns).map(Patterns::new)
    }

    fn secret_names(&mut self, node: &NodeRef<'_>) -> Result<Patterns, Reported> {
        let names = self.reader.one_or_more(node, PATTERN_HINT)?;
        let patterns = names.map(|node| {
            let text = self.reader.text(&node, PATTERN_HINT)?;
            self.check_length(&node, "this text", length(text), LONGEST_NAME);
            if self.check_name_characters(&node, text).is_ok() {
                lint::foreign_pattern(&mut self.reader, &node, text);
            }
            Ok(Pattern::new(text))
        });
        collect_all(patterns).map(Patterns::new)
    }

    /// Reports characters that the names of secrets cannot contain.
    fn check_name_characters(&mut self, node: &NodeRef<'_>, text: &str) -> Result<(), Reported> {
        let is_allowed = |c: char| is_in_names(c) || "*?".contains(c);
        let Some(other) = text.chars().find(|c| !is_allowed(*c)) else {
            return Ok(());
        };
        let message = format!("secret names cannot contain `{other}`, so this never matches");
        let hint = if text.starts_with("arn:") {
            "write the name: in the ARN, it follows `:secret:` and ends before the last `-`"
                .to_owned()
        } else if let Some(hint) = quotes_hint(text) {
            hint
        } else if other == ',' {
            lint::list_hint(text)
        } else if lint::regular_expression(text).is_some() {
            lint::PATTERN_SYNTAX_HINT.to_owned()
        } else {
            format!("AWS allows letters, digits and `{NAME_PUNCTUATION}` in secret names")
        };
        Err(self.reader.error(node, "never-matches", message, &hint))
    }

    /// Reports a tag key that no tag can have.
    pub(super) fn check_tag_key(&mut self, node: &NodeRef<'_>, key: &str) {
        if key.is_empty() {
            let hint = format!("AWS allows 1 to {LONGEST_TAG_KEY} characters");
            let message = "a tag key cannot be empty, so this never matches";
            self.reader.error(node, "never-matches", message, &hint);
        }
        self.check_length(node, "the tag key", key.chars().count(), LONGEST_TAG_KEY);
    }

    fn check_length(&mut self, node: &NodeRef<'_>, what: &str, length: usize, longest: usize) {
        if length > longest {
            let message = format!("{what} has {length} characters, so it never matches");
            let hint = format!("AWS allows {longest} characters");
            self.reader.error(node, "never-matches", message, &hint);
        }
    }
}

/// The length of the shortest text that may match a pattern, in characters.
fn length(pattern: &str) -> usize {
    pattern.chars().filter(|c| *c != '*').count()
}
