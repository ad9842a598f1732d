//! The settings of a sandbox.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The settings of a function.
#[derive(Debug, Clone)]
pub struct LambdaSettings {
    /// The binary.
    pub bootstrap: PathBuf,
    /// Variables besides Lambda's own; they win over Lambda's.
    pub environment: BTreeMap<String, String>,
    /// The ARN in the header of an invocation.
    pub function_arn: String,
    /// The Region the function runs in.
    pub region: String,
    /// The function's name.
    pub function_name: String,
    /// The function's memory in MiB, as far as its environment tells it; nothing enforces it.
    pub memory_mib: u32,
    /// The timeout of an invocation, after which the process is killed. Default 30 s.
    pub timeout: Duration,
    /// The timeout until the process asks for its first event. Default 10 s, as in Lambda.
    pub init_timeout: Duration,
}

impl LambdaSettings {
    /// The function `secret-replicator` of account 123456789012.
    pub fn new(bootstrap: impl Into<PathBuf>, region: impl Into<String>) -> LambdaSettings {
        let region = region.into();
        LambdaSettings {
            bootstrap: bootstrap.into(),
            environment: BTreeMap::new(),
            function_arn: format!(
                "arn:aws:lambda:{region}:123456789012:function:secret-replicator"
            ),
            region,
            function_name: "secret-replicator".to_owned(),
            memory_mib: 128,
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

    /// Sets how long an invocation may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> LambdaSettings {
        self.timeout = timeout;
        self
    }

    /// Sets how long the start may take.
    #[must_use]
    pub fn with_init_timeout(mut self, timeout: Duration) -> LambdaSettings {
        self.init_timeout = timeout;
        self
    }
}
