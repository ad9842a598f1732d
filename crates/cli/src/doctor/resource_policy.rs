//! Evaluates resource policies for calls of AWS services.

use serde_json::Value;

/// Returns whether a statement allows an AWS service an action for a source, for instance EventBridge to invoke
/// a function for a rule. `None` is any source. Evaluates the conditions on `aws:SourceArn` and `aws:SourceAccount`
/// only.
pub(crate) fn allows_service(
    policy: &Value,
    service: &str,
    action: &str,
    source: Option<&str>,
) -> bool {
    let statements = items(&policy["Statement"]);
    let mut allowing = statements
        .into_iter()
        .filter(|row| row["Effect"] == "Allow");
    allowing.any(|row| {
        let is_service = row["Principal"] == "*"
            || row["Principal"]["AWS"] == "*"
            || contains(&row["Principal"]["Service"], service);
        let is_action = texts(&row["Action"])
            .any(|pattern| glob(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase()));
        let admits = |source| admits_source(&row["Condition"], source);
        is_service && is_action && source.is_none_or(admits)
    })
}

/// Returns whether the conditions on the ARN and the account of the source admit it.
fn admits_source(conditions: &Value, source: &str) -> bool {
    let operators = conditions.as_object().into_iter().flatten();
    let mut keys = operators.filter_map(|(_, keys)| keys.as_object()).flatten();
    keys.all(|(key, patterns)| {
        let value = match key.to_ascii_lowercase().as_str() {
            "aws:sourcearn" => source,
            "aws:sourceaccount" => source.split(':').nth(4).unwrap_or_default(),
            _ => return true,
        };
        texts(patterns).any(|pattern| glob(pattern, value))
    })
}

fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        other => vec![other],
    }
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    items(value).into_iter().filter_map(Value::as_str)
}

fn contains(value: &Value, text: &str) -> bool {
    texts(value).any(|item| item == text)
}

/// Returns whether a text matches a pattern with the wildcards `*` and `?`.
fn glob(pattern: &str, text: &str) -> bool {
    match (pattern.chars().next(), text.chars().next()) {
        (None, None) => true,
        (Some('*'), _) => {
            let rest = &pattern[1..];
            let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.any(|at| glob(rest, &text[at..]))
        }
        (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
            glob(&pattern[wanted.len_utf8()..], &text[found.len_utf8()..])
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const RULE: &str = "arn:aws:events:us-east-1:123456789012:rule/changed";

    fn allows(statement: &Value) -> bool {
        let policy = json!({ "Statement": [statement] });
        allows_service(
            &policy,
            "events.amazonaws.com",
            "lambda:InvokeFunction",
            Some(RULE),
        )
    }

    #[test]
    fn a_service_is_allowed_for_the_source_that_the_statement_names() {
        let mut statement = json!({
            "Effect": "Allow",
            "Principal": { "Service": ["events.amazonaws.com"] },
            "Action": "lambda:Invoke*",
            "Condition": { "ArnLike": { "AWS:SourceArn": "arn:aws:events:*:123456789012:rule/?hanged" } }
        });
        assert!(allows(&statement));
        statement["Condition"]["ArnLike"]["AWS:SourceArn"] = json!([RULE]);
        assert!(allows(&statement));
        statement["Condition"]["ArnLike"]["AWS:SourceArn"] = json!("arn:aws:events:*:rule/other");
        assert!(!allows(&statement));
    }

    #[test]
    fn another_service_action_or_effect_does_not_allow() {
        let statement = json!({
            "Effect": "Allow",
            "Principal": { "Service": "events.amazonaws.com" },
            "Action": ["lambda:InvokeFunction"]
        });
        assert!(allows(&statement));
        for (field, value) in [
            ("Effect", json!("Deny")),
            ("Principal", json!({ "Service": "s3.amazonaws.com" })),
            ("Action", json!("lambda:GetFunction")),
        ] {
            let mut other = statement.clone();
            other[field] = value;
            assert!(!allows(&other), "{field}");
        }
    }
}
