//! The settings of a sandbox.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

const FUNCTION_NAME: &str = "secret-replicator";

/// The settings of the function `secret-replicator` in account 123456789012, with 128 MiB of memory.
#[derive(Debug, Clone)]
pub struct LambdaSettings {
    /// The function's binary.
    pub bootstrap: PathBuf,
    /// Additional environment variables. They override Lambda's own.
    pub environment: BTreeMap<String, String>,
    /// The function's Region.
    pub region: String,
    /// The timeout of an invocation, after which the process is killed. Default 30 s.
    pub timeout: Duration,
    /// The timeout until the process asks for its first event. Default 10 s, as in Lambda.
    pub init_timeout: Duration,
}

/// Lambda's variables \[doc\] with fixed values. The credentials are AWS's documented examples.
const FIXED: [(&str, &str); 12] = [
    ("_HANDLER", "bootstrap"),
    ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    (
        "AWS_SECRET_ACCESS_KEY",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    ),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
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

/// The prefix of the settings that decide the permissions of a function's role.
const PERMISSIONS: &str = "ALLOW";

impl LambdaSettings {
    /// The settings of a function with this binary, in this Region.
    pub fn new(bootstrap: impl Into<PathBuf>, region: impl Into<String>) -> LambdaSettings {
        LambdaSettings {
            bootstrap: bootstrap.into(),
            environment: BTreeMap::new(),
            region: region.into(),
            timeout: Duration::from_secs(30),
            init_timeout: Duration::from_secs(10),
        }
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn with_env(mut self, name: impl Into<String>, value: impl Into<String>) -> LambdaSettings {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Sets the timeout of an invocation.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> LambdaSettings {
        self.timeout = timeout;
        self
    }

    /// Sets the timeout of the start.
    #[must_use]
    pub fn with_init_timeout(mut self, timeout: Duration) -> LambdaSettings {
        self.init_timeout = timeout;
        self
    }

    pub(super) fn function_arn(&self) -> String {
        let region = &self.region;
        format!("arn:aws:lambda:{region}:123456789012:function:{FUNCTION_NAME}")
    }

    /// Returns the variables that Lambda sets, except those that belong to one process.
    pub(super) fn lambda_variables(&self) -> Vec<(&'static str, String)> {
        let fixed = FIXED.map(|(name, value)| (name, value.to_owned()));
        let computed = [
            ("AWS_DEFAULT_REGION", self.region.clone()),
            ("AWS_LAMBDA_FUNCTION_NAME", FUNCTION_NAME.to_owned()),
            (
                "AWS_LAMBDA_LOG_GROUP_NAME",
                format!("/aws/lambda/{FUNCTION_NAME}"),
            ),
            ("AWS_REGION", self.region.clone()),
            ("AWS_SESSION_TOKEN", self.session_token()),
        ];
        fixed.into_iter().chain(computed).collect()
    }

    /// Returns a token that identifies the role, as AWS's token does: its Region and permissions.
    fn session_token(&self) -> String {
        let settings = self.environment.iter();
        let permissions: BTreeMap<_, _> = settings
            .filter(|(name, _)| name.starts_with(PERMISSIONS))
            .collect();
        json!({ "region": self.region, "permissions": permissions }).to_string()
    }
}
