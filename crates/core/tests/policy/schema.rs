//! The JSON Schema matches its types, the reader, and the existing policies.

use std::collections::BTreeSet;
use std::path::PathBuf;

use jsonschema::Validator;
use proptest::prelude::*;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use secret_replicator_core::limits::AllowedRegions;
use secret_replicator_core::policy;
use serde_json::Value;

use crate::corpus::{Broken, WARNINGS, problems};
use crate::examples::examples;
use crate::language::Document;
use crate::{files, read, root};
use secret_replicator_reference_policy::generator;

/// Codes that depend only on the form of a document. The others depend on its meaning.
const STRUCTURAL: [&str; 16] = [
    "ambiguous-group-name",
    "bad-group-name",
    "empty-condition",
    "empty-list",
    "empty-map",
    "empty-text",
    "field-without-effect",
    "missing-field",
    "not-a-boolean",
    "not-a-key",
    "invalid-region",
    "rule-without-effect",
    "unknown-field",
    "unknown-removal",
    "unknown-version",
    "wrong-type",
];

/// Generates the schema in draft 7, which editors support.
fn schema() -> Value {
    let settings = SchemaSettings::draft07().with_transform(RecursiveTransform(tidy));
    let generator = settings.into_generator();
    generator.into_root_schema_for::<Document>().to_value()
}

/// Removes null from optional fields, and joins each description into one paragraph.
fn tidy(schema: &mut Schema) {
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = &kinds[..] {
            let kind = kind.clone();
            schema.insert("type".to_owned(), kind);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|choice| choice["type"] != "null");
    }
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.replace('\n', " ");
    }
}

fn validator() -> Validator {
    jsonschema::validator_for(&schema()).expect("a schema")
}

/// Parses a document as editors do: as YAML 1.2, in which `yes` is a text.
fn value(text: &str) -> Option<Value> {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).ok()
}

fn violations(validator: &Validator, text: &str) -> Vec<String> {
    let value = value(text).expect("YAML");
    let errors = validator.iter_errors(&value);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn the_schema_file_is_in_step_with_the_types() {
    let path = root().join("schema/policy.schema.json");
    let mut text = serde_json::to_string_pretty(&schema()).expect("JSON");
    text.push('\n');
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &text).expect("schema/");
    }
    assert!(
        std::fs::read_to_string(&path).is_ok_and(|file| file == text),
        "{} is out of date: run this test with UPDATE_SCHEMA=1",
        path.display()
    );
}

#[test]
fn every_policy_that_there_is_fits_the_schema() {
    let validator = validator();
    let mut paths: Vec<PathBuf> = examples();
    paths.push(root().join("policy.yaml"));
    for path in paths {
        let violations = violations(&validator, &read(&path));
        assert!(violations.is_empty(), "{}: {violations:?}", path.display());
    }
    for path in files("docs", &["md"])
        .into_iter()
        .chain([root().join("README.md")])
    {
        for block in read(&path).split("```yaml\n").skip(1) {
            let block = block.split("```").next().unwrap_or_default();
            let violations = violations(&validator, block);
            assert!(violations.is_empty(), "{}: {violations:?}", path.display());
        }
    }
}

#[test]
fn every_policy_that_the_checker_accepts_fits_the_schema() {
    let validator = validator();
    proptest!(ProptestConfig::with_cases(300), |(policy in generator::policy())| {
        let text = generator::written(&policy);
        if policy::check(&text, &AllowedRegions::Any).is_ok() {
            prop_assert_eq!(violations(&validator, &text), Vec::<String>::new(), "{}", text);
        }
    });
}

#[test]
fn a_policy_of_the_wrong_form_does_not_fit_the_schema() {
    let validator = validator();
    let mut count = 0;
    for broken in Broken::corpus() {
        let problems = broken.problems();
        if problems
            .iter()
            .any(|problem| STRUCTURAL.contains(&problem.code))
        {
            // A document with a duplicate key has no JSON value, and JSON Schema treats `1.0` as `1`.
            let fits = value(&broken.text).is_some_and(|value| validator.is_valid(&value));
            assert!(
                !fits || broken.text.contains("version: 1.0"),
                "{}",
                broken.name()
            );
            count += 1;
        }
    }
    assert!(count > 30, "{count}");
}

#[test]
fn a_policy_with_warnings_fits_the_schema() {
    let validator = validator();
    let mut count = 0;
    for broken in Broken::corpus() {
        let codes = WARNINGS.into_iter().chain(["duplicate-rule-name"]);
        if codes
            .into_iter()
            .any(|code| broken.name().starts_with(code))
        {
            let violations = violations(&validator, &broken.text);
            assert!(violations.is_empty(), "{}: {violations:?}", broken.name());
            count += 1;
        }
    }
    assert!(count >= 8, "{count}");
}

/// Returns the fields that the checker knows at `{}`, from its hint about an unknown field.
fn fields_of_the_checker(document: &str) -> BTreeSet<String> {
    let text = document.replace("{}", "{ zzzzzzzzzzzzzzzz: 1 }");
    let problems = problems(&text, &AllowedRegions::Any);
    let unknown = problems
        .iter()
        .find(|problem| problem.code == "unknown-field");
    let hint = &unknown.expect("an unknown field").hint;
    hint.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_schema_and_the_checker_know_the_same_fields() {
    let rule = |field: &str| format!("version: 1\nrules: [{{ name: a, {field} }}]");
    let cases = [
        ("", "{}".to_owned()),
        ("Rule", "version: 1\nrules: [{}]".to_owned()),
        ("Condition", rule("when: {}")),
        ("Exclusion", rule("when: { not: {} }")),
        ("FromTag", rule("replicate-to: {}")),
        ("AllExcept", rule("forbid: {}")),
    ];
    let schema = schema();
    for (name, document) in cases {
        let definition = if name.is_empty() {
            &schema
        } else {
            &schema["definitions"][name]
        };
        let properties = definition["properties"].as_object().expect(name);
        let fields: BTreeSet<String> = properties.keys().cloned().collect();
        assert_eq!(fields, fields_of_the_checker(&document), "{name}");
    }
}

#[test]
fn every_field_and_every_type_is_described() {
    let schema = schema();
    let definitions = schema["definitions"].as_object().expect("definitions");
    for (name, definition) in definitions
        .iter()
        .filter(|(name, _)| !name.ends_with("OrList"))
    {
        let is_described = definition["description"].is_string() || name == "Version";
        assert!(is_described, "{name}");
        for (field, property) in definition["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].is_string(), "{name}.{field}");
        }
    }
    for (field, property) in schema["properties"].as_object().expect("properties") {
        assert!(property["description"].is_string(), "{field}");
    }
}
