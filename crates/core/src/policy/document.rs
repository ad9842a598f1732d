//! From a document's tree to a checked policy.

mod condition;
mod keys;
mod regions;

use std::collections::HashSet;

use super::doubts;
use super::effort::Effort;
use super::keys::Keys;
use super::node;
use super::problem::{PolicyInvalid, Severity};
use super::reader::{Place, Reader};
use super::regions::{Forbid, Groups};
use super::{Checked, Policy, Removal, Replicate, Rule, When};
use crate::limits::AllowedRegions;

pub(super) fn read(text: &str, allowed_regions: &AllowedRegions) -> Result<Checked, PolicyInvalid> {
    let root = node::parse(text).map_err(|problem| PolicyInvalid {
        problems: vec![problem],
    })?;
    let mut document = Document {
        reader: Reader::default(),
        allowed_regions,
        groups: Groups::default(),
        rule_names: HashSet::new(),
        effort: Effort::new(),
    };
    let policy = document.policy(&Place::of(&root));
    let problems = document.reader.into_problems(&root);
    match policy {
        Some(policy)
            if problems
                .iter()
                .all(|problem| problem.severity == Severity::Warning) =>
        {
            Ok(Checked {
                policy,
                warnings: problems,
            })
        }
        _ => Err(PolicyInvalid { problems }),
    }
}

/// A rule with the places that later checks point at.
pub(super) struct PlacedRule<'a> {
    /// Which of the rules that can be read it is.
    pub(super) index: usize,
    pub(super) rule: Rule,
    pub(super) place: Place<'a>,
    pub(super) when: Place<'a>,
    pub(super) replicate_to: Option<Place<'a>>,
}

struct Document<'a> {
    reader: Reader,
    allowed_regions: &'a AllowedRegions,
    groups: Groups,
    rule_names: HashSet<&'a str>,
    effort: Effort,
}

/// More rules than anybody reads are a slip or an attack.
const MOST_RULES: usize = 1000;

const REPLICATE_TO_HINT: &str =
    "list Regions or groups, or name the tag that lists them: `replicate-to: { tag: KEY }`";
const REGION_HINT: &str = "write a Region code, for instance `eu-west-1`, or the name of a group";
const WILDCARD_HINT: &str =
    "wildcards are for `forbid` and `primary-region`; here, list Regions or name a group";
const FORBID_HINT: &str =
    "list Regions, groups or patterns: `forbid: [\"us-*\"]`, or `forbid: { except: [\"eu-*\"] }`";

impl<'a> Document<'a> {
    fn policy(&mut self, root: &Place<'a>) -> Option<Policy> {
        let names = ["version", "groups", "kms-keys", "rules", "removal"];
        let [version, groups, keys, rules, removal] = self.reader.fields(root, names)?;
        let hint = "write `version: 1`";
        if let Some(version) = self.reader.required(version, root, "version", hint)
            && !version.is_text("1")
        {
            let message = "this function reads policies of version 1";
            self.reader
                .error(&version, "unknown-version", message, hint);
        }
        if let Some(groups) = groups {
            self.groups = self.groups(&groups).unwrap_or_default();
        }
        let keys = keys.map_or(Some(Keys::default()), |keys| {
            self.keys_by_region(&keys, None)
        });
        let removal = removal.map_or(Some(Removal::Never), |removal| self.removal(&removal));
        let hint = "list at least one rule; nothing replicates unless a rule says so";
        let rules = self.reader.required(rules, root, "rules", hint)?;
        let rules = self.rules(&rules, hint)?;
        Some(Policy {
            groups: std::mem::take(&mut self.groups),
            keys: keys?,
            rules,
            removal: removal?,
        })
    }

    /// The rules, checked against one another as far as they can be read.
    fn rules(&mut self, place: &Place<'a>, hint: &str) -> Option<Vec<Rule>> {
        let places = self.reader.list(place, hint)?;
        let count = places.len();
        if count > MOST_RULES {
            let message = format!("the policy has {count} rules");
            let hint =
                format!("a policy may have {MOST_RULES} rules; group rules that say the same");
            self.reader.error(place, "too-many-rules", message, &hint);
            return None;
        }
        let mut rules = Vec::with_capacity(count);
        for place in places {
            rules.extend(self.rule(place, rules.len()));
        }
        doubts::check(&mut self.reader, &rules, &self.effort);
        let is_complete = rules.len() == count;
        is_complete.then(|| rules.into_iter().map(|placed| placed.rule).collect())
    }

    fn removal(&mut self, place: &Place<'_>) -> Option<Removal> {
        if place.is_text("never") {
            return Some(Removal::Never);
        }
        if place.is_text("covered") {
            return Some(Removal::Covered);
        }
        let hint = "write `removal: never` or `removal: covered`";
        self.reader.error(
            place,
            "unknown-removal",
            "neither `never` nor `covered`",
            hint,
        );
        None
    }

    fn rule(&mut self, place: Place<'a>, index: usize) -> Option<PlacedRule<'a>> {
        let names = [
            "name",
            "when",
            "replicate-to",
            "forbid",
            "kms-key",
            "overwrite",
        ];
        let [name, when, to, forbid, key, overwrite] = self.reader.fields(&place, names)?;
        let hint = "name the rule, for instance `tier-1`; logs show the name";
        let name = self.reader.required(name, &place, "name", hint);
        let name_place = name;
        let name = name.and_then(|name| self.reader.text(&name, hint));
        if let Some(place) = name_place {
            self.unique_name(name, &place);
        }
        let hint = "say which secrets the rule is for; `when: all` means every secret";
        let when_place = self.reader.required(when, &place, "when", hint);
        let when = when_place.as_ref().and_then(|when| self.when(when));
        if to.is_none() && forbid.is_none() && !Reader::has_others(&place, names) {
            let message = "the rule has neither `replicate-to` nor `forbid`, so it does nothing";
            self.reader
                .error(&place, "rule-without-effect", message, REPLICATE_TO_HINT);
        }
        let own = when.as_ref().and_then(When::only_primary_region);
        let effects = self.effects(to.as_ref(), forbid, [key, overwrite], own);
        let (replicate, forbid) = effects?;
        let rule = Rule {
            name: name?.to_owned(),
            when: when?,
            replicate,
            forbid,
        };
        Some(PlacedRule {
            index,
            rule,
            place,
            when: when_place?,
            replicate_to: to,
        })
    }

    fn effects(
        &mut self,
        to: Option<&Place<'_>>,
        forbid: Option<Place<'_>>,
        [key, overwrite]: [Option<Place<'_>>; 2],
        own: Option<&str>,
    ) -> Option<(Option<Replicate>, Option<Forbid>)> {
        let replicate = if let Some(to) = to {
            self.replicate(to, [key.as_ref(), overwrite.as_ref()], own)
                .map(Some)
        } else {
            self.without_targets([("kms-key", key), ("overwrite", overwrite)]);
            Some(None)
        };
        let forbid = match forbid {
            Some(forbid) => self.forbid(&forbid).map(Some),
            None => Some(None),
        };
        Some((replicate?, forbid?))
    }

    fn unique_name(&mut self, name: Option<&'a str>, place: &Place<'_>) {
        if let Some(name) = name.filter(|name| !self.rule_names.insert(name)) {
            let message = format!("another rule has the name `{name}` too");
            let hint = "give each rule a name of its own";
            self.reader
                .error(place, "duplicate-rule-name", message, hint);
        }
    }

    fn without_targets(&mut self, fields: [(&str, Option<Place<'_>>); 2]) {
        for (name, field) in fields {
            if let Some(field) = field {
                let message = format!("`{name}` without `replicate-to` means nothing");
                self.reader
                    .error(&field, "field-without-effect", message, REPLICATE_TO_HINT);
            }
        }
    }

    fn replicate(
        &mut self,
        to: &Place<'_>,
        [key, overwrite]: [Option<&Place<'_>>; 2],
        own: Option<&str>,
    ) -> Option<Replicate> {
        let targets = self.replicate_to(to);
        let keys = match key {
            Some(place) if place.is_map() => self.keys_by_region(place, targets.as_ref()),
            Some(place) => self.one_key(place, targets.as_ref(), own),
            None => Some(Keys::default()),
        };
        let hint = "write `overwrite: true` or `overwrite: false`";
        let overwrite = match overwrite {
            Some(place) => self.reader.boolean(place, hint).map(Some),
            None => Some(None),
        };
        Some(Replicate {
            to: targets?,
            keys: keys?,
            overwrite: overwrite?,
        })
    }
}
