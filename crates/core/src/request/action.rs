//! The actions that can be sent by hand. Unknown fields are errors, so that a typo never turns a dry
//! run into a real run.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Value};

use super::{
    BadEvent, Cause, Explained, FunctionIdentity, OBJECT_REMEDIATION, Origin, Request,
    SECRET_ID_REMEDIATION, SweepRequest, Trigger, bad, cut, failover, is_secret_id,
};
use crate::known_regions;
use crate::secret::{KmsKey, Region, Secret, SecretId};
use crate::spelling::did_you_mean;
use crate::sweep::Token;

// A sample is copied, so it never writes: a misspelled `dryRun` does not become a real run.
const RECONCILE_REMEDIATION: &str = "send {\"action\": \"reconcile\", \"secretId\": \"...\", \"dryRun\": true}; `dryRun` is optional, and without it the function writes";
const EXPLAIN_REMEDIATION: &str = "send {\"action\": \"explain\", \"secretId\": \"...\"} for a secret that \
    exists, or {\"action\": \"explain\", \"secret\": {\"name\": \"...\", \"tags\": {}, \
    \"primaryRegion\": \"...\", \"kmsKeyId\": \"...\"}}";
const SWEEP_REMEDIATION: &str = "send {\"action\": \"sweep\", \"dryRun\": true, \"thorough\": false, \"maxChanges\": 100}; \
    `dryRun` is optional, and without it the function writes; for the next slice, add the `nextToken` of \
    the response";

/// The names of the actions.
pub(super) const NAMES: [&str; 5] = ["reconcile", "explain", "sweep", "drill", "promote"];

/// The remediation for a field that occurs twice.
pub(super) const ONCE_REMEDIATION: &str = "write each field once";

/// The default of `maxChanges`.
const MAX_CHANGES: u64 = 100;

/// The maximum length of a sweep's ID. The ARN of an execution is shorter: the names of state machine and
/// execution have at most 80 characters each (Step Functions quotas).
const LONGEST_SWEEP_ID: usize = 256;

/// Parses an action.
pub(super) fn parse(event: &str, function: &FunctionIdentity) -> Trigger {
    let fields = match serde_json::from_str(event) {
        Ok(UniqueFields(fields)) => fields,
        Err(error) => {
            let bad = BadEvent {
                message: error.to_string(),
                remediation: match error.classify() {
                    Category::Data => ONCE_REMEDIATION,
                    _ => OBJECT_REMEDIATION,
                },
            };
            return Trigger {
                origin: Origin::unknown(),
                request: Request::Bad(bad),
            };
        }
    };
    let name = match fields.get("action") {
        Some(Value::String(name)) => name.as_str(),
        _ => {
            return bad(
                Origin::unknown(),
                "`action` must be a string",
                RECONCILE_REMEDIATION,
            );
        }
    };
    let request = match name {
        "reconcile" => reconcile(&Fields::of(&fields, RECONCILE_REMEDIATION), function),
        "explain" => explain(&Fields::of(&fields, EXPLAIN_REMEDIATION), function),
        "sweep" => sweep(&Fields::of(&fields, SWEEP_REMEDIATION)),
        "drill" => failover::drill(&fields, function),
        "promote" => failover::promote(&fields, function),
        _ => return unknown_action(name),
    };
    Trigger {
        origin: Origin {
            event_id: failover::execution(&request).map(str::to_owned),
            ..Origin::named(name)
        },
        request: request.unwrap_or_else(Request::Bad),
    }
}

fn unknown_action(name: &str) -> Trigger {
    let expected = match did_you_mean(name, NAMES) {
        Some(known) => format!("did you mean `{known}`?"),
        None => "expected `reconcile`, `explain`, `sweep`, `drill` or `promote`".to_owned(),
    };
    let message = format!("unknown action `{}`; {expected}", cut(name));
    Trigger {
        origin: Origin::unknown(),
        request: Request::Bad(BadEvent {
            message,
            remediation: RECONCILE_REMEDIATION,
        }),
    }
}

fn reconcile(fields: &Fields<'_>, function: &FunctionIdentity) -> Result<Request, BadEvent> {
    fields.only(&["action", "secretId", "dryRun"])?;
    let secret = fields.secret_id(function)?.ok_or_else(|| BadEvent {
        message: "the field `secretId` is missing".to_owned(),
        remediation: SECRET_ID_REMEDIATION,
    })?;
    Ok(Request::Reconcile {
        secret,
        dry_run: fields.flag("dryRun")?,
        cause: Cause::Action,
    })
}

fn sweep(fields: &Fields<'_>) -> Result<Request, BadEvent> {
    fields.only(&[
        "action",
        "dryRun",
        "thorough",
        "nextToken",
        "maxChanges",
        "sweepId",
    ])?;
    let max_changes = match fields.get("maxChanges") {
        None => MAX_CHANGES,
        Some(number) => match number.as_u64().filter(|number| *number > 0) {
            Some(number) => number,
            None => return fields.bad("`maxChanges` must be a whole number above 0".to_owned()),
        },
    };
    let sweep_id = fields.text("sweepId")?;
    if sweep_id.is_some_and(|id| !(1..=LONGEST_SWEEP_ID).contains(&id.len())) {
        return fields.bad(format!("`sweepId` must have 1 to {LONGEST_SWEEP_ID} bytes"));
    }
    let token = fields.text("nextToken")?.map(Token::parse).transpose();
    Ok(Request::Sweep(Box::new(SweepRequest {
        dry_run: fields.flag("dryRun")?,
        max_changes,
        thorough: fields.flag("thorough")?,
        sweep_id: sweep_id.map(str::to_owned),
        token: token.or_else(|error| fields.bad(error.to_string()))?,
    })))
}

fn explain(fields: &Fields<'_>, function: &FunctionIdentity) -> Result<Request, BadEvent> {
    fields.only(&["action", "secretId", "secret"])?;
    let explained = match (fields.secret_id(function)?, fields.get("secret")) {
        (Some(id), None) => Explained::Existing(id),
        (None, Some(Value::Object(secret))) => {
            let secret = hypothetical(&Fields::of(secret, EXPLAIN_REMEDIATION), function)?;
            Explained::Hypothetical(Box::new(secret))
        }
        (None, Some(_)) => return fields.bad("`secret` must be an object".to_owned()),
        _ => return fields.bad("specify either `secretId` or `secret`".to_owned()),
    };
    Ok(Request::Explain(explained))
}

/// Parses the description of a secret that need not exist.
fn hypothetical(fields: &Fields<'_>, function: &FunctionIdentity) -> Result<Secret, BadEvent> {
    fields.only(&["name", "tags", "primaryRegion", "kmsKeyId"])?;
    let region = fields.region("primaryRegion", "secret.primaryRegion")?;
    let region = region.unwrap_or_else(|| function.region.clone());
    let key = fields.text("kmsKeyId")?;
    if let Some(other) = key.and_then(|key| KmsKey::new(key).other_region(&region)) {
        let message =
            format!("`secret.kmsKeyId`: the key is in {other}, but the secret is in {region}");
        return fields.bad(message);
    }
    let name = fields.text("name")?.unwrap_or_default();
    match Secret::hypothetical(name, fields.tags()?, &region, key) {
        Ok(secret) => Ok(match &function.account {
            Some(account) => secret.in_account(account),
            None => secret,
        }),
        Err(error) => fields.bad(format!("`secret.name`: {error}")),
    }
}

/// An object without duplicate fields. `serde_json` would keep the last of two values for `dryRun`.
struct UniqueFields(Map<String, Value>);

impl<'de> Deserialize<'de> for UniqueFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = UniqueFields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueFields, A::Error> {
                let mut fields = Map::new();
                while let Some((key, value)) = map.next_entry::<String, Value>()? {
                    let message = format!("duplicate field `{}`", cut(&key));
                    if fields.insert(key, value).is_some() {
                        return Err(de::Error::custom(message));
                    }
                }
                Ok(UniqueFields(fields))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// The fields of an object, and the remediation for an invalid field.
pub(super) struct Fields<'a> {
    fields: &'a Map<String, Value>,
    remediation: &'static str,
}

impl<'a> Fields<'a> {
    pub(super) fn of(fields: &'a Map<String, Value>, remediation: &'static str) -> Self {
        Self {
            fields,
            remediation,
        }
    }

    pub(super) fn bad<T>(&self, message: String) -> Result<T, BadEvent> {
        Err(BadEvent {
            message,
            remediation: self.remediation,
        })
    }

    /// Returns the value of a field. A `null` counts as absent.
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, BadEvent> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => self.bad(format!("`{name}` must be `true` or `false`")),
        }
    }

    pub(super) fn only(&self, known: &[&str]) -> Result<(), BadEvent> {
        let Some(unknown) = self
            .fields
            .keys()
            .find(|key| !known.contains(&key.as_str()))
        else {
            return Ok(());
        };
        let expected = if let Some(name) = did_you_mean(unknown, known.iter().copied()) {
            format!("did you mean `{name}`?")
        } else {
            let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("expected one of {}", known.join(", "))
        };
        self.bad(format!("unknown field `{}`; {expected}", cut(unknown)))
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, BadEvent> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => self.bad(format!("`{name}` must be a string")),
        }
    }

    /// Returns the Region that a field names. `path` is the field's name in an error.
    pub(super) fn region(&self, name: &str, path: &str) -> Result<Option<Region>, BadEvent> {
        let Some(code) = self.text(name)? else {
            return Ok(None);
        };
        match Region::parse(&cut(code)) {
            Ok(region) => Ok(Some(region)),
            Err(error) => {
                let hint = known_regions::did_you_mean(code)
                    .unwrap_or_else(|| "expected, for example, `eu-west-1`".to_owned());
                self.bad(format!("`{path}`: {error}; {hint}"))
            }
        }
    }

    fn tags(&self) -> Result<BTreeMap<String, String>, BadEvent> {
        let tags = match self.get("tags") {
            None => return Ok(BTreeMap::new()),
            Some(Value::Object(tags)) => tags,
            Some(_) => return self.bad("`secret.tags` must be an object".to_owned()),
        };
        let text =
            |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
        let tags: Option<BTreeMap<String, String>> = tags.iter().map(text).collect();
        tags.map_or_else(
            || self.bad("the values of `secret.tags` must be strings".to_owned()),
            Ok,
        )
    }

    fn secret_id(&self, function: &FunctionIdentity) -> Result<Option<SecretId>, BadEvent> {
        let Some(text) = self.text("secretId")? else {
            return Ok(None);
        };
        let bad = |message, remediation| {
            Err(BadEvent {
                message,
                remediation,
            })
        };
        if !is_secret_id(text) {
            let message = format!("`secretId` has {} characters", text.chars().count());
            return bad(message, SECRET_ID_REMEDIATION);
        }
        let id = SecretId::new(text);
        match &id {
            SecretId::Arn(arn) if arn.region() != &function.region => bad(
                format!(
                    "the secret is in {}, but this function is in {}",
                    arn.region(),
                    function.region
                ),
                "send the action to the function in the secret's Region",
            ),
            _ => Ok(Some(id)),
        }
    }
}
