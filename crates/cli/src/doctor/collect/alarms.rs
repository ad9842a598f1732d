use std::collections::BTreeMap;

use aws_sdk_kms::types::KeyManagerType;
use serde_json::Value;

use super::super::checks::alarm_names;
use super::super::facts::{Alarm, Read, Stack, Topic, TopicKey};
use super::{read as checked, read_optional};
use crate::access::Access;

/// Reads the alarms of the stack. `None` for one that does not exist.
pub(super) async fn read(access: &Access, stack: &Stack) -> Read<BTreeMap<String, Option<Alarm>>> {
    let client = aws_sdk_cloudwatch::Client::new(access.config());
    let names = alarm_names().iter();
    let by_physical: BTreeMap<&str, &str> = names
        .map(|name| (stack.resource(name), *name))
        .filter(|(physical, _)| !physical.is_empty())
        .collect();
    let physical = by_physical.keys().map(|name| (*name).to_owned()).collect();
    let found = client
        .describe_alarms()
        .set_alarm_names(Some(physical))
        .max_records(100);
    let found = checked("cloudwatch:DescribeAlarms", found.send().await)?;
    let missing = by_physical.values().map(|name| ((*name).to_owned(), None));
    let mut alarms: BTreeMap<String, Option<Alarm>> = missing.collect();
    alarms.extend(found.metric_alarms().iter().filter_map(|alarm| {
        let name = by_physical.get(alarm.alarm_name()?)?;
        let read = Alarm {
            firing: alarm
                .state_value()
                .is_some_and(|state| state.as_str() == "ALARM"),
            reason: alarm.state_reason().unwrap_or_default().to_owned(),
            actions_enabled: alarm.actions_enabled().unwrap_or(true),
            arn: alarm.alarm_arn().unwrap_or_default().to_owned(),
            notifies: alarm.alarm_actions().to_vec(),
        };
        Some(((*name).to_owned(), Some(read)))
    }));
    Ok(alarms)
}

/// Reads the topic of the alarms. `None` if it does not exist.
pub(super) async fn topic(access: &Access, stack: &Stack) -> Read<Option<Topic>> {
    let own = stack.resource("AlarmTopic");
    let arn = if own.is_empty() {
        stack.parameter("AlarmTopicArn")
    } else {
        own
    };
    let client = aws_sdk_sns::Client::new(access.config());
    let found = client.get_topic_attributes().topic_arn(arn).send().await;
    let missing = &["NotFound", "NotFoundException"];
    let Some(found) = read_optional("sns:GetTopicAttributes", missing, found)? else {
        return Ok(None);
    };
    let attribute = |name| found.attributes()?.get(name);
    let policy = attribute("Policy").cloned().unwrap_or_default();
    let key = attribute("KmsMasterKeyId");
    let key = match key.filter(|key| !key.is_empty()) {
        Some(key) => Some(topic_key(access, key).await?),
        None => None,
    };
    let (mut confirmed, mut pending) = (0, 0);
    let mut pages = client
        .list_subscriptions_by_topic()
        .topic_arn(arn)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        for row in checked("sns:ListSubscriptionsByTopic", page)?.subscriptions() {
            match row.subscription_arn() {
                // Only a confirmed subscription has an ARN.
                Some(arn) if arn.starts_with("arn:") => confirmed += 1,
                Some("PendingConfirmation") => pending += 1,
                _ => {}
            }
        }
    }
    Ok(Some(Topic {
        arn: arn.to_owned(),
        confirmed,
        pending,
        key,
        policy,
    }))
}

async fn topic_key(access: &Access, key: &str) -> Read<TopicKey> {
    if key.ends_with("alias/aws/sns") {
        return Ok(TopicKey::AwsManaged);
    }
    let client = aws_sdk_kms::Client::new(access.config());
    let found = client.describe_key().key_id(key).send().await;
    let found = checked("kms:DescribeKey", found)?;
    let metadata = found.key_metadata();
    let manager = metadata
        .and_then(|key| key.key_manager())
        .map(KeyManagerType::as_str);
    if manager == Some("AWS") {
        return Ok(TopicKey::AwsManaged);
    }
    // `GetKeyPolicy` takes no alias.
    let id = metadata.map_or(key, |metadata| metadata.key_id());
    let policy = client.get_key_policy().key_id(id).send().await;
    let policy = checked("kms:GetKeyPolicy", policy);
    let policy = policy.map(|found| found.policy.unwrap_or_else(|| Value::Null.to_string()));
    Ok(TopicKey::Customer(key.to_owned(), policy))
}
