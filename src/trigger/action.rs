//! The actions that can be sent by hand. Unknown fields are errors, so that a typo never turns a dry
//! run into a real one.

use serde_json::{Map, Value};

use super::{BadEvent, Home, Origin, Request, SECRET_ID_CURE, Trigger, cut, is_secret_id};
use crate::budget::Wait;
use crate::secret::SecretId;

const CURE: &str = "send {\"action\": \"reconcile\", \"secretId\": \"...\", \"dryRun\": false}";

/// Reads an action.
pub(super) fn parse(event: &str, home: &Home) -> Trigger {
    let fields: Map<String, Value> = serde_json::from_str(event).unwrap_or_default();
    let name = fields
        .get("action")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let (origin, request) = if name == "reconcile" {
        (Origin::named(name), reconcile(&fields, home))
    } else {
        let message = format!(
            "the action `{}` is unknown; there is `reconcile`",
            cut(name)
        );
        (
            Origin::unknown(),
            Err(BadEvent {
                message,
                cure: CURE,
            }),
        )
    };
    Trigger {
        origin,
        request: request.unwrap_or_else(Request::Bad),
    }
}

fn reconcile(fields: &Map<String, Value>, home: &Home) -> Result<Request, BadEvent> {
    only(fields, &["action", "secretId", "dryRun"])?;
    let bad = |message: String, cure| Err(BadEvent { message, cure });
    let id = match fields.get("secretId") {
        Some(Value::String(id)) => id,
        Some(_) => return bad("`secretId` is no text".to_owned(), SECRET_ID_CURE),
        None => return bad("the field `secretId` is missing".to_owned(), SECRET_ID_CURE),
    };
    if !is_secret_id(id) {
        let message = format!("`secretId` has {} characters", id.chars().count());
        return bad(message, SECRET_ID_CURE);
    }
    let secret = SecretId::new(id);
    if let SecretId::Arn(arn) = &secret
        && arn.region() != &home.region
    {
        let message = format!(
            "the secret is in {}, this function in {}",
            arn.region(),
            home.region
        );
        return bad(
            message,
            "send the action to the function in the secret's Region",
        );
    }
    let dry_run = match fields.get("dryRun") {
        None => false,
        Some(Value::Bool(dry_run)) => *dry_run,
        Some(_) => return bad("`dryRun` is neither true nor false".to_owned(), CURE),
    };
    Ok(Request::Reconcile {
        secret,
        dry_run,
        wait: Wait::Never,
    })
}

fn only(fields: &Map<String, Value>, known: &[&str]) -> Result<(), BadEvent> {
    match fields.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            let message = format!(
                "unknown field `{}`; the fields are {}",
                cut(key),
                known.join(", ")
            );
            Err(BadEvent {
                message,
                cure: CURE,
            })
        }
    }
}
