//! Parses the tree of a document into a checked policy.

mod parse_condition;
mod parse_keys;
mod parse_regions;

use std::collections::{BTreeSet, HashSet};

use super::lint;
use super::node;
use super::problem::{PolicyInvalid, Severity};
use super::reader::{NodeReader, NodeRef, Reported, collect_all};
use super::regions::Groups;
use super::{Checked, Policy, Removal, Replicate, Rule, When};
use crate::limits::{Limits, Overwrite, RemovalLimit};
use crate::secret::Region;

pub(super) fn read(text: &str, limits: &Limits) -> Result<Checked, PolicyInvalid> {
    let root = node::parse(text).map_err(|problem| PolicyInvalid {
        problems: vec![problem],
    })?;
    let mut parser = Parser {
        reader: NodeReader::default(),
        limits,
        groups: Groups::default(),
        rule_names: HashSet::new(),
        targets: Targets::default(),
        defined: Vec::new(),
    };
    let policy = parser.parse_policy(&NodeRef::of(&root));
    let problems = parser.reader.into_problems(&root);
    let has_errors = problems
        .iter()
        .any(|problem| problem.severity == Severity::Error);
    match policy {
        Ok(policy) if !has_errors => Ok(Checked {
            policy,
            warnings: problems,
        }),
        _ => Err(PolicyInvalid { problems }),
    }
}

/// Parses a policy. A method that returns [`Reported`] has first parsed its whole node, so that all
/// problems are reported.
struct Parser<'a> {
    reader: NodeReader,
    limits: &'a Limits,
    groups: Groups,
    rule_names: HashSet<&'a str>,
    targets: Targets,
    /// The groups and the policy's keys, to compare with the targets after all rules.
    defined: Vec<Defined<'a>>,
}

/// The targets of all rules.
#[derive(Default)]
struct Targets {
    regions: BTreeSet<Region>,
    groups: HashSet<String>,
    /// Whether a tag may name further Regions and groups.
    has_tag: bool,
}

/// A group, or an entry of the policy's keys.
struct Defined<'a> {
    /// The name of the group, if the node is one.
    group: Option<&'a str>,
    node: NodeRef<'a>,
    regions: BTreeSet<Region>,
}

/// The maximum number of rules in a policy. More are a mistake or an attack.
const MAX_RULES: usize = 1000;

const REPLICATE_TO_HINT: &str =
    "list Regions or groups, or name the tag that lists them: `replicate-to: { tag: KEY }`";
const EFFECT_HINT: &str = "add `replicate-to` or `forbid`";
const REGION_HINT: &str = "write a Region code, for instance `eu-west-1`, or the name of a group";
const WILDCARD_HINT: &str =
    "wildcards are for `forbid` and `primary-region`; here, list Regions or name a group";
const FORBID_HINT: &str =
    "list Regions, groups or patterns: `forbid: [\"us-*\"]`, or `forbid: { except: [\"eu-*\"] }`";

impl<'a> Parser<'a> {
    fn parse_policy(&mut self, root: &NodeRef<'a>) -> Result<Policy, Reported> {
        if root.is_nothing() {
            let hint = "start with `version: 1` and a list of `rules`, for instance `rules: [{ name: \
                        all, when: all, replicate-to: us-west-2 }]`";
            let message = "the document is empty";
            return Err(self.reader.error(root, "wrong-type", message, hint));
        }
        if let Some(text) = root.as_text() {
            let message = "expected a policy, found one text";
            return Err(self
                .reader
                .error(root, "wrong-type", message, text_hint(text)));
        }
        let names = ["version", "groups", "kms-keys", "rules", "removal"];
        let [version, groups, keys, rules, removal] = self.reader.fields(root, names)?;
        let version = self.parse_version(version, root);
        // Groups are parsed first, because the other fields refer to them.
        let groups = groups.map(|groups| self.parse_groups(&groups)).transpose();
        let keys = keys.map(|keys| self.keys_by_region(&keys, None, true));
        let removal = removal.map(|removal| self.parse_removal(&removal));
        let rules = self.parse_rules(rules, root);
        self.lint_targets();
        version?;
        groups?;
        Ok(Policy {
            keys: keys.transpose()?.unwrap_or_default(),
            rules: rules?,
            removal: removal.transpose()?.unwrap_or(Removal::Never),
            groups: std::mem::take(&mut self.groups),
        })
    }

    /// Reports groups and keys for Regions that are targets and not allowed.
    fn lint_targets(&mut self) {
        for defined in std::mem::take(&mut self.defined) {
            let targets = &self.targets;
            let is_target = |region: &&Region| {
                targets.has_tag
                    || match defined.group {
                        Some(group) => targets.groups.contains(group),
                        None => targets.regions.contains(*region),
                    }
            };
            lint::regions_not_allowed(
                &mut self.reader,
                &defined.node,
                defined.regions.iter().filter(is_target),
                &self.limits.allowed_regions,
            );
        }
    }

    fn parse_version(
        &mut self,
        version: Option<NodeRef<'a>>,
        root: &NodeRef<'a>,
    ) -> Result<(), Reported> {
        let hint = "write `version: 1`";
        let version = self.reader.required(version, root, "version", hint)?;
        if version.is_text("1") {
            return Ok(());
        }
        let message = "unknown version; the only version is 1";
        Err(self
            .reader
            .error_in_text(&version, "unknown-version", message, hint))
    }

    fn parse_removal(&mut self, node: &NodeRef<'_>) -> Result<Removal, Reported> {
        if node.is_text("never") {
            return Ok(Removal::Never);
        }
        if node.is_text("covered") {
            if self.limits.removal == RemovalLimit::Never {
                lint::removal_not_allowed(&mut self.reader, node);
            }
            return Ok(Removal::Covered);
        }
        let message = "must be `never` or `covered`";
        let hint = "write `removal: never` or `removal: covered`";
        Err(self
            .reader
            .error_in_text(node, "unknown-removal", message, hint))
    }

    fn parse_rules(
        &mut self,
        rules: Option<NodeRef<'a>>,
        root: &NodeRef<'a>,
    ) -> Result<Vec<Rule>, Reported> {
        let hint = "list at least one rule; nothing replicates without a rule";
        let node = self.reader.required(rules, root, "rules", hint)?;
        let rules = self.reader.list(&node, hint)?;
        let count = rules.len();
        if count > MAX_RULES {
            let message = format!("the policy has {count} rules");
            let hint = format!(
                "a policy may have at most {MAX_RULES} rules; combine rules of the same effect"
            );
            return Err(self.reader.error(&node, "too-many-rules", message, &hint));
        }
        collect_all(rules.map(|rule| self.parse_rule(&rule)))
    }

    fn parse_rule(&mut self, node: &NodeRef<'a>) -> Result<Rule, Reported> {
        let names = [
            "name",
            "when",
            "replicate-to",
            "forbid",
            "kms-key",
            "overwrite",
        ];
        let [name, when, to, forbid, key, overwrite] = self.reader.fields(node, names)?;
        let name = self.parse_rule_name(name, node);
        let hint = "specify the secrets that the rule applies to; `when: all` means every secret";
        let when = self.reader.required(when, node, "when", hint);
        let when = when.and_then(|when| self.when(&when));
        let is_empty = to.is_none() && forbid.is_none();
        if is_empty && NodeReader::reported_unknown(node, names).is_none() {
            let message = "the rule has neither `replicate-to` nor `forbid`, so it does nothing";
            self.reader
                .error(node, "rule-without-effect", message, EFFECT_HINT);
        }
        let replicate = if let Some(to) = to {
            let primary_region = when.as_ref().ok().and_then(When::only_primary_region);
            Some(self.parse_replicate(&to, key, overwrite, primary_region))
        } else {
            // An unknown field may be `replicate-to`, misspelled.
            if NodeReader::reported_unknown(node, names).is_none() {
                self.reject_fields_without_targets([("kms-key", key), ("overwrite", overwrite)]);
            }
            None
        };
        let forbid = forbid.map(|forbid| self.forbid(&forbid));
        Ok(Rule {
            name: name?,
            when: when?,
            replicate: replicate.transpose()?,
            forbid: forbid.transpose()?,
        })
    }

    fn parse_rule_name(
        &mut self,
        name: Option<NodeRef<'a>>,
        rule: &NodeRef<'a>,
    ) -> Result<String, Reported> {
        let hint = "name the rule, for instance `tier-1`; the name appears in logs";
        let node = self.reader.required(name, rule, "name", hint)?;
        let name = self.reader.text(&node, hint)?;
        self.reader.check_name(&node, name);
        if !self.rule_names.insert(name) {
            let message = format!("another rule has the same name, `{name}`");
            let hint = "give each rule a unique name";
            self.reader
                .error(&node, "duplicate-rule-name", message, hint);
        }
        Ok(name.to_owned())
    }

    fn reject_fields_without_targets(&mut self, fields: [(&str, Option<NodeRef<'_>>); 2]) {
        for (name, field) in fields {
            if let Some(field) = field {
                let message = format!("`{name}` has no effect without `replicate-to`");
                self.reader
                    .error(&field, "field-without-effect", message, REPLICATE_TO_HINT);
            }
        }
    }

    /// Parses what a rule replicates. `primary_region` is the only one that the rule's condition allows,
    /// if there is only one.
    fn parse_replicate(
        &mut self,
        to: &NodeRef<'_>,
        key: Option<NodeRef<'a>>,
        overwrite: Option<NodeRef<'_>>,
        primary_region: Option<&str>,
    ) -> Result<Replicate, Reported> {
        let targets = self.replicate_to(to);
        if let (Ok(targets), Some(primary_region)) = (&targets, primary_region) {
            lint::always_primary_region(&mut self.reader, to, targets, primary_region);
        }
        let keys = key.map(|key| {
            let targets = targets.as_ref().ok();
            if key.is_map() {
                self.keys_by_region(&key, targets, false)
            } else {
                self.one_key(&key, targets, primary_region)
            }
        });
        let hint = "write `overwrite: true` or `overwrite: false`";
        let overwrite = overwrite.map(|node| {
            let overwrite = self.reader.boolean(&node, hint)?;
            if overwrite && self.limits.overwrite == Overwrite::Never {
                lint::overwrite_not_allowed(&mut self.reader, &node);
            }
            Ok(overwrite)
        });
        Ok(Replicate {
            to: targets?,
            keys: keys.transpose()?.unwrap_or_default(),
            overwrite: overwrite.transpose()?,
        })
    }
}

/// Returns the hint for a document that is one text.
fn text_hint(text: &str) -> &'static str {
    let is_document = ["version:", "\"version\"", "rules:"]
        .iter()
        .any(|part| text.contains(part));
    let is_file = [".yaml", ".yml", ".json"]
        .iter()
        .any(|end| text.ends_with(end));
    if is_document {
        "remove the quotes around the document"
    } else if is_file {
        "this is the name of a file: give its content; `secret-replicator parameter FILE --for sam` prints \
         it, quoted for SAM"
    } else {
        "start with `version: 1` and a list of `rules`"
    }
}
