//! Interruption of the commands that read an account.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use secret_replicator_emulator::{Execution, Fault, FaultKind};

use crate::account::{Account, HOME, isolated};
use crate::called;

#[test]
fn an_interruption_ends_the_process_at_once_with_code_130_and_no_output() {
    for name in ["plan", "status"] {
        let account = Account::new([]);
        let hang = FaultKind::Hang(Execution::Skipped);
        account.aws.script(Fault::on("ListSecrets", hang).always());
        let mut command = isolated(&[name, "--region", HOME, "--output", "json"]);
        let child = command
            .args(["--endpoint-url", &account.aws.endpoint()])
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while account.aws.calls_to("ListSecrets").is_empty() {
            assert!(Instant::now() < deadline, "no call of {name}");
            std::thread::sleep(Duration::from_millis(10));
        }
        let kill = format!("kill -INT {}", child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(sent.success());
        let interrupted = Instant::now();
        let called = called(&child.wait_with_output().unwrap());
        assert!(interrupted.elapsed() < Duration::from_secs(2));
        assert_eq!(called.code, Some(130), "{name}");
        assert_eq!(called.stdout, "");
        assert_eq!(called.stderr, "interrupted; the account is unchanged\n");
    }
}
