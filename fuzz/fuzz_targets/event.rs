//! Any payload becomes a trigger, and the texts that are taken from it have limits.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use secret_replicator_core::request::{FunctionIdentity, MAX_ANSWER_SIZE, Request, Trigger, parse};
use secret_replicator_core::secret::{Region, SecretId};

static HOME: LazyLock<FunctionIdentity> = LazyLock::new(|| FunctionIdentity {
    region: Region::parse("us-east-1").expect("a Region"),
    account: Some("123456789012".to_owned()),
    name: Some("secret-replicator".to_owned()),
});

fuzz_target!(|event: &str| {
    let Trigger { origin, request } = parse(event, &HOME);
    assert!(
        origin.name.len() <= 2048,
        "{} bytes of a name",
        origin.name.len()
    );
    match request {
        // A record that is too long is split into several log lines, which are not JSON.
        Request::Bad(bad) => assert!(bad.message.chars().count() <= 512, "{}", bad.message),
        Request::Reconcile { secret, .. } => within_limits(&secret),
        Request::Skip { secret, .. } => secret.iter().for_each(within_limits),
        Request::CheckDeployment(check) => {
            let answer = check.answer(&["\u{1}".repeat(5000)], None);
            assert!(answer.body.len() <= MAX_ANSWER_SIZE, "{}", answer.body);
        }
        Request::Explain(_) | Request::Sweep(_) | Request::Failover(_) => {}
    }
    assert_eq!(parse(event, &HOME).origin, origin);
});

fn within_limits(id: &SecretId) {
    assert!((1..=2048).contains(&id.as_str().chars().count()), "{id:?}");
}
