//! A file of the calls that functions make, to compare permissions with.
//!
//! A line holds the fields that IAM evaluates. Each emulator writes equal lines once: a test suite makes a
//! hundred thousand calls of a few kinds.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::wire::ApiRequest;

/// The variable that names the file. Calls are added to it, so that several processes can share it.
const VARIABLE: &str = "EMULATOR_CALLS_FILE";

/// The parameters that condition keys of Secrets Manager cover, besides the secret.
const MEMBERS: [&str; 3] = [
    "AddReplicaRegions",
    "ForceOverwriteReplicaSecret",
    "RemoveReplicaRegions",
];

#[derive(Debug)]
pub(super) struct CallsFile {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    written: HashSet<String>,
}

impl CallsFile {
    /// The file that the environment names, if it names one.
    pub(super) fn from_environment() -> io::Result<Option<CallsFile>> {
        std::env::var_os(VARIABLE)
            .map(|path| CallsFile::open(Path::new(&path)))
            .transpose()
    }

    pub(super) fn open(path: &Path) -> io::Result<CallsFile> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let written = HashSet::new();
        Ok(CallsFile {
            inner: Mutex::new(Inner { file, written }),
        })
    }

    /// Writes a call, unless one like it has been written. `primary_key` is the key of the secret
    /// that the call is about. Only roles sign with a session token, and so only functions are
    /// written, not who sets up their secrets.
    pub(super) fn note(&self, request: &ApiRequest, primary_key: Option<&str>) {
        let Some(session) = &request.session else {
            return;
        };
        let line = line(session, request, primary_key);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.written.insert(line.clone()) {
            // In one piece, because others append to it, too. A call that is missing here would make
            // a permission look superfluous, so better none of them than some.
            inner
                .file
                .write_all(line.as_bytes())
                .unwrap_or_else(|error| panic!("cannot write the file of calls: {error}"));
        }
    }
}

fn line(session: &str, request: &ApiRequest, primary_key: Option<&str>) -> String {
    let id = request.body.get("SecretId").and_then(Value::as_str);
    let given = |name: &&str| request.body.get(*name).is_some();
    let parameters: serde_json::Map<String, Value> = MEMBERS
        .iter()
        .filter(|name| given(name))
        .map(|name| ((*name).to_owned(), request.body[*name].clone()))
        .collect();
    let call = json!({
        "session": session,
        "region": request.region,
        "operation": request.operation,
        // Of an ARN all but the secret's own name; a name is one of a secret of the call's Region.
        "secret": id.map(|id| id.rsplit_once(":secret:").map_or("name", |(prefix, _)| prefix)),
        "key": primary_key,
        "parameters": parameters,
    });
    format!("{call}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(session: Option<&str>, body: Value) -> ApiRequest {
        ApiRequest {
            region: "us-east-1".to_owned(),
            operation: "ReplicateSecretToRegions".to_owned(),
            session: session.map(str::to_owned),
            body,
        }
    }

    #[test]
    fn the_calls_of_functions_are_written_once_each_and_those_of_others_are_not() {
        let path = std::env::temp_dir().join(format!("calls-file-{}", std::process::id()));
        let file = CallsFile::open(&path).unwrap();
        let body = |name: &str| {
            json!({
                "SecretId": format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}"),
                "AddReplicaRegions": [{ "Region": "eu-west-1" }],
                "ClientRequestToken": "token",
            })
        };
        file.note(&request(None, body("a-AbCdEf")), None);
        file.note(&request(Some("role"), body("a-AbCdEf")), None);
        file.note(&request(Some("role"), body("b-AbCdEf")), None);
        file.note(&request(Some("role"), body("b-AbCdEf")), Some("key"));
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let calls: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(calls.len(), 2, "{text}");
        assert_eq!(
            calls[0],
            json!({
                "session": "role",
                "region": "us-east-1",
                "operation": "ReplicateSecretToRegions",
                "secret": "arn:aws:secretsmanager:us-east-1:123456789012",
                "key": null,
                "parameters": { "AddReplicaRegions": [{ "Region": "eu-west-1" }] },
            })
        );
        assert_eq!(calls[1]["key"], "key");
    }
}
