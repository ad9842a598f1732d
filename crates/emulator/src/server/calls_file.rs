//! A file of the calls that functions make, to compare with the permissions of their roles.
//!
//! A line contains the fields that IAM evaluates. Each emulator writes equal lines once, because a
//! test suite makes a hundred thousand calls of a few kinds.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

use serde_json::{Map, Value, json};

use super::wire::ApiRequest;
use crate::world::CalledSecret;

/// The variable with the path of the file. Several processes can append to one file.
const VARIABLE: &str = "EMULATOR_CALLS_FILE";

/// The parameters that condition keys of Secrets Manager cover, in addition to the secret.
const MEMBERS: [&str; 3] = [
    "AddReplicaRegions",
    "ForceOverwriteReplicaSecret",
    "RemoveReplicaRegions",
];

#[derive(Debug)]
pub(super) struct CallsFile {
    file: File,
    written: HashSet<String>,
}

impl CallsFile {
    /// Opens the file that the environment names, if any.
    pub(super) fn from_environment() -> io::Result<Option<Mutex<CallsFile>>> {
        let path = std::env::var_os(VARIABLE);
        path.map(|path| CallsFile::open(Path::new(&path)).map(Mutex::new))
            .transpose()
    }

    fn open(path: &Path) -> io::Result<CallsFile> {
        Ok(CallsFile {
            file: OpenOptions::new().create(true).append(true).open(path)?,
            written: HashSet::new(),
        })
    }

    /// Writes a call, unless an equal call has been written. Only roles sign with a session token, so this omits the
    /// calls that set up secrets.
    pub(super) fn note(&mut self, request: &ApiRequest, secret: &CalledSecret) {
        let Some(session) = &request.session else {
            return;
        };
        let line = line(session, request, secret);
        if self.written.insert(line.clone()) {
            // One write, because other processes append too. Panics on an error, because without a
            // call a required permission would look unused.
            self.file
                .write_all(line.as_bytes())
                .unwrap_or_else(|error| panic!("failed to write the file of calls: {error}"));
        }
    }
}

fn line(session: &str, request: &ApiRequest, secret: &CalledSecret) -> String {
    let id = request.body.get("SecretId").and_then(Value::as_str);
    let parameters: Map<String, Value> = MEMBERS
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), request.body.get(name)?.clone())))
        .collect();
    let call = json!({
        "session": session,
        "region": request.region,
        "operation": request.operation,
        // The ARN without the secret's name. A plain name means a secret in the call's Region.
        "secret": id.map(|id| id.rsplit_once(":secret:").map_or("name", |(prefix, _)| prefix)),
        "key": secret.key,
        "primary_region": secret.primary_region,
        "parameters": parameters,
    });
    format!("{call}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calls_of_functions_are_written_once_each_and_those_of_others_are_not() {
        let path = std::env::temp_dir().join(format!("calls-file-{}", std::process::id()));
        let mut file = CallsFile::open(&path).unwrap();
        let prefix = "arn:aws:secretsmanager:us-east-1:123456789012";
        let added = json!([{ "Region": "eu-west-1" }]);
        for (session, name, key) in [
            (None, "a-AbCdEf", None),
            (Some("role"), "a-AbCdEf", None),
            (Some("role"), "b-AbCdEf", None),
            (Some("role"), "b-AbCdEf", Some("key")),
        ] {
            let request = ApiRequest {
                region: "us-east-1".to_owned(),
                operation: "ReplicateSecretToRegions".to_owned(),
                session: session.map(str::to_owned),
                body: json!({
                    "SecretId": format!("{prefix}:secret:{name}"),
                    "AddReplicaRegions": added,
                    "ClientRequestToken": "token",
                }),
            };
            let secret = CalledSecret {
                key: key.map(str::to_owned),
                primary_region: Some("us-east-1".to_owned()),
            };
            file.note(&request, &secret);
        }
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let line = |key: Option<&str>| {
            let call = json!({
                "session": "role",
                "region": "us-east-1",
                "operation": "ReplicateSecretToRegions",
                "secret": prefix,
                "key": key,
                "primary_region": "us-east-1",
                "parameters": { "AddReplicaRegions": added },
            });
            format!("{call}\n")
        };
        assert_eq!(text, line(None) + &line(Some("key")));
    }
}
