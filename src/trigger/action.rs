//! The actions that can be sent by hand. Unknown fields are errors, so that a typo never turns a dry
//! run into a real one.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    BadEvent, Explained, Home, Origin, Request, SECRET_ID_CURE, Trigger, cut, is_secret_id,
};
use crate::budget::Wait;
use crate::secret::{Region, Secret, SecretId};

const RECONCILE_CURE: &str =
    "send {\"action\": \"reconcile\", \"secretId\": \"...\", \"dryRun\": false}";
const EXPLAIN_CURE: &str = "send {\"action\": \"explain\", \"secretId\": \"...\"} for a secret that \
    exists, or {\"action\": \"explain\", \"secret\": {\"name\": \"...\", \"tags\": {}, \
    \"primaryRegion\": \"...\", \"kmsKeyId\": \"...\"}}";

/// Reads an action.
pub(super) fn parse(event: &str, home: &Home) -> Trigger {
    let fields: Map<String, Value> = serde_json::from_str(event).unwrap_or_default();
    let name = fields
        .get("action")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let (origin, request) = match name {
        "reconcile" => (
            Origin::named(name),
            reconcile(&Fields::of(&fields, RECONCILE_CURE), home),
        ),
        "explain" => (
            Origin::named(name),
            explain(&Fields::of(&fields, EXPLAIN_CURE), home),
        ),
        _ => {
            let message = format!(
                "the action `{}` is unknown; there are `reconcile` and `explain`",
                cut(name)
            );
            (
                Origin::unknown(),
                Err(BadEvent {
                    message,
                    cure: RECONCILE_CURE,
                }),
            )
        }
    };
    Trigger {
        origin,
        request: request.unwrap_or_else(Request::Bad),
    }
}

fn reconcile(fields: &Fields<'_>, home: &Home) -> Result<Request, BadEvent> {
    fields.only(&["action", "secretId", "dryRun"])?;
    let secret = fields.secret_id(home)?.ok_or_else(|| BadEvent {
        message: "the field `secretId` is missing".to_owned(),
        cure: SECRET_ID_CURE,
    })?;
    let dry_run = match fields.get("dryRun") {
        None => false,
        Some(Value::Bool(dry_run)) => *dry_run,
        Some(_) => return fields.bad("`dryRun` is neither true nor false".to_owned()),
    };
    Ok(Request::Reconcile {
        secret,
        dry_run,
        wait: Wait::Never,
    })
}

fn explain(fields: &Fields<'_>, home: &Home) -> Result<Request, BadEvent> {
    fields.only(&["action", "secretId", "secret"])?;
    let explained = match (fields.secret_id(home)?, fields.get("secret")) {
        (Some(id), None) => Explained::Existing(id),
        (None, Some(Value::Object(secret))) => {
            let secret = hypothetical(&Fields::of(secret, EXPLAIN_CURE), home)?;
            Explained::Hypothetical(Box::new(secret))
        }
        (None, Some(_)) => return fields.bad("`secret` is no object".to_owned()),
        _ => return fields.bad("give either `secretId` or `secret`".to_owned()),
    };
    Ok(Request::Explain(explained))
}

/// A secret that need not exist.
fn hypothetical(fields: &Fields<'_>, home: &Home) -> Result<Secret, BadEvent> {
    fields.only(&["name", "tags", "primaryRegion", "kmsKeyId"])?;
    let region = match fields.text("primaryRegion")? {
        Some(code) => Region::parse(&cut(code)).map_err(|error| BadEvent {
            message: format!("`secret.primaryRegion`: {error}"),
            cure: EXPLAIN_CURE,
        })?,
        None => home.region.clone(),
    };
    let name = fields.text("name")?.unwrap_or_default();
    let hypothetical =
        Secret::hypothetical(name, fields.tags()?, &region, fields.text("kmsKeyId")?);
    hypothetical.or_else(|error| fields.bad(format!("`secret.name`: {error}")))
}

/// The fields of an object, and what to do if one is wrong.
struct Fields<'a> {
    fields: &'a Map<String, Value>,
    cure: &'static str,
}

impl<'a> Fields<'a> {
    fn of(fields: &'a Map<String, Value>, cure: &'static str) -> Self {
        Self { fields, cure }
    }

    fn bad<T>(&self, message: String) -> Result<T, BadEvent> {
        Err(BadEvent {
            message,
            cure: self.cure,
        })
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name)
    }

    fn only(&self, known: &[&str]) -> Result<(), BadEvent> {
        let Some(unknown) = self
            .fields
            .keys()
            .find(|key| !known.contains(&key.as_str()))
        else {
            return Ok(());
        };
        let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        self.bad(format!(
            "unknown field `{}`; the fields are {}",
            cut(unknown),
            known.join(", ")
        ))
    }

    fn text(&self, name: &str) -> Result<Option<&'a str>, BadEvent> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => self.bad(format!("`{name}` is no text")),
        }
    }

    fn tags(&self) -> Result<BTreeMap<String, String>, BadEvent> {
        let tags = match self.get("tags") {
            None => return Ok(BTreeMap::new()),
            Some(Value::Object(tags)) => tags,
            Some(_) => return self.bad("`secret.tags` is no object".to_owned()),
        };
        let text =
            |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
        let tags: Option<BTreeMap<String, String>> = tags.iter().map(text).collect();
        tags.map_or_else(
            || self.bad("a value of `secret.tags` is no text".to_owned()),
            Ok,
        )
    }

    fn secret_id(&self, home: &Home) -> Result<Option<SecretId>, BadEvent> {
        let Some(text) = self.text("secretId")? else {
            return Ok(None);
        };
        let bad = |message, cure| Err(BadEvent { message, cure });
        if !is_secret_id(text) {
            let message = format!("`secretId` has {} characters", text.chars().count());
            return bad(message, SECRET_ID_CURE);
        }
        let id = SecretId::new(text);
        match &id {
            SecretId::Arn(arn) if arn.region() != &home.region => bad(
                format!(
                    "the secret is in {}, this function in {}",
                    arn.region(),
                    home.region
                ),
                "send the action to the function in the secret's Region",
            ),
            _ => Ok(Some(id)),
        }
    }
}
