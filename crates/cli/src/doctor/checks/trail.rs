//! The trail: API calls reach EventBridge only through a trail that logs write management events.

use super::super::facts::{Chain, FieldSelector, Selector, Subject, Trail};
use super::super::finding::{Finding, Link};
use super::{list, unread};

/// What still works without a trail.
const EFFECT: &str = "new values and changes of tags arrive as native events; restored secrets wait for the \
                      sweep, and blocked deletions and changes by others leave no record";

/// Checks that a trail logs the calls of Secrets Manager in the stack's Region.
pub(super) fn check(subject: &Subject, chain: &Chain) -> Option<Finding> {
    let trails = match &chain.trails {
        Ok(trails) => trails,
        Err(error) => return Some(unread(Link::Trail, "the trails", error)),
    };
    if trails.iter().any(logs_writes) {
        return None;
    }
    let unknown = trails.iter().find_map(|trail| {
        let error = trail
            .logging
            .as_ref()
            .err()
            .or(trail.selectors.as_ref().err());
        Some((trail, error?))
    });
    if let Some((trail, error)) = unknown {
        let what = format!(
            "the trail {}, the only one that may log the calls",
            trail.arn
        );
        return Some(unread(Link::Trail, &what, error));
    }
    let (problem, remediation) = fault(subject, chain, trails);
    Some(Finding::warning(
        Link::Trail,
        format!("{problem}; {EFFECT}"),
        remediation,
    ))
}

fn logs_writes(trail: &Trail) -> bool {
    let selectors = trail.selectors.as_deref();
    trail.logging == Ok(true) && selectors.is_ok_and(includes_writes)
}

/// Describes why no trail logs the calls, and what to do: the trail that needs the least change.
fn fault(subject: &Subject, chain: &Chain, trails: &[Trail]) -> (String, String) {
    let region = &subject.region;
    let stopped = |trail: &&Trail| trail.selectors.as_deref().is_ok_and(includes_writes);
    if let Some(trail) = trails.iter().find(stopped) {
        return (
            format!("the trail {} is stopped, so no API call arrives", trail.arn),
            format!(
                "run `aws cloudtrail start-logging --name {}` in its home Region",
                trail.arn
            ),
        );
    }
    if let Some(trail) = trails.first() {
        return (
            format!(
                "the trail {} does not log write management events of Secrets Manager",
                trail.arn
            ),
            "add write management events to its event selectors, or deploy with CreateTrail=true"
                .to_owned(),
        );
    }
    let deploy = "deploy the stack with CreateTrail=true".to_owned();
    if chain.trails_elsewhere.is_empty() {
        return (format!("no trail logs the API calls of {region}"), deploy);
    }
    let elsewhere = chain.trails_elsewhere.iter();
    let elsewhere = list(elsewhere.map(|(trail, home)| format!("{trail} ({home})")));
    let problem = format!(
        "no trail logs the API calls of {region}; these log other Regions only: {elsewhere}"
    );
    (problem, deploy)
}

/// Returns whether selectors include write management events of Secrets Manager. A trail without selectors logs
/// all management events.
fn includes_writes(selectors: &[Selector]) -> bool {
    selectors.is_empty()
        || selectors.iter().any(|selector| match selector {
            Selector::Basic {
                management,
                read_write,
            } => *management && read_write != "ReadOnly",
            Selector::Advanced(fields) => {
                let is_category = |field: &FieldSelector| field.field == "eventCategory";
                fields.iter().any(is_category) && fields.iter().all(admits_write)
            }
        })
}

/// Returns whether a field selector admits write management events of Secrets Manager.
fn admits_write(selector: &FieldSelector) -> bool {
    let value = match selector.field.as_str() {
        "eventCategory" => "Management",
        "readOnly" => "false",
        "eventSource" => "secretsmanager.amazonaws.com",
        // Selects by event name, type or identity, which can only leave out some calls.
        _ => return true,
    };
    let has = |values: &[String]| values.iter().any(|known| known == value);
    (selector.equals.is_empty() || has(&selector.equals)) && !has(&selector.not_equals)
}
