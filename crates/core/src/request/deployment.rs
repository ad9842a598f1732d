//! The request with which CloudFormation checks a deployment: a custom resource (CloudFormation user guide, "Custom
//! resource reference"). CloudFormation waits for an answer at a URL of S3, and rolls the stack back if it is `FAILED`.

mod reason;
mod response_url;

use serde::{Deserialize, Serialize};

use super::{BadEvent, Origin, Request, Trigger, cut};
pub use response_url::{Destination, ResponseUrl};

/// The maximum size of an answer, in bytes (CloudFormation user guide, "Custom resource response objects": the body
/// cannot exceed 4096 bytes).
pub const MAX_ANSWER_SIZE: usize = 4095;

/// The maximum size of an answer without its reason. The identifiers of CloudFormation need far less.
const MAX_ENVELOPE_SIZE: usize = 2048;

/// The physical ID of the resource. It never changes, so CloudFormation never replaces the resource.
const PHYSICAL_ID: &str = "secret-replicator-policy-check";

/// The name of the request in the record.
const NAME: &str = "PolicyCheck";

const REMEDIATION: &str =
    "invoke the function with such an event through the resource `PolicyCheck` of the stack only";

/// A request of CloudFormation to check the settings and the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentCheck {
    operation: StackOperation,
    response_url: ResponseUrl,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    physical_resource_id: String,
}

/// The operation of CloudFormation on the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StackOperation {
    CreateOrUpdate,
    Delete,
}

/// The answer to CloudFormation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckAnswer {
    /// The body of the answer, as JSON of at most [`MAX_ANSWER_SIZE`] bytes.
    pub body: String,
    /// Whether the deployment may continue.
    pub is_success: bool,
}

/// The fields of the request. Its properties only make CloudFormation send it: the function checks the settings that
/// are in force.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Fields {
    request_type: String,
    #[serde(rename = "ResponseURL")]
    response_url: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    #[serde(default)]
    physical_resource_id: String,
}

/// The answer as CloudFormation reads it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Response<'a> {
    status: &'static str,
    reason: &'a str,
    physical_resource_id: &'a str,
    stack_id: &'a str,
    request_id: &'a str,
    logical_resource_id: &'a str,
}

/// Parses a request of CloudFormation. No message contains the URL.
pub(super) fn parse(event: &str) -> Trigger {
    match serde_json::from_str(event) {
        Ok(fields) => check(fields),
        // The fields are strings, and serde does not quote a string where a string is expected.
        Err(error) => {
            let message = format!("the request of CloudFormation is invalid: {error}");
            bad(&cut(&message))
        }
    }
}

fn check(fields: Fields) -> Trigger {
    let operation = match fields.request_type.as_str() {
        "Create" | "Update" => StackOperation::CreateOrUpdate,
        "Delete" => StackOperation::Delete,
        _ => {
            let message = "`RequestType` must be `Create`, `Update` or `Delete`";
            return bad(message);
        }
    };
    let physical_resource_id = Some(fields.physical_resource_id).filter(|id| !id.is_empty());
    let check = DeploymentCheck {
        operation,
        response_url: ResponseUrl::new(fields.response_url),
        stack_id: fields.stack_id,
        request_id: fields.request_id,
        logical_resource_id: fields.logical_resource_id,
        physical_resource_id: physical_resource_id.unwrap_or_else(|| PHYSICAL_ID.to_owned()),
    };
    if check.response("FAILED", "").len() > MAX_ENVELOPE_SIZE {
        let message = "the identifiers in the request of CloudFormation are too long";
        return bad(message);
    }
    Trigger {
        origin: Origin {
            event_id: Some(check.request_id.clone()),
            ..Origin::named(NAME)
        },
        request: Request::CheckDeployment(Box::new(check)),
    }
}

fn bad(message: &str) -> Trigger {
    Trigger {
        origin: Origin::named(NAME),
        request: Request::Bad(BadEvent {
            message: message.to_owned(),
            remediation: REMEDIATION,
        }),
    }
}

impl DeploymentCheck {
    /// Returns the answer: `FAILED` with the problems, or `SUCCESS` if there are none. A deletion always succeeds,
    /// so that a stack with invalid settings can be rolled back and deleted. `log_group` has the problems that the
    /// answer leaves out.
    #[must_use]
    pub fn answer(&self, problems: &[String], log_group: Option<&str>) -> CheckAnswer {
        let is_success = problems.is_empty() || self.operation == StackOperation::Delete;
        let body = if is_success {
            self.response("SUCCESS", "the settings and the policy are valid")
        } else {
            let size = MAX_ANSWER_SIZE - self.response("FAILED", "").len();
            let reason = reason::of_problems(problems, log_group, size);
            self.response("FAILED", &reason)
        };
        CheckAnswer { body, is_success }
    }

    /// Returns the URL that receives the answer, if it is one of S3 or of the local endpoint of S3.
    ///
    /// # Errors
    /// [`BadEvent`] without the URL.
    pub fn destination(&self, local_endpoint: Option<&str>) -> Result<Destination<'_>, BadEvent> {
        self.response_url.destination(local_endpoint)
    }

    fn response(&self, status: &'static str, reason: &str) -> String {
        let response = Response {
            status,
            reason,
            physical_resource_id: &self.physical_resource_id,
            stack_id: &self.stack_id,
            request_id: &self.request_id,
            logical_resource_id: &self.logical_resource_id,
        };
        serde_json::to_string(&response).expect("strings are valid JSON")
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn event(request_type: &str) -> Value {
        json!({
            "RequestType": request_type,
            "RequestId": "5d478078-13e9-baf0-464a-7ef285ecc786",
            "ResponseURL": "https://bucket.s3.us-east-1.amazonaws.com/key?X-Amz-Signature=abc",
            "ResourceType": "Custom::PolicyCheck",
            "LogicalResourceId": "PolicyCheck",
            "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/secret-replicator/1a2b",
            "ResourceProperties": { "ServiceToken": "arn", "Settings": { "DRY_RUN": "false" } },
        })
    }

    fn parsed(event: &Value) -> DeploymentCheck {
        match parse(&event.to_string()).request {
            Request::CheckDeployment(check) => *check,
            other => panic!("{other:?}"),
        }
    }

    fn answer(request_type: &str, problems: &[&str]) -> (bool, Value) {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let answer = parsed(&event(request_type)).answer(&problems, None);
        (
            answer.is_success,
            serde_json::from_str(&answer.body).unwrap(),
        )
    }

    #[test]
    fn the_answer_repeats_the_identifiers_and_names_a_stable_resource() {
        let (is_success, body) = answer("Create", &[]);
        assert!(is_success);
        let expected = json!({
            "Status": "SUCCESS",
            "Reason": "the settings and the policy are valid",
            "PhysicalResourceId": PHYSICAL_ID,
            "StackId": event("Create")["StackId"],
            "RequestId": event("Create")["RequestId"],
            "LogicalResourceId": "PolicyCheck",
        });
        assert_eq!(body, expected);
        let mut update = event("Update");
        update["PhysicalResourceId"] = json!("an earlier one");
        let body = parsed(&update).answer(&[], None).body;
        assert!(body.contains("\"PhysicalResourceId\":\"an earlier one\""));
    }

    #[test]
    fn problems_fail_a_creation_and_an_update_but_no_deletion() {
        for (request_type, status) in [
            ("Create", "FAILED"),
            ("Update", "FAILED"),
            ("Delete", "SUCCESS"),
        ] {
            let (is_success, body) = answer(request_type, &["DRY_RUN: must be `true`"]);
            assert_eq!(
                (is_success, &body["Status"]),
                (status == "SUCCESS", &json!(status))
            );
            let has_reason = body["Reason"] == "DRY_RUN: must be `true`";
            assert_eq!(has_reason, !is_success, "{body}");
        }
    }

    #[test]
    fn a_request_without_a_field_or_with_another_type_is_bad_and_shows_no_url() {
        let with = |field: &str, value: Value| {
            let mut event = event("Create");
            event[field] = value;
            event
        };
        let mut without_stack = event("Create");
        without_stack.as_object_mut().unwrap().remove("StackId");
        for event in [
            without_stack,
            with("RequestType", json!("Replace")),
            with("ResponseURL", json!(["https://example.com/?secret"])),
            with("StackId", json!("\u{1}".repeat(400))),
            with("LogicalResourceId", json!(7)),
        ] {
            let Trigger { origin, request } = parse(&event.to_string());
            let Request::Bad(bad) = request else {
                panic!("{event}")
            };
            assert_eq!(origin.name, "PolicyCheck");
            let hidden = ["https", "secret", "amazonaws", "abc"];
            let is_shown = |part: &&str| bad.message.contains(*part);
            assert!(!hidden.iter().any(is_shown), "{bad:?}");
        }
    }

    #[test]
    fn the_debug_form_shows_no_url() {
        let text = format!("{:?}", parse(&event("Create").to_string()));
        assert!(
            text.contains("ResponseUrl") && !text.contains("amazonaws.com/"),
            "{text}"
        );
    }

    proptest! {
        #[test]
        fn an_answer_never_exceeds_the_limit_and_is_valid_json(
            problems in vec(".{0,600}", 0..40),
            control in 0..3000_usize,
            log_group in proptest::option::of(".{0,600}"),
            id in "\\PC{0,100}",
        ) {
            let mut event = event("Update");
            event["PhysicalResourceId"] = json!(id);
            let mut problems = problems;
            problems.push("\u{1}".repeat(control));
            let answer = parsed(&event).answer(&problems, log_group.as_deref());
            prop_assert!(answer.body.len() <= MAX_ANSWER_SIZE, "{}", answer.body.len());
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            prop_assert_eq!(&body["Status"], &json!("FAILED"));
            prop_assert!(!body["Reason"].as_str().unwrap().is_empty());
        }

        #[test]
        fn any_event_of_the_form_is_parsed_or_bad(
            request_type in "Create|Update|Delete|.{0,9}", url in ".{0,99}", id in ".{0,999}",
        ) {
            let mut event = event(&request_type);
            event["ResponseURL"] = json!(url);
            event["RequestId"] = json!(id);
            let request = parse(&event.to_string()).request;
            prop_assert!(matches!(request, Request::Bad(_) | Request::CheckDeployment(_)));
        }
    }
}
