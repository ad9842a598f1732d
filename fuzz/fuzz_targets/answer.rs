//! The SDK's real client and the adapter turn any answer into a value or an error.
//!
//! The first byte of the input selects the call and the HTTP status.

#![no_main]

// The tests of recorded answers use the other methods.
#[allow(dead_code)]
#[path = "../../tests/recorded_answers/fixed_answer.rs"]
mod fixed_answer;

use std::sync::LazyLock;
use std::time::Duration;

use fixed_answer::FixedAnswer;
use libfuzzer_sys::fuzz_target;
use secret_replicator_aws::{CallError, ReadTime, SecretsManager, WriteError, WriteSlot};
use secret_replicator_core::explain::explain;
use secret_replicator_core::limits::{AllowedRegions, Limits, Overwrite, RemovalLimit};
use secret_replicator_core::plan::{Decision, Plan, decide};
use secret_replicator_core::policy::{Policy, check};
use secret_replicator_core::secret::{Region, Secret, SecretArn, SecretId};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

const POLICY: &str = "{version: 1, rules: [{name: all, when: all, replicate-to: eu-west-1}]}";
const STATUSES: [u16; 8] = [200, 200, 200, 204, 400, 403, 500, 503];
const LIMITS: Limits = Limits {
    allowed_regions: AllowedRegions::Any,
    overwrite: Overwrite::Never,
    removal: RemovalLimit::Allowed,
};

static READ: LazyLock<Policy> = LazyLock::new(|| {
    check(POLICY, &AllowedRegions::Any)
        .expect("a policy")
        .policy
});
static SECRET: LazyLock<Secret> = LazyLock::new(|| {
    let home = Region::parse("us-east-1").expect("a Region");
    Secret::hypothetical("app", [].into(), &home, None).expect("a secret")
});

static CONNECTION: LazyLock<FixedAnswer> = LazyLock::new(|| FixedAnswer::new(200, Vec::new()));
static AWS: LazyLock<SecretsManager> = LazyLock::new(|| CONNECTION.secrets_manager());

thread_local! {
    static RUNTIME: Runtime =
        Builder::new_current_thread().enable_time().build().expect("a runtime");
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, body)) = input.split_first() else {
        return;
    };
    let status = STATUSES[usize::from(*choice & 7)];
    RUNTIME.with(|runtime| runtime.block_on(call(choice >> 3, status, body)));
});

async fn call(choice: u8, status: u16, body: &[u8]) {
    let aws = &*AWS;
    let until = Instant::now() + Duration::from_secs(5);
    let (read, slot) = permission_to_write(until).await;
    CONNECTION.change_to(status, body.to_vec());
    match choice % 4 {
        0 => match aws.describe(&SecretId::new("app"), until).await {
            Ok(secret) => check_decision(&secret),
            Err(error) => check_error(&error),
        },
        1 => match aws.list(None, None, until).await {
            Ok(page) => page.secrets.iter().flatten().for_each(check_decision),
            Err(error) => check_error(&error),
        },
        2 => {
            let plan = plan();
            let targets: Vec<_> = plan.targets().cloned().collect();
            let answer = aws.replicate(&SECRET.arn, &targets, read, slot, until);
            answer
                .await
                .map(drop)
                .unwrap_or_else(|error| check_write(&error));
            assert_eq!(CONNECTION.requests().len(), 1, "a write is sent once");
        }
        _ => {
            let regions = [Region::parse("eu-west-1").expect("a Region")];
            let answer = aws.remove(&SECRET.arn, &regions, read, slot, until);
            answer.await.unwrap_or_else(|error| check_write(&error));
        }
    }
}

/// Returns what a write needs: the time of a read of the secret, and a slot.
async fn permission_to_write(until: Instant) -> (ReadTime, WriteSlot) {
    let body = format!(r#"{{"ARN": "{}", "Name": "app"}}"#, SECRET.arn);
    CONNECTION.change_to(200, body.into_bytes());
    let read = AWS.read(&SecretId::new("app"), until).await;
    let (_, read) = read.expect("a secret");
    let slot = AWS.write_slot(until).await.expect("no limit of the rate");
    (read, slot)
}

fn plan() -> Plan {
    match decide(&SECRET, &READ, &LIMITS) {
        Decision::Act(plan) => plan,
        Decision::Skip(reason) => panic!("skipped: {reason:?}"),
    }
}

/// Decides about a secret. The plan never targets the primary Region, a managed secret, or a secret that
/// is scheduled for deletion.
fn check_decision(secret: &Secret) {
    if let Decision::Act(plan) = decide(secret, &READ, &LIMITS) {
        let home: &SecretArn = &secret.arn;
        assert!(
            plan.targets()
                .all(|target| target.region() != home.region())
        );
        assert!(!secret.scheduled_for_deletion && secret.managed_by().is_none());
    }
    serde_json::to_string(&explain(secret, &READ, &LIMITS)).expect("JSON");
}

fn check_write(error: &WriteError) {
    match error {
        WriteError::Call(error) => check_error(error),
        WriteError::Stale => panic!("the read has just ended"),
    }
}

fn check_error(error: &CallError) {
    assert!(!error.to_string().is_empty() && !error.code.is_empty());
}
