//! Tests of several runs of `promote`, one after the other or at once, and of the state file between them.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use secret_replicator_emulator::{Fault, FaultKind, Outcome};
use serde_json::Value;

use super::{STOP, account, is_standalone, name, outcomes, promote, state, suspend};
use crate::account::isolated;
use crate::failover::THERE;
use crate::{Files, called};

#[test]
fn a_second_run_of_a_complete_promotion_succeeds_and_changes_nothing() {
    let account = account(3);
    suspend(&account);
    let files = Files::new(&[]);
    for _ in 0..2 {
        let done = promote(&account, &files, &["--yes"]);
        assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
        assert_eq!(done.json()["absent_unknown"], true);
        // As after a run that ended before it verified.
        let path = files.path("state.json");
        let text = std::fs::read_to_string(&path).unwrap();
        let (promoted, planned) = (r#""status":"promoted""#, r#""status":"planned""#);
        assert_eq!(text.matches(promoted).count(), 3, "{text}");
        std::fs::write(&path, text.replace(promoted, planned)).unwrap();
    }
    assert_eq!(account.aws.calls_to(STOP).len(), 3);
}

#[test]
fn a_denied_promotion_names_the_action_and_the_next_run_continues() {
    let account = account(2);
    let message = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: it";
    let denied = FaultKind::answer(400, "AccessDeniedException", message);
    account
        .aws
        .script(Fault::on(STOP, denied).on_secret(name(1)));
    let files = Files::new(&[]);
    let done = promote(&account, &files, &["--yes"]);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert_eq!(outcomes(&done.json())["shop/01"], "failed");
    let allow = format!("allow `secretsmanager:{STOP}`");
    assert!(done.stdout.contains(&allow), "{}", done.stdout);
    assert_eq!(promote(&account, &files, &["--yes"]).code, Some(0));
    assert_eq!(account.aws.calls_to(STOP).len(), 3);
}

#[test]
fn an_interruption_ends_the_promotions_in_progress_and_the_next_run_continues() {
    let account = account(41);
    suspend(&account);
    let slow = FaultKind::Latency(Duration::from_millis(700));
    account.aws.script(Fault::on(STOP, slow).always());
    let files = Files::new(&[]);
    let path = files.path("state.json");
    let arguments = [
        "promote", "--to", THERE, "--yes", "--state", &path, "--output", "json",
    ];
    let child = isolated(&arguments)
        .args(["--endpoint-url", &account.aws.endpoint()])
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while account.aws.calls_to(STOP).is_empty() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(10));
    }
    // The record of the plan is on the disk before the first call.
    assert_eq!(state(&files).len(), 41);
    let kill = format!("kill -INT {}", child.id());
    let sent = Command::new("sh").args(["-c", &kill]).status().unwrap();
    assert!(sent.success());
    let interrupted = called(&child.wait_with_output().unwrap());
    assert_eq!(interrupted.code, Some(130), "{}", interrupted.stderr);
    assert!(interrupted.stderr.contains("the calls in progress end now"));
    let report = interrupted.json();
    assert_eq!(report["interrupted"], true);
    let calls = account.aws.calls_to(STOP).len();
    assert!((1..41).contains(&calls), "{calls}");
    // Each promotion that began ended, and the state file has it.
    let promoted = |value: &Value| value["status"] == "promoted";
    let recorded = state(&files);
    assert_eq!(recorded.len(), 41);
    assert_eq!(
        recorded.values().filter(|secret| promoted(secret)).count(),
        calls
    );
    let standalone = (0..41).filter(|number| is_standalone(&account, &name(*number)));
    assert_eq!(standalone.count(), calls);

    let done = promote(&account, &files, &["--yes"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(account.aws.calls_to(STOP).len(), 41);
    assert!(state(&files).values().all(promoted));
}

#[test]
fn two_operators_at_once_promote_each_secret_once() {
    let account = account(10);
    let files = [Files::new(&[]), Files::new(&[])];
    let endpoint = account.aws.endpoint();
    let spawn = |files: &Files| {
        let path = files.path("state.json");
        let arguments = [
            "promote", "--to", THERE, "--yes", "--state", &path, "--output", "json",
        ];
        isolated(&arguments)
            .args(["--endpoint-url", &endpoint])
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let children = [spawn(&files[0]), spawn(&files[1])];
    for child in children {
        let done = called(&child.wait_with_output().unwrap());
        assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    }
    assert!((0..10).all(|number| is_standalone(&account, &name(number))));
    let promotions = account.aws.calls_to(STOP).into_iter();
    let succeeded = promotions.filter(|call| call.outcome == Outcome::Success);
    assert_eq!(succeeded.count(), 10);
}

#[test]
fn two_runs_with_one_state_file_do_not_overlap() {
    let account = account(10);
    let slow = FaultKind::Latency(Duration::from_secs(1));
    account.aws.script(Fault::on(STOP, slow).always());
    let files = Files::new(&[]);
    let path = files.path("state.json");
    let arguments = ["promote", "--to", THERE, "--yes", "--state", &path];
    let first = account
        .command(&arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while account.aws.calls_to(STOP).is_empty() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(10));
    }
    let second = account.call_writing(&arguments);
    assert_eq!(second.code, Some(1), "{}", second.stdout);
    assert!(
        second
            .stderr
            .contains("another run of `promote` uses the state file"),
        "{}",
        second.stderr
    );
    let first = called(&first.wait_with_output().unwrap());
    assert_eq!(first.code, Some(0), "{}{}", first.stdout, first.stderr);
    assert!(
        state(&files)
            .values()
            .all(|secret| secret["status"] == "promoted")
    );
    assert_eq!(state(&files).len(), 10);
}

#[test]
fn the_state_file_without_an_option_has_the_account_and_both_regions_in_its_name() {
    let account = account(2);
    let files = Files::new(&[]);
    let directory = files.path("");
    let name = "promotion-123456789012-us-east-1-eu-west-1.jsonl";
    let arguments = ["promote", "--to", THERE, "--yes", "--output", "json"];
    for _ in 0..2 {
        // The second run sees no replica any more, and finds the file by the account and its own Region.
        let done = account.call_writing_in(&directory, &arguments);
        assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
        assert_eq!(done.json()["state_file"], name);
    }
    let entries = std::fs::read_dir(&directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), [name]);
}
