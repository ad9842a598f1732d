//! AWS JSON 1.1: requests and answers.

use bytes::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::ApiError;

const TARGET: &str = "x-amz-target";
const SESSION: &str = "x-amz-security-token";
const SERVICE: &str = "secretsmanager.";
const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");

/// A valid request.
#[derive(Debug)]
pub(super) struct ApiRequest {
    pub(super) region: String,
    pub(super) operation: String,
    /// The session token, if the request was signed with temporary credentials.
    pub(super) session: Option<String>,
    pub(super) body: Value,
}

impl ApiRequest {
    /// Returns whether a function of [`crate::Lambda`] made the call. Its session token is JSON.
    pub(super) fn is_from_function(&self) -> bool {
        let token = self.session.as_deref();
        token.is_some_and(|token| token.starts_with('{'))
    }

    pub(super) fn parse(headers: &HeaderMap, body: &[u8]) -> Result<ApiRequest, ApiError> {
        let operation = text(headers, TARGET)
            .and_then(|target| target.strip_prefix(SERVICE))
            .ok_or_else(ApiError::unknown_operation)?;
        let region = signed_region(headers)?;
        Ok(ApiRequest {
            region: region.to_owned(),
            operation: operation.to_owned(),
            session: text(headers, SESSION).map(str::to_owned),
            body: parse_body(body)?,
        })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Returns the Region in the credential scope: `Credential=ID/date/region/service/aws4_request`.
fn signed_region(headers: &HeaderMap) -> Result<&str, ApiError> {
    let authorization = text(headers, AUTHORIZATION.as_str()).ok_or_else(|| {
        ApiError::new(
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        )
    })?;
    authorization
        .split([' ', ','])
        .find_map(|part| part.strip_prefix("Credential="))
        .and_then(|scope| scope.split('/').nth_back(2))
        .filter(|region| !region.is_empty())
        .ok_or_else(|| {
            ApiError::new(
                "IncompleteSignatureException",
                "Authorization header requires 'Credential' parameter.",
            )
        })
}

/// Parses a body. An empty body is a request without members.
fn parse_body(body: &[u8]) -> Result<Value, ApiError> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    match serde_json::from_slice(body) {
        Ok(body @ Value::Object(_)) => Ok(body),
        Ok(_) => Err(ApiError::serialization("The body is not a JSON object.")),
        Err(_) => Err(ApiError::serialization("The body is not JSON.")),
    }
}

/// Turns the result of a call into a response. `null` becomes an empty body.
pub(super) fn answer(result: Result<Value, ApiError>) -> Response<Bytes> {
    match result {
        Ok(Value::Null) => response(StatusCode::OK, Bytes::new()),
        Ok(value) => response(StatusCode::OK, value.to_string().into()),
        Err(error) => {
            // It is not known whether Secrets Manager uses `Message` or `message` [gap]. SDKs read
            // both.
            let body = json!({"__type": error.code, "Message": error.message});
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
            response(status, body.to_string().into())
        }
    }
}

/// Returns a truncated answer.
pub(super) fn malformed() -> Response<Bytes> {
    response(
        StatusCode::OK,
        Bytes::from_static(b"{\"ARN\": \"arn:aws:secre"),
    )
}

fn response(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}
