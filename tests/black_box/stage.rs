//! The stage of a test: an emulated AWS and the real function.

use std::time::Duration;

use secret_replicator_emulator::{
    Answer, Call, Emulator, Lambda, LambdaSettings, SecretSeed, WorldSettings,
};
use serde_json::{Value, json};

use crate::record_schema::invoke;

/// The Region of the function and of the primary secrets.
pub(crate) const HOME: &str = "us-east-1";

/// An emulated AWS with a function.
pub(crate) struct Stage {
    pub(crate) aws: Emulator,
    pub(crate) function: Lambda,
    /// Whether the function may overwrite secrets in this test.
    pub(crate) may_overwrite: bool,
    /// Whether the function may remove replicas in this test.
    pub(crate) may_remove: bool,
    /// Whether the function may promote replicas in this test.
    pub(crate) may_promote: bool,
}

/// The configuration of a stage.
pub(crate) struct Setting {
    region: &'static str,
    world: WorldSettings,
    environment: Vec<(&'static str, String)>,
    timeout: Duration,
}

/// The results of one event.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// The event's record.
    pub(crate) record: Value,
    /// The EMF lines.
    pub(crate) metrics: Vec<Value>,
    /// `errorType`, if the invocation failed.
    pub(crate) error_type: Option<String>,
    /// `errorMessage`, if the invocation failed.
    pub(crate) error_message: Option<String>,
    /// The function's whole log of this event.
    pub(crate) log: String,
}

/// Returns the default configuration, in which a replication takes only milliseconds, and a removed replica
/// lives on in its Region for two seconds.
pub(crate) fn setting() -> Setting {
    Setting {
        region: HOME,
        world: WorldSettings {
            replication_delay: Duration::from_millis(20),
            removal_delay: Duration::from_secs(2),
            ..WorldSettings::default()
        },
        environment: Vec::new(),
        timeout: Duration::from_secs(20),
    }
}

impl Setting {
    pub(crate) fn world(mut self, change: impl FnOnce(&mut WorldSettings)) -> Self {
        change(&mut self.world);
        self
    }

    /// Places the function in another Region.
    pub(crate) fn region(mut self, region: &'static str) -> Self {
        self.region = region;
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    pub(crate) fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    pub(crate) async fn start(&self) -> Stage {
        let aws = Emulator::start(self.world.clone())
            .await
            .expect("the emulator starts");
        let function = self.function(&aws).await.expect("the function starts");
        Stage {
            aws,
            function,
            may_overwrite: false,
            may_remove: false,
            may_promote: false,
        }
    }

    /// Starts another function with this configuration.
    pub(crate) async fn function(&self, aws: &Emulator) -> anyhow::Result<Lambda> {
        let mut settings = LambdaSettings::new(env!("CARGO_BIN_EXE_bootstrap"), self.region)
            .with_env("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.endpoint())
            .with_timeout(self.timeout);
        for (name, value) in &self.environment {
            settings = settings.with_env(*name, value);
        }
        Lambda::start(settings).await
    }
}

impl Stage {
    pub(crate) async fn new() -> Self {
        setting().start().await
    }

    /// Creates a secret in the home Region. Returns its ARN.
    pub(crate) fn secret(&self, seed: SecretSeed) -> String {
        self.aws.with(|world, now| world.seed(now, seed))
    }

    /// Returns the ARN of a secret in the home Region.
    pub(crate) fn secret_arn(&self, name: &str) -> String {
        let secrets = self.aws.with(|world, now| world.secrets(now, HOME));
        secrets
            .into_iter()
            .find(|secret| secret.name == name)
            .expect("the secret exists")
            .arn
    }

    /// Delivers an event.
    pub(crate) async fn deliver(&mut self, event: &Value) -> Delivery {
        deliver(&mut self.function, event).await
    }

    /// Creates the secret and delivers its event.
    pub(crate) async fn create(&mut self, seed: SecretSeed) -> Delivery {
        let name = seed.name.clone();
        let arn = self.secret(seed);
        self.deliver(&create_secret_event(&name, &arn)).await
    }

    /// Requests an explanation. Returns the function's response and checks that the log does not contain
    /// the explanation.
    pub(crate) async fn explain(&mut self, event: &Value) -> Value {
        let invocation = invoke(&mut self.function, event)
            .await
            .expect("the function is there");
        assert!(
            !invocation.log.join("").contains("explanation"),
            "{invocation:#?}"
        );
        match invocation.answer {
            Answer::Success(answer) => answer,
            _ => panic!("no answer: {invocation:#?}"),
        }
    }

    /// Returns the calls of one operation that AWS has received.
    pub(crate) fn calls(&self, operation: &str) -> Vec<Call> {
        self.aws.calls_to(operation)
    }

    /// Returns the Regions in each `ReplicateSecretToRegions` call.
    pub(crate) fn requested(&self) -> Vec<Vec<String>> {
        let regions = |call: &Call| {
            let added = call.body["AddReplicaRegions"]
                .as_array()
                .expect("a list of Regions");
            added
                .iter()
                .map(|added| text(&added["Region"]).to_owned())
                .collect()
        };
        self.calls("ReplicateSecretToRegions")
            .iter()
            .map(regions)
            .collect()
    }

    /// Returns the Regions in each `RemoveRegionsFromReplication` call.
    pub(crate) fn removed(&self) -> Vec<Value> {
        let calls = self.calls("RemoveRegionsFromReplication");
        let regions = calls.iter().map(|call| &call.body["RemoveReplicaRegions"]);
        regions.cloned().collect()
    }

    /// Tags the secret as its owner does. Returns the event.
    pub(crate) fn tag(&self, name: &str, key: &str, value: &str) -> Value {
        let body = json!({ "SecretId": name, "Tags": [{ "Key": key, "Value": value }] });
        self.owner("TagResource", &body);
        self.event_of("tag-resource.json", name)
    }

    /// Untags the secret as its owner does. Returns the event.
    pub(crate) fn untag(&self, name: &str, key: &str) -> Value {
        let body = json!({ "SecretId": name, "TagKeys": [key] });
        self.owner("UntagResource", &body);
        self.event_of("untag-resource.json", name)
    }

    /// Makes a call in the home Region as the secret's owner.
    pub(crate) fn owner(&self, operation: &str, body: &Value) {
        let answer = self
            .aws
            .with(|world, now| world.handle(now, HOME, operation, body));
        answer.unwrap_or_else(|error| panic!("{operation}: {error:?}"));
    }

    /// Returns a sample event for this secret in the home Region.
    pub(crate) fn event_of(&self, file: &str, name: &str) -> Value {
        let mut event = sample(file);
        event["region"] = json!(HOME);
        event["detail"]["awsRegion"] = json!(HOME);
        event["detail"]["requestParameters"]["secretId"] = json!(self.secret_arn(name));
        if !event["detail"]["responseElements"].is_null() {
            event["detail"]["responseElements"]["arn"] = json!(self.secret_arn(name));
        }
        event
    }

    /// Returns the event of a version that became current.
    pub(crate) fn new_version_event(&self, name: &str) -> Value {
        let secret = self.aws.with(|world, now| world.secret(now, HOME, name));
        let version = secret.and_then(|secret| secret.version_id);
        json!({
            "version": "0",
            "id": "11111111-2222-3333-4444-555555555555",
            "detail-type": "Secret Label Updated",
            "source": "aws.secretsmanager",
            "account": "123456789012",
            "time": now(),
            "region": HOME,
            "resources": [self.secret_arn(name)],
            "detail": { "name": name, "labelUpdated": "AWSCURRENT", "versionId": version },
        })
    }

    /// Puts a new value into a secret in the home Region, as its owner does.
    pub(crate) fn put_value(&self, name: &str, value: &str) {
        let body = json!({ "SecretId": name, "SecretString": value });
        self.owner("PutSecretValue", &body);
    }

    /// Returns whether a Region has a secret of this name.
    pub(crate) fn is_in(&self, region: &str, name: &str) -> bool {
        let found = self.aws.with(|world, now| world.secret(now, region, name));
        found.is_some()
    }

    /// Returns the Regions in which the secret has a replica in sync. They are sorted, because concurrent
    /// requests arrive in any order.
    pub(crate) fn in_sync(&self, name: &str) -> Vec<String> {
        let replicas = self.aws.with(|world, now| world.replicas(now, HOME, name));
        let in_sync = replicas
            .into_iter()
            .filter(|replica| replica.status == "InSync");
        let mut regions: Vec<String> = in_sync.map(|replica| replica.region).collect();
        regions.sort_unstable();
        regions
    }
}

impl Stage {
    /// Returns the function's peak memory, in KiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        let pid = self.function.pid().expect("the function runs");
        let path = format!("/proc/{pid}/status");
        let status = std::fs::read_to_string(path).expect("the status of the process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = line.and_then(|line| line.trim().strip_suffix(" kB"));
        peak.and_then(|peak| peak.parse().ok()).expect("a number")
    }
}

impl Drop for Stage {
    /// Checks after every test that the function has read no value, and has overwritten, removed or promoted secrets
    /// only if the test permits it.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for call in self.aws.calls() {
            let operation = call.operation.as_str();
            let is_allowed = match operation {
                "DescribeSecret" | "ListSecrets" | "ReplicateSecretToRegions" => true,
                "RemoveRegionsFromReplication" => self.may_remove,
                "StopReplicationToReplica" => self.may_promote,
                _ => false,
            };
            assert!(is_allowed, "the function called {operation}");
            let overwrites = call.body["ForceOverwriteReplicaSecret"] == true;
            assert!(self.may_overwrite || !overwrites, "the function overwrites");
        }
    }
}

/// Delivers an event to a function. Checks that it ends in exactly one record, and that the response is
/// that record.
pub(crate) async fn deliver(function: &mut Lambda, event: &Value) -> Delivery {
    let invocation = invoke(function, event)
        .await
        .expect("the function is there");
    let lines: Vec<Value> = invocation
        .log
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON line: {line}")))
        .collect();
    let records: Vec<_> = lines
        .iter()
        .filter(|line| line.get("outcome").is_some())
        .collect();
    let [record] = records[..] else {
        panic!("{} records for one event: {:#?}", records.len(), invocation);
    };
    let (error_type, error_message) = match invocation.answer {
        Answer::Success(mut answer) => {
            if let Some(fields) = answer.as_object_mut() {
                fields.remove("explanation");
            }
            assert_eq!(answer, *record, "the answer is the record");
            (None, None)
        }
        Answer::Error {
            error_type,
            error_message,
        } => (Some(error_type), Some(error_message)),
        Answer::TimedOut | Answer::Exited(_) => panic!("no answer: {invocation:#?}"),
    };
    Delivery {
        record: record.clone(),
        metrics: lines
            .iter()
            .filter(|line| line.get("_aws").is_some())
            .cloned()
            .collect(),
        error_type,
        error_message,
        log: [invocation.log, invocation.stderr].concat().join("\n"),
    }
}

impl Delivery {
    pub(crate) fn outcome(&self) -> &str {
        text(&self.record["outcome"])
    }

    pub(crate) fn reason(&self) -> &str {
        self.record["reason"].as_str().unwrap_or_default()
    }

    pub(crate) fn error(&self) -> &str {
        self.error_type.as_deref().unwrap_or_default()
    }

    /// Returns a Region's entry in the record as `action status reason`.
    pub(crate) fn region(&self, region: &str) -> String {
        let replica = self.replica(region);
        ["action", "status", "reason"]
            .iter()
            .filter_map(|key| replica[key].as_str())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Returns a Region's entry in the record.
    pub(crate) fn replica(&self, region: &str) -> &Value {
        let replicas = self.record["replicas"]
            .as_array()
            .expect("a list of replicas");
        let mut found = replicas
            .iter()
            .filter(|replica| replica["region"] == region);
        let replica = found
            .next()
            .unwrap_or_else(|| panic!("{region} is not in {:#}", self.record));
        assert!(found.next().is_none(), "{region} is there twice");
        replica
    }

    /// Checks the outcome, and that the invocation succeeded.
    pub(crate) fn ends_well(&self, outcome: &str) {
        assert_eq!(
            (self.outcome(), self.error()),
            (outcome, ""),
            "{:#}",
            self.record
        );
    }

    /// Checks the outcome and the error type.
    pub(crate) fn ends_in_error(&self, outcome: &str, error_type: &str) {
        assert_eq!(
            (self.outcome(), self.error()),
            (outcome, error_type),
            "{:#}",
            self.record
        );
    }
}

/// Returns a secret in the home Region that has a value and this value of the tag `replicate-to`.
pub(crate) fn tagged(name: &str, replicate_to: &str) -> SecretSeed {
    SecretSeed::new(HOME, name).with_tag("replicate-to", replicate_to)
}

/// Returns the event of a secret's creation, based on a recorded event of the console.
pub(crate) fn create_secret_event(name: &str, arn: &str) -> Value {
    let mut event = sample("create-secret-console.json");
    event["region"] = json!(HOME);
    event["detail"]["awsRegion"] = json!(HOME);
    event["detail"]["requestParameters"]["name"] = json!(name);
    event["detail"]["responseElements"]["arn"] = json!(arn);
    event
}

/// Returns the current time as events contain it.
pub(crate) fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// Returns the event as if the call had just been made.
pub(crate) fn just_now(mut event: Value) -> Value {
    event["detail"]["eventTime"] = json!(now());
    event
}

/// Reads a file in `events/`.
pub(crate) fn sample(file: &str) -> Value {
    let path = format!("{}/events/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the text of a JSON string.
pub(crate) fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no string: {value}"))
}
