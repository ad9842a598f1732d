//! The log of calls, and the life of the server.

use secret_replicator_emulator::{Emulator, Outcome, WorldSettings};
use serde_json::json;

use crate::support::{HOME, IRELAND, call, emulator};

#[tokio::test]
async fn calls_are_logged_in_order_without_values_and_tokens() {
    let emulator = emulator().await;
    let value = json!({
        "SecretString": "v",
        "ClientRequestToken": "11111111-1111-4111-8111-111111111111",
    });
    let (name, id) = (json!({ "Name": "app" }), json!({ "SecretId": "app" }));
    for (region, operation, body) in [
        (HOME, "CreateSecret", &name),
        (HOME, "PutSecretValue", &id),
        (IRELAND, "DescribeSecret", &id),
    ] {
        let mut request = value.clone();
        for (member, value) in body.as_object().unwrap() {
            request[member] = value.clone();
        }
        call(&emulator, region, operation, &request);
        let last = emulator.calls().pop().unwrap();
        assert_eq!(
            (last.region.as_str(), last.operation.as_str()),
            (region, operation)
        );
        assert_eq!(last.secret_id.as_deref(), Some("app"));
        assert_eq!(last.body, *body);
    }
    let calls = emulator.calls();
    let outcomes: Vec<_> = calls.iter().map(|call| call.outcome.clone()).collect();
    let not_found = Outcome::Error("ResourceNotFoundException".to_owned());
    assert_eq!(outcomes, [Outcome::Success, Outcome::Success, not_found]);
    assert!(calls[0].time <= calls[2].time);
    assert_eq!(emulator.calls_to("PutSecretValue"), calls[1..2]);
    emulator.forget_calls();
    assert_eq!(emulator.calls(), []);
}

#[tokio::test]
async fn the_port_is_free_again_once_the_emulator_is_dropped() {
    let emulator = emulator().await;
    let address = emulator.endpoint().replace("http://", "").parse().unwrap();
    call(&emulator, HOME, "ListSecrets", &json!({}));
    drop(emulator);
    let start = || Emulator::start_at(address, WorldSettings::default());
    let _again = start().await.unwrap();
    let taken = start().await.unwrap_err();
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
}
