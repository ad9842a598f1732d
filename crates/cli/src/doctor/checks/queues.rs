//! The queues: they exist and are empty.

use super::super::facts::Chain;
use super::super::finding::{Finding, Link, Symptom};
use super::{RECREATE, unread};

/// Checks that each queue exists and holds no messages.
pub(super) fn check(chain: &Chain) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, queue) in &chain.queues {
        let queue = match queue {
            Ok(Some(queue)) => queue,
            Ok(None) => {
                let problem = format!("the queue {name} does not exist, so its messages are lost");
                findings.push(Finding::error(Link::Queues, problem, RECREATE));
                continue;
            }
            Err(error) => {
                findings.push(unread(Link::Queues, "the queues", error));
                continue;
            }
        };
        if queue.messages == 0 {
            continue;
        }
        let (meaning, symptoms) = meaning(name);
        let messages = if queue.messages == 1 {
            "message"
        } else {
            "messages"
        };
        let first = queue.first_error.as_deref();
        let first = first.map_or_else(String::new, |error| format!("; the first error: {error}"));
        let problem = format!(
            "the queue {name} has {} {messages}: {meaning}{first}",
            queue.messages
        );
        let remediation =
            "fix the cause, start a sweep, then purge the queue (docs/OPERATIONS.md, Queues)";
        findings.push(Finding::error(Link::Queues, problem, remediation).explaining(symptoms));
    }
    findings
}

/// Returns the meaning of messages in a queue, and their symptoms.
fn meaning(queue: &str) -> (&'static str, &'static [Symptom]) {
    match queue {
        "FailedEvents" => (
            "the function failed three times on each",
            &[
                Symptom::Alarm("FailedEventsWaiting"),
                Symptom::Alarm("EventsDropped"),
                Symptom::Alarm("FunctionErrors"),
            ],
        ),
        "UndeliveredEvents" => (
            "EventBridge could not deliver them to the function",
            &[Symptom::Alarm("UndeliveredEventsWaiting")],
        ),
        _ => (
            "EventBridge Scheduler could not start these sweeps",
            &[
                Symptom::Alarm("UnstartedSweepsWaiting"),
                Symptom::Alarm("SweepSilent"),
                Symptom::NoSweep,
                Symptom::NoMetrics,
            ],
        ),
    }
}
