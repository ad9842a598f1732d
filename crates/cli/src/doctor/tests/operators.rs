//! Faults of queues, alarms and their topic.

use super::super::facts::TopicKey;
use super::super::finding::Link;
use super::super::finding::Severity::Error;
use super::world::*;

#[test]
fn queues_with_messages() {
    for (name, alarm, problem) in [
        ("FailedEvents", "FailedEventsWaiting", "failed three times"),
        (
            "UndeliveredEvents",
            "UndeliveredEventsWaiting",
            "could not deliver",
        ),
        (
            "UnstartedSweeps",
            "UnstartedSweepsWaiting",
            "could not start",
        ),
    ] {
        let findings = with(|chain| {
            let queue = chain.queues.get_mut(name).unwrap();
            let queue = queue.as_mut().unwrap().as_mut().unwrap();
            queue.messages = 2;
            queue.first_error = Some("AccessDenied: no".to_owned());
            fire(chain, &[alarm]);
        });
        assert_only(&findings, Link::Queues, Error, [problem, "purge"]);
        assert!(
            findings[0]
                .problem
                .ends_with("the first error: AccessDenied: no")
        );
    }
}

#[test]
fn an_alarm_without_another_finding() {
    let findings = with(|chain| fire(chain, &["DriftReturns"]));
    assert_only(
        &findings,
        Link::Alarms,
        Error,
        ["DriftReturns", "OPERATIONS.md, DriftReturns"],
    );
}

#[test]
fn an_alarm_that_notifies_no_topic() {
    let findings = with(|chain| {
        let alarm = chain
            .alarms
            .as_mut()
            .unwrap()
            .get_mut("SweepFailed")
            .unwrap();
        alarm.as_mut().unwrap().actions_enabled = false;
    });
    assert_only(
        &findings,
        Link::Alarms,
        Error,
        ["disabled", "enable-alarm-actions"],
    );
}

#[test]
fn an_alarm_that_does_not_exist_or_notifies_another_topic() {
    let findings = with(|chain| {
        let alarms = chain.alarms.as_mut().unwrap();
        alarms.insert("SweepSilent".to_owned(), None);
    });
    assert_only(
        &findings,
        Link::Alarms,
        Error,
        ["do not exist: SweepSilent", "REVERT_DRIFT"],
    );
    let findings = with(|chain| {
        let alarms = chain.alarms.as_mut().unwrap();
        let alarm = alarms.get_mut("SweepFailed").unwrap();
        alarm.as_mut().unwrap().notifies.clear();
    });
    assert_only(
        &findings,
        Link::Alarms,
        Error,
        ["do not notify the topic", "REVERT_DRIFT"],
    );
}

#[test]
fn a_topic_whose_policy_omits_the_account() {
    let findings = with(|chain| {
        let topic = chain.topic.as_mut().unwrap().as_mut().unwrap();
        topic.policy = topic_policy("999999999999");
    });
    assert_only(
        &findings,
        Link::Topic,
        Error,
        [
            "does not allow CloudWatch `sns:Publish`",
            "with this account",
        ],
    );
}

#[test]
fn a_topic_without_a_confirmed_subscription() {
    let topic = |confirmed, pending| {
        with(|chain| {
            let topic = chain.topic.as_mut().unwrap().as_mut().unwrap();
            (topic.confirmed, topic.pending) = (confirmed, pending);
        })
    };
    assert_only(
        &topic(0, 0),
        Link::Topic,
        Error,
        ["has no subscription", "AlarmEmail"],
    );
    assert_only(
        &topic(0, 1),
        Link::Topic,
        Error,
        ["is confirmed", "open the link"],
    );
    assert_eq!(topic(1, 1), []);
}

#[test]
fn a_topic_that_does_not_exist() {
    let findings = with(|chain| chain.topic = Ok(None));
    assert_only(
        &findings,
        Link::Topic,
        Error,
        ["does not exist", "AlarmTopicArn"],
    );
}

#[test]
fn topics_with_a_key_that_keeps_alarms_out() {
    let with_key =
        |key| with(|chain| chain.topic.as_mut().unwrap().as_mut().unwrap().key = Some(key));
    let findings = with_key(TopicKey::AwsManaged);
    assert_only(
        &findings,
        Link::Topic,
        Error,
        ["aws/sns", "customer managed key"],
    );
    let policy = |service: &str| {
        serde_json::json!({ "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": service },
            "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
            "Resource": "*"
        }] })
        .to_string()
    };
    let customer = |service| TopicKey::Customer("key".to_owned(), Ok(policy(service)));
    let findings = with_key(customer("sns.amazonaws.com"));
    assert_only(
        &findings,
        Link::Topic,
        Error,
        ["does not allow CloudWatch", "key policy"],
    );
    assert_eq!(with_key(customer("cloudwatch.amazonaws.com")), []);
}

#[test]
fn a_queue_that_does_not_exist() {
    let findings = with(|chain| {
        chain.queues.insert("FailedEvents", Ok(None));
    });
    assert_only(
        &findings,
        Link::Queues,
        Error,
        ["the queue FailedEvents does not exist", "REVERT_DRIFT"],
    );
}
