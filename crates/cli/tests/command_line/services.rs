//! AWS services with scripted answers, beside the local Secrets Manager.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// A call of a service.
pub(crate) struct ServiceCall {
    /// The IAM action.
    pub(crate) action: String,
    /// The access key of the signature.
    pub(crate) access_key: String,
    /// The Region of the signature.
    pub(crate) region: String,
    /// The request. A form is a text.
    pub(crate) body: Value,
}

/// A server for all calls of other services. It ends with the process.
pub(crate) struct Services {
    pub(crate) endpoint: String,
    seen: Arc<Mutex<BTreeSet<String>>>,
}

impl Services {
    pub(crate) fn start(
        answer: impl Fn(&ServiceCall) -> Result<Value, &'static str> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(BTreeSet::new()));
        let noted = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                // The tool also connects without a request, to see whether something listens.
                let Some(call) = read(&stream) else {
                    continue;
                };
                noted.lock().unwrap().insert(call.action.clone());
                respond(&mut stream, call.body.is_string(), answer(&call));
            }
        });
        Self { endpoint, seen }
    }

    /// Returns the actions of the calls.
    pub(crate) fn seen(&self) -> BTreeSet<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn read(stream: &TcpStream) -> Option<ServiceCall> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    if head.is_empty() {
        return None;
    }
    let header = |name: &str| {
        head.iter().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let length = header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    // Credential=ID/date/Region/service/aws4_request
    let authorization = header("authorization").unwrap();
    let (_, credential) = authorization.split_once("Credential=").unwrap();
    let mut scope = credential.split('/');
    let access_key = scope.next().unwrap().to_owned();
    scope.next();
    let region = scope.next().unwrap().to_owned();
    let service = scope.next().unwrap();
    let operation = match header("x-amz-target") {
        Some(target) => target.split('.').next_back().unwrap().to_owned(),
        None if head[0].starts_with("POST /listRegions") => "ListRegions".to_owned(),
        None => form_action(&body).unwrap_or_else(|| panic!("unknown call: {}", head[0])),
    };
    let text = String::from_utf8(body).unwrap();
    Some(ServiceCall {
        action: format!("{service}:{operation}"),
        access_key,
        region,
        body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
    })
}

/// Returns the operation of the query protocol.
fn form_action(body: &[u8]) -> Option<String> {
    let form = std::str::from_utf8(body).ok()?;
    let mut fields = form.split('&');
    let action = fields.find_map(|field| field.strip_prefix("Action="))?;
    Some(action.to_owned())
}

fn respond(stream: &mut TcpStream, is_query: bool, answer: Result<Value, &'static str>) {
    let (status, body) = match answer {
        Ok(body) => ("200 OK", body),
        Err(code) if is_query => {
            let xml = format!(
                "<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
            );
            ("403 Forbidden", Value::String(xml))
        }
        Err(code) => ("400 Bad Request", json!({"__type": code, "message": "no"})),
    };
    // XML is a text.
    let body = match body {
        Value::String(xml) => xml,
        body => body.to_string(),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
}
