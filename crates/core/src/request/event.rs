//! Parses EventBridge events: CloudTrail's records of API calls and of service events, and the native
//! events of Secrets Manager and of tags, which need no trail.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::detail::{Detail, Envelope, Part, read_object, strings, text};
use super::{BadEvent, Cause, FunctionIdentity, Origin, Request, Trigger, bad, cut, is_secret_id};
use crate::reason::SkipReason;
use crate::secret::{SecretArn, SecretId, VersionHash};

const API_CALL: &str = "AWS API Call via CloudTrail";
const SERVICE_EVENT: &str = "AWS Service Event via CloudTrail";
const LABEL_UPDATED: &str = "Secret Label Updated";
const TAG_CHANGE: &str = "Tag Change on Resource";

/// The label of the version that callers read by default. Every replica must have that version.
const CURRENT: &str = "AWSCURRENT";

/// Limits the length of a record. AWS has fewer Regions.
const MAX_REGIONS: usize = 100;

type Event = EventBridgeEvent<Box<RawValue>>;

/// Reads an EventBridge event.
pub(super) fn parse(event: &str, function: &FunctionIdentity) -> Trigger {
    let envelope: Event = match serde_json::from_str(event) {
        Ok(envelope) => envelope,
        Err(error) => return malformed(event, &error),
    };
    let detail: Detail<'_> = match read_object(&envelope.detail) {
        Ok(detail) => detail,
        Err(error) => return malformed(event, &error),
    };
    let event = ParsedEvent {
        envelope: &envelope,
        detail,
        function,
    };
    Trigger {
        origin: event.origin(),
        request: event.request().unwrap_or_else(Request::Bad),
    }
}

/// Reports the part of an event that does not have the form that EventBridge documents. The message does
/// not contain the event's content. An event that is unsupported in any form is skipped.
fn malformed(event: &str, error: &serde_json::Error) -> Trigger {
    let envelope: Envelope<'_> = serde_json::from_str(event).unwrap_or_default();
    let detail: Option<Detail<'_>> = envelope.detail.and_then(|detail| read_object(detail).ok());
    let detail_type = text(envelope.detail_type);
    let name = detail.as_ref().and_then(|detail| text(detail.event_name));
    let is_handled = match detail_type.as_deref() {
        Some(API_CALL) => name.as_deref().is_none_or(is_handled_call),
        Some(SERVICE_EVENT) => name
            .as_deref()
            .is_some_and(|name| name.starts_with("Replication")),
        Some(LABEL_UPDATED) | None => true,
        Some(_) => false,
    };
    if text(envelope.source).as_deref() == Some("aws.secretsmanager") && !is_handled {
        return Trigger {
            origin: Origin::named(&cut(name.as_deref().unwrap_or("unknown"))),
            request: skip(None, SkipReason::UnsupportedEvent),
        };
    }
    let parts = [
        ("detail-type", detail_type.is_some()),
        ("source", text(envelope.source).is_some()),
        ("detail", detail.is_some()),
    ];
    let place = match parts.iter().find(|(_, is_valid)| !is_valid) {
        Some((field, _)) => format!("`{field}`"),
        None => format!("line {}, column {}", error.line(), error.column()),
    };
    bad(
        Origin::unknown(),
        &format!("the EventBridge event does not have the documented form at {place}"),
        "send the event as EventBridge delivers it, with `detail-type`, `source` and `detail`",
    )
}

fn is_handled_call(name: &str) -> bool {
    cause_of_call(name).is_some() || is_reported_call(name)
}

/// Returns the cause for a call after which the secret is reconciled.
fn cause_of_call(name: &str) -> Option<Cause> {
    match name {
        "CreateSecret" | "RestoreSecret" => Some(Cause::Event),
        "TagResource" | "UntagResource" => Some(Cause::TagChange),
        _ => None,
    }
}

/// Returns whether a call is only recorded and leads to no write.
fn is_reported_call(name: &str) -> bool {
    matches!(
        name,
        "DeleteSecret" | "RemoveRegionsFromReplication" | "StopReplicationToReplica"
    )
}

fn skip(secret: Option<SecretId>, reason: SkipReason) -> Request {
    Request::Skip { secret, reason }
}

/// An event whose envelope and detail have been read.
struct ParsedEvent<'a> {
    envelope: &'a Event,
    detail: Detail<'a>,
    function: &'a FunctionIdentity,
}

impl ParsedEvent<'_> {
    fn origin(&self) -> Origin {
        let Self {
            envelope, detail, ..
        } = self;
        let name = text(detail.event_name);
        let id = text(detail.event_id).or_else(|| envelope.id.clone());
        Origin {
            name: cut(name.as_deref().unwrap_or(&envelope.detail_type)),
            event_id: id.as_deref().map(cut),
            event_time: self.time(),
        }
    }

    /// Returns the time of the call, or of the event if there is none.
    fn time(&self) -> Option<DateTime<Utc>> {
        text(self.detail.event_time)
            .and_then(|time| DateTime::parse_from_rfc3339(&time).ok())
            .map(|time| time.to_utc())
            .or(self.envelope.time)
    }

    fn request(&self) -> Result<Request, BadEvent> {
        match self.envelope.detail_type.as_str() {
            // `source`, which a forwarding rule can change, is not needed to identify these events: only
            // Secrets Manager sends `LABEL_UPDATED`, and `tag_change` checks the service in the detail.
            TAG_CHANGE => self.tag_change(),
            LABEL_UPDATED => self.label_updated(),
            detail_type => {
                self.require_secrets_manager()?;
                match detail_type {
                    API_CALL => self.api_call(),
                    SERVICE_EVENT => self.service_event(),
                    _ => Ok(self.unsupported()),
                }
            }
        }
    }

    fn unsupported(&self) -> Request {
        skip(self.secret(), SkipReason::UnsupportedEvent)
    }

    fn api_call(&self) -> Result<Request, BadEvent> {
        let name = text(self.detail.event_name).ok_or_else(|| BadEvent {
            message: "`detail.eventName` is missing".to_owned(),
            remediation: "send the event as CloudTrail writes it",
        })?;
        if is_reported_call(&name) {
            return Ok(self.reported_call(&name));
        }
        let Some(cause) = cause_of_call(&name) else {
            return Ok(self.unsupported());
        };
        if let Some(reason) = self.failed_call() {
            return Ok(skip(self.secret(), reason));
        }
        self.reconcile(self.secret(), cause, &name)
    }

    /// Returns why the call had no effect. CloudTrail also delivers failed calls.
    fn failed_call(&self) -> Option<SkipReason> {
        let code = self.detail.error_code?;
        let code = text(Some(code)).unwrap_or_else(|| "an unreadable error code".to_owned());
        Some(SkipReason::ApiCallFailed(cut(&code)))
    }

    /// Returns what to record about a call that concerns replicas. It leads to no write.
    fn reported_call(&self, name: &str) -> Request {
        let secret = self.secret();
        let elsewhere = secret.as_ref().and_then(|secret| self.elsewhere(secret));
        if let Some(reason) = elsewhere {
            return skip(secret, reason);
        }
        let principal = self.principal();
        let blocking = text(self.detail.error_message)
            .filter(|_| name == "DeleteSecret")
            .and_then(|message| blocking_regions(&message));
        let reason = match (blocking, self.failed_call()) {
            (Some(regions), _) => SkipReason::DeleteBlockedByReplicas { regions, principal },
            (None, Some(failed)) => failed,
            (None, None) if name == "DeleteSecret" || self.is_own_call(principal.as_deref()) => {
                SkipReason::UnsupportedEvent
            }
            (None, None) => SkipReason::ReplicationChangedByOther {
                call: name.to_owned(),
                regions: self.changed_regions(name),
                principal,
            },
        };
        skip(secret, reason)
    }

    /// Returns the Regions whose replicas a call removed or promoted.
    fn changed_regions(&self, name: &str) -> Vec<String> {
        let parameters = self.detail.parameters();
        let mut regions = strings(parameters.remove_replica_regions);
        if name == "StopReplicationToReplica" {
            regions.extend(text(self.detail.aws_region));
        }
        let regions = regions.iter().take(MAX_REGIONS);
        regions.map(|region| cut(region)).collect()
    }

    /// Reconciles the secret of a service event about replication, if the event names one. AWS does not
    /// document the names and bodies of these events.
    fn service_event(&self) -> Result<Request, BadEvent> {
        let name = text(self.detail.event_name).unwrap_or_default();
        match self.secret() {
            Some(secret) if name.starts_with("Replication") => {
                self.reconcile(Some(secret), Cause::Event, &name)
            }
            _ => Ok(self.unsupported()),
        }
    }

    fn label_updated(&self) -> Result<Request, BadEvent> {
        if text(self.detail.label_updated).as_deref() != Some(CURRENT) {
            return Ok(self.unsupported());
        }
        let named = || text(self.detail.name).filter(|name| is_secret_id(name));
        let secret = self
            .arn_of_resources()
            .map(SecretId::Arn)
            .or_else(|| named().map(SecretId::Name));
        let version = text(self.detail.version_id).map(|id| VersionHash::of(&id));
        self.reconcile(secret, Cause::NewVersion(version), LABEL_UPDATED)
    }

    fn tag_change(&self) -> Result<Request, BadEvent> {
        if text(self.detail.service).as_deref() != Some("secretsmanager") {
            return Ok(skip(None, SkipReason::UnsupportedEvent));
        }
        let secret = self.arn_of_resources().map(SecretId::Arn);
        self.reconcile(secret, Cause::TagChange, TAG_CHANGE)
    }

    fn reconcile(
        &self,
        secret: Option<SecretId>,
        cause: Cause,
        name: &str,
    ) -> Result<Request, BadEvent> {
        let secret = secret.ok_or_else(|| BadEvent {
            message: format!(
                "the {} event names no secret: `resources`, `detail.responseElements` and \
                 `detail.requestParameters` have neither an ARN nor a name",
                cut(name)
            ),
            remediation: "send the event as EventBridge delivers it",
        })?;
        Ok(match self.elsewhere(&secret) {
            Some(reason) => skip(Some(secret), reason),
            None => Request::Reconcile {
                secret,
                dry_run: false,
                cause,
            },
        })
    }

    /// Rejects events of other services. CloudTrail's `eventSource` takes precedence over `source`, which a
    /// test bus or a forwarding rule can set.
    fn require_secrets_manager(&self) -> Result<(), BadEvent> {
        let (place, source, expected) = match text(self.detail.event_source) {
            Some(source) => ("detail.eventSource", source, "secretsmanager.amazonaws.com"),
            None => ("source", self.envelope.source.clone(), "aws.secretsmanager"),
        };
        if source == expected {
            return Ok(());
        }
        Err(BadEvent {
            message: format!("`{place}` is `{}`, expected `{expected}`", cut(&source)),
            remediation: "restrict the EventBridge rule to events of Secrets Manager",
        })
    }

    /// Returns the secret that the event concerns: the ARN in the response, whose spelling varies by year
    /// and by call (`arn`, `aRN`, `ARN`), or in a service event; then the ARN in `resources`; then the
    /// identifier in the request.
    fn secret(&self) -> Option<SecretId> {
        let arns = self.detail.arns();
        let arn = arns.iter().find_map(|arn| SecretArn::parse(arn).ok());
        arn.map(SecretId::Arn)
            .or_else(|| self.arn_of_resources().map(SecretId::Arn))
            .or_else(|| {
                let names = self.detail.names();
                let id = names.iter().find(|id| is_secret_id(id))?;
                Some(SecretId::new(id))
            })
    }

    /// Returns the ARN in the envelope's `resources`, where native events name their secret.
    fn arn_of_resources(&self) -> Option<SecretArn> {
        let resources = self.envelope.resources.iter().flatten();
        resources
            .take(10)
            .find_map(|resource| SecretArn::parse(resource).ok())
    }

    fn principal(&self) -> Option<String> {
        self.detail.identity_arn().as_deref().map(cut)
    }

    /// Returns whether the function made the call: Lambda names the session of its role after the function.
    fn is_own_call(&self, principal: Option<&str>) -> bool {
        let FunctionIdentity { account, name, .. } = self.function;
        let (Some(principal), Some(account), Some(name)) = (principal, account, name) else {
            return false;
        };
        let is_assumed_role = principal.contains(&format!(":sts::{account}:assumed-role/"));
        is_assumed_role
            && principal
                .rsplit_once('/')
                .is_some_and(|(_, session)| session == name)
    }

    /// Returns the reason to skip a secret of another account or Region. Without an ARN, the event's own
    /// account and Region decide, because the name can belong to a different secret in the function's
    /// Region.
    fn elsewhere(&self, secret: &SecretId) -> Option<SkipReason> {
        let (account, region) = match secret {
            SecretId::Arn(arn) => (
                Some(arn.account().to_owned()),
                Some(arn.region().to_string()),
            ),
            SecretId::Name(_) => {
                let either =
                    |part: Part<'_>, other: &Option<String>| text(part).or_else(|| other.clone());
                (
                    either(self.detail.recipient_account_id, &self.envelope.account),
                    either(self.detail.aws_region, &self.envelope.region),
                )
            }
        };
        if let (Some(account), Some(own)) = (&account, &self.function.account)
            && account != own
        {
            return Some(SkipReason::AnotherAccount(cut(account)));
        }
        region
            .filter(|region| region != self.function.region.as_str())
            .map(|region| SkipReason::AnotherRegion(cut(&region)))
    }
}

/// Extracts the Regions from "You can't delete secret … that still has replica regions [a, b]." (recorded
/// by users of cloud-nuke and Cloud Custodian).
fn blocking_regions(message: &str) -> Option<Vec<String>> {
    let (_, rest) = message.split_once("still has replica regions")?;
    let list = rest
        .split_once('[')
        .and_then(|(_, list)| list.split_once(']'));
    let regions = list.map_or("", |(regions, _)| regions).split(',');
    let regions = regions.map(str::trim).filter(|region| !region.is_empty());
    Some(regions.take(MAX_REGIONS).map(cut).collect())
}
