//! From a document's tree to a checked [`Policy`], collecting every problem on the way.

use std::collections::{BTreeMap, BTreeSet};

use crate::secret::Region;

use super::node::{self, Field, Node, Value};
use super::patterns::Patterns;
use super::problem::{PolicyInvalid, Problem};
use super::{Policy, ReplicateTo, Rule, When};

pub(super) fn read(text: &str) -> Result<Policy, PolicyInvalid> {
    let root = node::parse(text).map_err(|problem| PolicyInvalid {
        problems: vec![problem],
    })?;
    let mut reader = Reader::default();
    match reader.policy(&root) {
        Some(policy) if reader.problems.is_empty() => Ok(policy),
        _ => {
            reader
                .problems
                .sort_by_key(|problem| (problem.line, problem.column));
            Err(PolicyInvalid {
                problems: reader.problems,
            })
        }
    }
}

/// Collects problems; a method answers `None` only after it has noted why.
#[derive(Default)]
struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    fn policy(&mut self, root: &Node) -> Option<Policy> {
        let [version, rules] = self.fields(root, "", ["version", "rules"])?;
        if let Some(version) = self.required(version, root, "", "version", "write `version: 1`") {
            self.version(&version.node);
        }
        let hint = "list at least one rule; nothing replicates unless a rule says so";
        let rules = self.required(rules, root, "", "rules", hint)?;
        let items = self.list(&rules.node, "rules", hint)?;
        let rules: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.rule(&format!("rules[{index}]"), item))
            .collect();
        self.unique_names(items);
        Some(Policy {
            rules: rules.into_iter().collect::<Option<_>>()?,
        })
    }

    fn version(&mut self, node: &Node) {
        if !matches!(&node.value, Value::Text(text) if text == "1") {
            let message = "this function reads policies of version 1";
            self.note(
                node,
                "version",
                "unknown-version",
                message,
                "write `version: 1`",
            );
        }
    }

    fn rule(&mut self, path: &str, node: &Node) -> Option<Rule> {
        let [name, when, to] = self.fields(node, path, ["name", "when", "replicate-to"])?;
        let hint = "name the rule, for instance `tier-1`; logs show the name";
        let name = self
            .required(name, node, path, "name", hint)
            .and_then(|field| self.text(&field.node, &format!("{path}.name"), hint));
        let hint = "say which secrets the rule is for; `when: all` means every secret";
        let when = self
            .required(when, node, path, "when", hint)
            .and_then(|field| self.when(&field.node, &format!("{path}.when")));
        let replicate_to = self
            .required(to, node, path, "replicate-to", REPLICATE_TO_HINT)
            .and_then(|field| self.replicate_to(&field.node, &format!("{path}.replicate-to")));
        Some(Rule {
            name: name?,
            when: when?,
            replicate_to: replicate_to?,
        })
    }

    fn unique_names(&mut self, rules: &[Node]) {
        let mut seen = BTreeSet::new();
        for (index, rule) in rules.iter().enumerate() {
            let Some((node, name)) = rule_name(rule) else {
                continue;
            };
            if !seen.insert(name) {
                let message = format!("another rule has the name `{name}` too");
                let path = format!("rules[{index}].name");
                let hint = "give each rule a name of its own";
                self.note(node, &path, "duplicate-rule-name", message, hint);
            }
        }
    }

    fn when(&mut self, node: &Node, path: &str) -> Option<When> {
        if matches!(&node.value, Value::Text(text) if text == "all") {
            return Some(When::All);
        }
        let hint = "write `when: all`, or a map with `tags`, `secret-name` or both";
        if !matches!(node.value, Value::Fields(_)) {
            let message = format!("{} is no condition", node.value.kind());
            self.note(node, path, "wrong-type", message, hint);
            return None;
        }
        let [tags, secret_name] = self.fields(node, path, ["tags", "secret-name"])?;
        if tags.is_none() && secret_name.is_none() {
            let message = "an empty condition would match every secret";
            self.note(
                node,
                path,
                "empty-condition",
                message,
                "write `when: all` to mean that",
            );
            return None;
        }
        let tags = match tags {
            Some(field) => self.tags(&field.node, &format!("{path}.tags")),
            None => Some(BTreeMap::new()),
        };
        let secret_name = match secret_name {
            Some(field) => self
                .patterns(&field.node, &format!("{path}.secret-name"))
                .map(Some),
            None => Some(None),
        };
        Some(When::Matches {
            tags: tags?,
            secret_name: secret_name?,
        })
    }

    fn tags(&mut self, node: &Node, path: &str) -> Option<BTreeMap<String, Patterns>> {
        let hint = "map tag keys to values, for instance `tags: { tier: [\"0\", \"1\"] }`";
        let Value::Fields(fields) = &node.value else {
            let message = format!("{} where a map of tags is expected", node.value.kind());
            self.note(node, path, "wrong-type", message, hint);
            return None;
        };
        if fields.is_empty() {
            self.note(
                node,
                path,
                "empty-condition",
                "no tag is named, so all would match",
                hint,
            );
            return None;
        }
        self.no_repeats(fields, path);
        let tags: Vec<_> = fields
            .iter()
            .map(|field| {
                let patterns = self.patterns(&field.node, &format!("{path}.{}", field.key))?;
                Some((field.key.clone(), patterns))
            })
            .collect();
        tags.into_iter().collect()
    }

    fn patterns(&mut self, node: &Node, path: &str) -> Option<Patterns> {
        let hint = "write a text, or a list of texts of which one must match; `*` matches any text";
        self.texts(node, path, hint)
            .map(|texts| Patterns::new(texts.iter().map(|(_, text)| text.as_str())))
    }

    fn replicate_to(&mut self, node: &Node, path: &str) -> Option<ReplicateTo> {
        if matches!(node.value, Value::Fields(_)) {
            let [tag] = self.fields(node, path, ["tag"])?;
            let field = self.required(tag, node, path, "tag", REPLICATE_TO_HINT)?;
            let key = self.text(&field.node, &format!("{path}.tag"), REPLICATE_TO_HINT)?;
            return Some(ReplicateTo::Tag(key));
        }
        let texts = self.texts(node, path, REPLICATE_TO_HINT)?;
        let regions: Vec<_> = texts
            .into_iter()
            .map(|(node, text)| {
                Region::parse(&text)
                    .map_err(|error| {
                        let hint = "write a Region code, for instance `eu-west-1`";
                        self.note(node, path, "not-a-region", error.to_string(), hint);
                    })
                    .ok()
            })
            .collect();
        regions
            .into_iter()
            .collect::<Option<_>>()
            .map(ReplicateTo::Regions)
    }

    /// A text, or a list of at least one.
    fn texts<'a>(
        &mut self,
        node: &'a Node,
        path: &str,
        hint: &str,
    ) -> Option<Vec<(&'a Node, String)>> {
        if !matches!(node.value, Value::List(_)) {
            return self.text(node, path, hint).map(|text| vec![(node, text)]);
        }
        let texts: Vec<_> = self
            .list(node, path, hint)?
            .iter()
            .enumerate()
            .map(|(index, item)| Some((item, self.text(item, &format!("{path}[{index}]"), hint)?)))
            .collect();
        texts.into_iter().collect()
    }

    fn text(&mut self, node: &Node, path: &str, hint: &str) -> Option<String> {
        match &node.value {
            Value::Text(text) if !text.is_empty() => return Some(text.clone()),
            Value::Text(_) => self.note(node, path, "empty-text", "the text is empty", hint),
            other => {
                let message = format!("{} where a text is expected", other.kind());
                self.note(node, path, "wrong-type", message, hint);
            }
        }
        None
    }

    fn list<'a>(&mut self, node: &'a Node, path: &str, hint: &str) -> Option<&'a [Node]> {
        match &node.value {
            Value::List(items) if !items.is_empty() => return Some(items),
            Value::List(_) => self.note(node, path, "empty-list", "the list is empty", hint),
            other => {
                let message = format!("{} where a list is expected", other.kind());
                self.note(node, path, "wrong-type", message, hint);
            }
        }
        None
    }

    /// The named fields of a map, each at its place in the answer. Others are noted.
    fn fields<'a, const N: usize>(
        &mut self,
        node: &'a Node,
        path: &str,
        names: [&str; N],
    ) -> Option<[Option<&'a Field>; N]> {
        let hint = format!("the fields are {}", in_words(&names));
        let Value::Fields(fields) = &node.value else {
            let message = format!("{} where a map is expected", node.value.kind());
            self.note(node, path, "wrong-type", message, &hint);
            return None;
        };
        self.no_repeats(fields, path);
        for field in fields
            .iter()
            .filter(|field| !names.contains(&field.key.as_str()))
        {
            let message = format!("the field `{}` is unknown", field.key);
            self.note_key(field, path, "unknown-field", message, &hint);
        }
        Some(names.map(|name| fields.iter().find(|field| field.key == name)))
    }

    fn no_repeats(&mut self, fields: &[Field], path: &str) {
        let mut seen = BTreeSet::new();
        for field in fields {
            if !seen.insert(field.key.as_str()) {
                let message = format!("`{}` is written twice", field.key);
                self.note_key(field, path, "repeated-field", message, "keep one of them");
            }
        }
    }

    fn required<'a>(
        &mut self,
        field: Option<&'a Field>,
        parent: &Node,
        path: &str,
        name: &str,
        hint: &str,
    ) -> Option<&'a Field> {
        if field.is_none() {
            let message = format!("the field `{name}` is missing");
            self.note(parent, path, "missing-field", message, hint);
        }
        field
    }

    fn note(
        &mut self,
        node: &Node,
        path: &str,
        code: &'static str,
        message: impl Into<String>,
        hint: &str,
    ) {
        self.problems.push(Problem {
            path: path.to_owned(),
            line: node.line,
            column: node.column,
            code,
            message: message.into(),
            hint: hint.to_owned(),
        });
    }

    fn note_key(
        &mut self,
        field: &Field,
        path: &str,
        code: &'static str,
        message: String,
        hint: &str,
    ) {
        let dot = if path.is_empty() { "" } else { "." };
        self.problems.push(Problem {
            path: format!("{path}{dot}{}", field.key),
            line: field.line,
            column: field.column,
            code,
            message,
            hint: hint.to_owned(),
        });
    }
}

const REPLICATE_TO_HINT: &str =
    "list Regions, or name the tag that lists them: `replicate-to: { tag: KEY }`";

fn rule_name(rule: &Node) -> Option<(&Node, &str)> {
    let Value::Fields(fields) = &rule.value else {
        return None;
    };
    let field = fields.iter().find(|field| field.key == "name")?;
    match &field.node.value {
        Value::Text(name) => Some((&field.node, name)),
        _ => None,
    }
}

fn in_words(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::DEFAULT_POLICY;
    use super::*;

    fn messages(text: &str) -> String {
        read(text).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn the_built_in_policy_is_right() {
        assert_eq!(read(DEFAULT_POLICY).unwrap().rule_count(), 1);
    }

    #[test]
    fn a_policy_may_be_json() {
        let json = r#"{"version": 1, "rules": [
            {"name": "a", "when": "all", "replicate-to": ["eu-west-1"]}]}"#;
        assert_eq!(read(json).unwrap().rule_count(), 1);
    }

    #[test]
    fn every_problem_is_listed_with_its_place_and_a_hint() {
        insta::assert_snapshot!(messages(
            "version: 2
rules:
  - name: a
    when: { tags: { tier: [] }, region: x }
    replicate-to: [dr, eu-west-1, 7]
  - name: a
    replicate_to: [eu-west-1]
  - name: \"\"
    when: {}
    replicate-to: {}
  - when: [all]
    when: all
    replicate-to: []
  - nonsense
rulez: []
"
        ));
    }

    #[test]
    fn a_document_that_is_no_map_says_what_is_expected() {
        for text in ["", "[]", "just text", "~"] {
            let message = messages(text);
            assert!(message.contains("[wrong-type]"), "{text:?}: {message}");
        }
    }

    #[test]
    fn a_document_that_is_no_yaml_names_the_place() {
        insta::assert_snapshot!(messages("version: 1\nrules: [\n"));
    }
}
