use super::super::facts::{Read, Rule, Schedule};
use super::{read, read_optional};
use crate::access::Access;

const MISSING: &[&str] = &["ResourceNotFoundException"];

/// Reads a rule with its targets. `None` if it does not exist.
pub(super) async fn rule(access: &Access, id: &str) -> Read<Option<Rule>> {
    let client = aws_sdk_eventbridge::Client::new(access.config());
    let name = id.rsplit('/').next().unwrap_or_default();
    if name.is_empty() {
        return Ok(None);
    }
    let found = client.describe_rule().name(name).send().await;
    let Some(found) = read_optional("events:DescribeRule", MISSING, found)? else {
        return Ok(None);
    };
    let targets = client.list_targets_by_rule().rule(name).send().await;
    let targets = read("events:ListTargetsByRule", targets)?;
    Ok(Some(Rule {
        arn: found.arn().unwrap_or_default().to_owned(),
        enabled: found
            .state()
            .is_some_and(|state| state.as_str() != "DISABLED"),
        pattern: found.event_pattern().unwrap_or_default().to_owned(),
        targets: targets
            .targets()
            .iter()
            .map(|target| target.arn().to_owned())
            .collect(),
    }))
}

/// Reads a schedule. `None` if it does not exist.
pub(super) async fn schedule(access: &Access, id: &str) -> Read<Option<Schedule>> {
    let client = aws_sdk_scheduler::Client::new(access.config());
    let name = id.rsplit(['/', '|']).next().unwrap_or_default();
    if name.is_empty() {
        return Ok(None);
    }
    let found = client.get_schedule().name(name).send().await;
    let found = read_optional("scheduler:GetSchedule", MISSING, found)?;
    Ok(found.map(|found| Schedule {
        enabled: found
            .state()
            .is_some_and(|state| state.as_str() == "ENABLED"),
        target: found.target().map_or("", |target| target.arn()).to_owned(),
    }))
}
