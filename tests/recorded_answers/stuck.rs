//! A replica that AWS reports in progress without end, as a user published it.

use std::time::Duration;

use chrono::DateTime;
use secret_replicator::change_budget::ChangeBudget;
use secret_replicator::clock::Clock;
use secret_replicator::deadlines::Deadlines;
use secret_replicator::reconcile::{Mode, Occasion, Reconciler, RegionState, SecretOutcome};
use secret_replicator_core::reason::{FailureReason, Progress};
use secret_replicator_core::request::{Cause, Wait};
use secret_replicator_core::secret::SecretId;
use serde_json::{Value, json};

use crate::fixed_answer::FixedAnswer;

const NOW: i64 = 1_767_225_600;
const LONG_AGO: i64 = NOW - 16 * 60;
const JUST_NOW: i64 = NOW - 14 * 60;

fn sweep() -> Occasion {
    Occasion::Sweep {
        thorough: false,
        is_doubtful: false,
        clock: Clock::new(|| DateTime::from_timestamp(NOW, 0).expect("a date")),
    }
}

/// The published answer, with the date of the last change.
fn published(changed: Option<i64>) -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/cases/answers/D04-describe-in-progress-for-ever.json"
    );
    let case = std::fs::read_to_string(path).expect("readable");
    let mut case: Value = serde_json::from_str(&case).expect("JSON");
    let mut answer = case["event"]["DescribeSecret"].take();
    if let Some(changed) = changed {
        answer["LastChangedDate"] = json!(changed);
    }
    answer
}

/// Returns the connection to AWS where the secret was changed and its replica was created then.
fn aws(changed: Option<i64>, created: Option<i64>) -> FixedAnswer {
    let primary = published(changed);
    let mut replica = primary.clone();
    let arn = replica["ARN"].as_str().expect("an ARN");
    replica["ARN"] = json!(arn.replace("us-east-1", "eu-west-1"));
    replica["ReplicationStatus"] = Value::Null;
    replica["CreatedDate"] = json!(created);
    let connection = FixedAnswer::new(200, primary.to_string().into_bytes());
    connection.answer_in("eu-west-1", 200, replica.to_string().into_bytes());
    connection
}

async fn ends_as(connection: &FixedAnswer, occasion: Occasion) -> RegionState {
    let reconciler = Reconciler {
        secrets_manager: connection.secrets_manager(),
        policy: crate::policy(),
        limits: crate::LIMITS,
    };
    let deadlines = Deadlines::new(Duration::from_mins(1), Duration::ZERO, Wait::Never);
    let changes = ChangeBudget::unlimited();
    let id = SecretId::new("arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbCdEf");
    let known = id.into();
    let work = reconciler.reconcile(&known, Mode::Act, occasion, &deadlines, &changes);
    let SecretOutcome::Covered { regions, .. } = work.await else {
        panic!("the secret is covered");
    };
    regions[0].state.clone()
}

const IN_PROGRESS: RegionState = RegionState::InProgress(Progress::ReplicationInProgress);

#[tokio::test]
async fn a_replica_in_progress_for_more_than_15_minutes_fails_in_a_sweep() {
    let connection = aws(Some(LONG_AGO), Some(LONG_AGO));
    let state = ends_as(&connection, sweep()).await;
    assert!(
        matches!(
            state,
            RegionState::Failed(FailureReason::ReplicationStuck, Some(_))
        ),
        "{state:?}"
    );
    let event = Occasion::Request(Cause::Event, None);
    assert_eq!(ends_as(&connection, event).await, IN_PROGRESS);
}

#[tokio::test]
async fn a_replica_is_in_progress_while_the_secret_or_the_replica_is_young_or_of_unknown_age() {
    for (changed, created) in [
        (Some(LONG_AGO), Some(JUST_NOW)),
        (Some(JUST_NOW), Some(LONG_AGO)),
        (Some(LONG_AGO), None),
        (None, Some(LONG_AGO)),
    ] {
        let connection = aws(changed, created);
        let state = ends_as(&connection, sweep()).await;
        assert_eq!(state, IN_PROGRESS, "{changed:?} {created:?}");
        let probes = connection.requests();
        let probes = probes
            .iter()
            .filter(|request| request.ends_with("\"prod/db\"}"));
        assert_eq!(probes.count(), usize::from(changed == Some(LONG_AGO)));
    }
}
