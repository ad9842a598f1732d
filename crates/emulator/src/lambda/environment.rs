//! The environment that Lambda gives a function.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::LambdaSettings;

/// The binary, the directory and the variables of the process.
#[derive(Debug)]
pub(super) struct Environment {
    pub(super) bootstrap: PathBuf,
    pub(super) task_root: PathBuf,
    pub(super) variables: BTreeMap<String, String>,
}

impl Environment {
    pub(super) fn new(
        settings: &LambdaSettings,
        runtime_api: SocketAddr,
    ) -> io::Result<Environment> {
        let bootstrap = std::path::absolute(&settings.bootstrap)?;
        let task_root = bootstrap
            .parent()
            .map_or_else(|| PathBuf::from("/"), Path::to_path_buf);
        let mut variables = lambda_variables(settings, &task_root, runtime_api);
        variables.extend(settings.environment.clone());
        Ok(Environment {
            bootstrap,
            task_root,
            variables,
        })
    }
}

/// Those of Lambda's own variables that are the same for every function here \[doc\]. The
/// credentials are AWS's documented examples.
const FIXED: [(&str, &str); 11] = [
    ("_HANDLER", "bootstrap"),
    ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    (
        "AWS_SECRET_ACCESS_KEY",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    ),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
    ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
    ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
    (
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "2026/01/01/[$LATEST]00000000000000000000000000000000",
    ),
    ("LANG", "en_US.UTF-8"),
    ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"),
    ("TZ", ":UTC"),
];

fn lambda_variables(
    settings: &LambdaSettings,
    task_root: &Path,
    runtime_api: SocketAddr,
) -> BTreeMap<String, String> {
    let name = &settings.function_name;
    let memory = settings.memory_mib.to_string();
    let computed = [
        ("AWS_DEFAULT_REGION", settings.region.clone()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory),
        ("AWS_LAMBDA_FUNCTION_NAME", name.clone()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}")),
        ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string()),
        ("AWS_REGION", settings.region.clone()),
        ("AWS_SESSION_TOKEN", session_token(settings)),
        ("LAMBDA_TASK_ROOT", task_root.to_string_lossy().into_owned()),
    ];
    FIXED
        .map(|(name, value)| (name, value.to_owned()))
        .into_iter()
        .chain(computed)
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// The prefix of the settings that decide the permissions of a function's role.
const PERMISSIONS: &str = "ALLOW";

/// A token that identifies the role, as that of AWS does: the Region and the permissions.
fn session_token(settings: &LambdaSettings) -> String {
    let permissions: BTreeMap<_, _> = settings
        .environment
        .iter()
        .filter(|(name, _)| name.starts_with(PERMISSIONS))
        .collect();
    json!({ "region": settings.region, "permissions": permissions }).to_string()
}
