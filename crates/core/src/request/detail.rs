//! The parts of an event that the function reads.
//!
//! Recorded events show that any part can be null, absent, or of another shape. Each part is kept as
//! JSON text and parsed separately, so an unexpected shape loses only that part. All other parts are
//! skipped without being held in memory, regardless of their depth and size.

use serde::Deserialize;
use serde::de;
use serde_json::value::RawValue;

/// A part of the event, as JSON text.
pub(super) type Part<'a> = Option<&'a RawValue>;

/// The envelope, for reporting which part is malformed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Envelope<'a> {
    #[serde(borrow, rename = "detail-type")]
    pub(super) detail_type: Part<'a>,
    #[serde(borrow)]
    pub(super) source: Part<'a>,
    #[serde(borrow)]
    pub(super) detail: Part<'a>,
}

/// The detail of a CloudTrail event or of a native event.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Detail<'a> {
    #[serde(borrow)]
    pub(super) event_name: Part<'a>,
    #[serde(borrow, rename = "eventID")]
    pub(super) event_id: Part<'a>,
    #[serde(borrow)]
    pub(super) event_time: Part<'a>,
    #[serde(borrow)]
    pub(super) event_source: Part<'a>,
    #[serde(borrow)]
    pub(super) aws_region: Part<'a>,
    #[serde(borrow)]
    pub(super) recipient_account_id: Part<'a>,
    #[serde(borrow)]
    pub(super) error_code: Part<'a>,
    #[serde(borrow)]
    pub(super) error_message: Part<'a>,
    #[serde(borrow)]
    user_identity: Part<'a>,
    #[serde(borrow)]
    request_parameters: Part<'a>,
    #[serde(borrow)]
    response_elements: Part<'a>,
    #[serde(borrow)]
    additional_event_data: Part<'a>,
    #[serde(borrow)]
    service_event_details: Part<'a>,
    /// Of the event `Secret Label Updated`.
    #[serde(borrow)]
    pub(super) label_updated: Part<'a>,
    /// Of the event `Secret Label Updated`: the version to which the label moved.
    #[serde(borrow)]
    pub(super) version_id: Part<'a>,
    /// Of the event `Secret Label Updated`: the secret's name.
    #[serde(borrow)]
    pub(super) name: Part<'a>,
    /// Of the event `Tag Change on Resource`.
    #[serde(borrow)]
    pub(super) service: Part<'a>,
}

/// The parts of `requestParameters` that are read.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Parameters<'a> {
    #[serde(borrow)]
    secret_id: Part<'a>,
    #[serde(borrow)]
    name: Part<'a>,
    #[serde(borrow)]
    pub(super) remove_replica_regions: Part<'a>,
}

/// An object that names a secret, in any of the spellings that occur.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Named<'a> {
    #[serde(borrow, rename = "ARN")]
    upper: Part<'a>,
    #[serde(borrow, rename = "aRN")]
    mixed: Part<'a>,
    #[serde(borrow, rename = "Arn")]
    title: Part<'a>,
    #[serde(borrow)]
    arn: Part<'a>,
    #[serde(borrow, rename = "SecretId", alias = "secretId")]
    secret_id: Part<'a>,
    #[serde(borrow, rename = "Name", alias = "name")]
    name: Part<'a>,
}

/// The part of `userIdentity` that is read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Identity<'a> {
    #[serde(borrow)]
    arn: Part<'a>,
}

impl<'a> Detail<'a> {
    pub(super) fn parameters(&self) -> Parameters<'a> {
        object(self.request_parameters)
    }

    /// Returns the ARNs of the secret, the most reliable first.
    pub(super) fn arns(&self) -> Vec<String> {
        let parts = [
            self.response_elements,
            self.additional_event_data,
            self.service_event_details,
        ];
        let arns = parts.into_iter().flat_map(|part| {
            let named: Named<'_> = object(part);
            [
                named.arn,
                named.mixed,
                named.upper,
                named.title,
                named.secret_id,
            ]
        });
        arns.filter_map(text).collect()
    }

    /// Returns the identifiers of the secret that a caller chose: names, and full or partial ARNs.
    pub(super) fn names(&self) -> Vec<String> {
        let parameters = self.parameters();
        let data: Named<'_> = object(self.additional_event_data);
        let details: Named<'_> = object(self.service_event_details);
        let names = [
            parameters.secret_id,
            parameters.name,
            data.secret_id,
            data.name,
            details.secret_id,
            details.name,
        ];
        names.into_iter().filter_map(text).collect()
    }

    /// Returns the ARN of the caller.
    pub(super) fn identity_arn(&self) -> Option<String> {
        let identity: Identity<'_> = object(self.user_identity);
        text(identity.arn)
    }
}

/// Returns a part as text. `None` if it is not a string.
pub(super) fn text(part: Part<'_>) -> Option<String> {
    serde_json::from_str(part?.get()).ok()
}

/// Returns a part as a list of strings. Anything else gives an empty list.
pub(super) fn strings(part: Part<'_>) -> Vec<String> {
    part.and_then(|part| serde_json::from_str(part.get()).ok())
        .unwrap_or_default()
}

/// Returns a part as an object. Anything else gives an object without members.
fn object<'a, T: Deserialize<'a> + Default>(part: Part<'a>) -> T {
    part.and_then(|part| read_object(part).ok())
        .unwrap_or_default()
}

/// Reads an object. serde would also read a struct from an array.
pub(super) fn read_object<'a, T: Deserialize<'a>>(json: &'a RawValue) -> serde_json::Result<T> {
    if json.get().starts_with('{') {
        serde_json::from_str(json.get())
    } else {
        Err(de::Error::custom("expected an object"))
    }
}
