//! Tests of `failback --perform`.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use secret_replicator_emulator::{Execution, Fault, FaultKind};
use serde_json::{Value, json};

use crate::account::{Account, HOME};
use crate::failback::{promoted, row};
use crate::failover::{THERE, delete_promoted, end_recovery_window, put};
use crate::{Called, Files, called};

const REPLICATE: &str = "ReplicateSecretToRegions";
const RESTORE: &str = "RestoreSecret";

/// Calls `failback --perform --yes` with the state file of the promotion.
fn perform(account: &Account, files: &Files) -> Called {
    account.call_performing_in(".", &arguments(&files.path("state.json")))
}

fn arguments(state: &str) -> Vec<&str> {
    vec![
        "failback",
        "--to",
        HOME,
        "--from",
        THERE,
        "--state",
        state,
        "--perform",
        "--yes",
        "--output",
        "json",
    ]
}

/// Frees the name in the failover Region, as the owner does with the steps of a person: the promoted secret is
/// deleted, and its entry is removed from the old primary secret.
fn free(account: &Account, name: &str) {
    delete_promoted(account, name);
    end_recovery_window(account, name);
    let remove = json!({"SecretId": name, "RemoveReplicaRegions": [THERE]});
    account.make(HOME, "RemoveRegionsFromReplication", &remove);
}

fn is_replica(account: &Account, name: &str) -> bool {
    let there = account
        .aws
        .with(|world, now| world.secret(now, THERE, name));
    there.is_some_and(|there| there.is_replica && there.value.is_some())
}

fn outcome(report: &Value, name: &str) -> Value {
    row(report, name)["performed"]["outcome"].clone()
}

#[test]
fn the_calls_that_destroy_nothing_are_made_and_a_second_run_makes_none() {
    let files = Files::new(&[]);
    let account = promoted(&["apart", "free", "newer", "waits"], &files);
    free(&account, "free");
    delete_promoted(&account, "waits");
    put(&account, THERE, "newer", "newer");
    delete_promoted(&account, "newer");

    let done = perform(&account, &files);
    assert_eq!(done.code, Some(2), "{}{}", done.stdout, done.stderr);
    let report = done.json();
    for (name, state, performed) in [
        ("apart", "apart", Value::Null),
        ("free", "restored", json!("done")),
        ("newer", "apart", json!("done")),
        // The name is taken until the recovery window ends, so a person's step comes first.
        ("waits", "scheduled-for-deletion", Value::Null),
    ] {
        assert_eq!(row(&report, name)["state"], state, "{report}");
        assert_eq!(outcome(&report, name), performed, "{name}");
    }
    assert!(is_replica(&account, "free"));
    let calls = [REPLICATE, RESTORE].map(|name| account.aws.calls_to(name));
    let [replications, restorations] = &calls;
    assert_eq!((replications.len(), restorations.len()), (1, 1));
    let replication = &replications[0];
    assert_eq!(replication.region, HOME);
    assert_eq!(replication.body["ForceOverwriteReplicaSecret"], false);
    assert_eq!(restorations[0].region, THERE);
    // The plan was shown before.
    assert!(done.stderr.contains("2 calls to make"), "{}", done.stderr);
    assert!(done.stderr.contains("free: aws secretsmanager replicate"));

    let again = perform(&account, &files);
    assert_eq!(again.code, Some(2), "{}", again.stderr);
    assert_eq!(row(&again.json(), "newer")["newer"], "promoted");
    let calls = [REPLICATE, RESTORE].map(|name| account.aws.calls_to(name).len());
    assert_eq!(calls, [1, 1]);
}

#[test]
fn without_perform_or_a_confirmation_no_call_is_made() {
    let files = Files::new(&[]);
    let account = promoted(&["a"], &files);
    free(&account, "a");
    let state = files.path("state.json");
    let base = ["failback", "--to", HOME, "--from", THERE, "--state", &state];
    let shown = account.call_reading(&base);
    assert_eq!(shown.code, Some(2), "{}", shown.stderr);
    assert!(shown.stdout.contains("+1. "), "{}", shown.stdout);
    let asked = account.call_reading(&[&base[..], &["--perform"]].concat());
    assert_eq!(asked.code, Some(1), "{}", asked.stdout);
    assert!(
        asked.stderr.contains("making 1 call that lead back"),
        "{}",
        asked.stderr
    );
    let alone = account.call_reading(&[&base[..], &["--yes"]].concat());
    assert_eq!(alone.code, Some(1), "{}", alone.stdout);
    assert!(!is_replica(&account, "a"));
}

#[test]
fn an_entry_of_the_old_primary_secret_is_a_persons_step_before_the_call() {
    let files = Files::new(&[]);
    let account = promoted(&["a"], &files);
    // As after an outage of the primary Region during the promotion.
    delete_promoted(&account, "a");
    end_recovery_window(&account, "a");
    account
        .aws
        .with(|world, now| world.force_status(now, HOME, "a", THERE, "InSync", None));
    let done = perform(&account, &files);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    let report = done.json();
    let steps = row(&report, "a")["steps"].clone();
    assert_eq!(
        (&steps[0]["by"], &steps[1]["by"]),
        (&json!("person"), &json!("tool"))
    );
    assert!(account.aws.calls_to(REPLICATE).is_empty());
}

#[test]
fn a_secret_that_appears_under_the_name_is_not_overwritten() {
    let files = Files::new(&[]);
    let account = promoted(&["a"], &files);
    free(&account, "a");
    let other = json!({"Name": "a", "SecretString": "other"});
    account.make(THERE, "CreateSecret", &other);
    let done = perform(&account, &files);
    assert_eq!(row(&done.json(), "a")["state"], "name-taken");
    assert!(account.aws.calls_to(REPLICATE).is_empty());
    let there = account.aws.with(|world, now| world.secret(now, THERE, "a"));
    assert_eq!(there.unwrap().value.as_deref(), Some("other"));
}

#[test]
fn a_lost_answer_a_throttled_call_and_a_denied_call_do_not_stop_the_others() {
    let files = Files::new(&[]);
    let names = ["denied", "lost", "throttled"];
    let account = promoted(&names, &files);
    for name in names {
        free(&account, name);
    }
    let denied = FaultKind::answer(400, "AccessDeniedException", "denied");
    let lost = FaultKind::CloseConnection(Execution::Done);
    for (name, kind) in [
        ("denied", denied),
        ("lost", lost),
        ("throttled", FaultKind::Throttle),
    ] {
        account
            .aws
            .script(Fault::on(REPLICATE, kind).on_secret(name));
    }
    let done = perform(&account, &files);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    let report = done.json();
    assert_eq!(outcome(&report, "denied"), "failed");
    let allow = format!("allow `secretsmanager:{REPLICATE}`");
    assert!(done.stdout.contains(&allow), "{}", done.stdout);
    assert_eq!(outcome(&report, "lost"), "done");
    assert_eq!(outcome(&report, "throttled"), "done");
    // The lost answer is read, not repeated.
    assert_eq!(account.aws.calls_to(REPLICATE).len(), 4);
    let again = perform(&account, &files);
    assert_eq!(again.code, Some(0), "{}", again.stdout);
    assert!(names.iter().all(|name| is_replica(&account, name)));
}

#[test]
fn an_interruption_ends_the_calls_in_progress_and_the_next_run_continues() {
    let files = Files::new(&[]);
    let names: Vec<String> = (0..20).map(|number| format!("shop/{number:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let account = promoted(&names, &files);
    for name in &names {
        free(&account, name);
    }
    let slow = FaultKind::Latency(Duration::from_millis(700));
    account.aws.script(Fault::on(REPLICATE, slow).always());
    let state = files.path("state.json");
    let child = account
        .command(&arguments(&state))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while account.aws.calls_to(REPLICATE).is_empty() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(10));
    }
    let kill = format!("kill -INT {}", child.id());
    let sent = Command::new("sh").args(["-c", &kill]).status().unwrap();
    assert!(sent.success());
    let interrupted = called(&child.wait_with_output().unwrap());
    assert_eq!(interrupted.code, Some(130), "{}", interrupted.stderr);
    let report = interrupted.json();
    assert_eq!(report["interrupted"], true);
    let calls = account.aws.calls_to(REPLICATE).len();
    assert!((1..20).contains(&calls), "{calls}");
    let secrets = report["secrets"].as_array().unwrap().iter();
    let done = secrets.filter(|row| row["performed"]["outcome"] == "done");
    assert_eq!(done.count(), calls);

    let done = perform(&account, &files);
    assert_eq!(done.code, Some(0), "{}", done.stdout);
    assert_eq!(account.aws.calls_to(REPLICATE).len(), 20);
}

#[test]
fn two_operators_who_perform_at_once_overwrite_nothing_and_neither_fails() {
    let files = Files::new(&[]);
    let names: Vec<String> = (0..10).map(|number| format!("shop/{number:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let account = promoted(&names, &files);
    for name in &names {
        free(&account, name);
    }
    let slow = FaultKind::Latency(Duration::from_millis(300));
    account.aws.script(Fault::on(REPLICATE, slow).always());
    let state = files.path("state.json");
    let operators = [(); 2].map(|()| {
        let mut command = account.command(&arguments(&state));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    });
    for operator in operators {
        let done = called(&operator.wait_with_output().unwrap());
        assert!([Some(0), Some(2)].contains(&done.code), "{}", done.stderr);
        let report = done.json();
        for name in &names {
            let outcome = outcome(&report, name);
            assert!(
                outcome == "done" || outcome == "no-longer-due" || outcome.is_null(),
                "{report}"
            );
        }
    }
    assert!(names.iter().all(|name| is_replica(&account, name)));
    let calls = account.aws.calls_to(REPLICATE);
    assert!(
        calls
            .iter()
            .all(|call| call.body["ForceOverwriteReplicaSecret"] == false)
    );
    assert_eq!(perform(&account, &files).code, Some(0));
}
