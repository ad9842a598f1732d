//! Reads the facts with the AWS SDK. All calls only read, except `lambda:InvokeFunction` with `--invoke`, which
//! invokes the function with an action that never writes.

mod alarms;
mod events;
mod function;
mod keys;
mod queues;
mod regions;
mod roles;
mod stack;
mod sweeps;
mod trails;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use secret_replicator_core::secret::Region;

use super::facts::{Chain, Facts, QUEUES, RULE, Read, SCHEDULES, Stack, Subject, Unread};
use super::permissions::Account;
use super::settings::Settings;
use crate::access::{Access, ApiError};

/// Reads all facts about a stack.
///
/// # Errors
/// The stack cannot be read. Other unread facts are part of the result.
pub(crate) async fn facts(
    access: &Access,
    subject: Subject,
    invoke: bool,
) -> Result<Facts, ApiError> {
    let found = stack::read(access, &subject.stack).await?;
    let chain = match &found {
        Some((stack, account)) if stack.is_usable() => {
            let account = account_of(account, &subject.region);
            Some(Box::pin(chain(access, &subject, stack, &account, invoke)).await)
        }
        _ => None,
    };
    Ok(Facts {
        subject,
        stack: found.map(|(stack, _)| stack),
        chain,
    })
}

/// Returns partition and account in the ID of the stack, which is an ARN.
fn account_of(stack_id: &str, region: &Region) -> Account {
    let parts: Vec<&str> = stack_id.split(':').collect();
    let part = |at: usize| parts.get(at).copied().unwrap_or_default().to_owned();
    Account {
        partition: part(1),
        region: region.clone(),
        id: part(4),
    }
}

async fn chain(
    access: &Access,
    subject: &Subject,
    stack: &Stack,
    account: &Account,
    invoke: bool,
) -> Chain {
    let (function, function_policy) = function::read(access, stack, invoke).await;
    let environment = function.as_ref().ok().and_then(Option::as_ref);
    let settings = environment.and_then(|function| Settings::read(&function.environment).ok());
    let replica_regions = settings
        .as_ref()
        .map(|settings| settings.replica_regions(&account.region))
        .unwrap_or_default();
    let keys = keys::read(access, stack, account, settings.as_ref()).await;
    let (keys, usable) = match keys {
        Ok((keys, usable)) => (Ok(keys), usable),
        Err(error) => (Err(error), BTreeSet::new()),
    };
    let settings = settings.as_ref();
    let roles = roles::read(access, stack, account, settings, &replica_regions, &usable);
    let (roles, (trails, trails_elsewhere), enabled_regions, unreachable) = tokio::join!(
        roles,
        trails::read(access),
        regions::enabled(access),
        regions::unreachable(access, &replica_regions),
    );
    let (sweeps, metrics, topic, alarms) = tokio::join!(
        sweeps::read(access, stack),
        sweeps::metrics(access, subject, stack),
        alarms::topic(access, stack),
        alarms::read(access, stack),
    );
    Chain {
        function,
        function_policy,
        rule: events::rule(access, stack.resource(RULE)).await,
        trails,
        trails_elsewhere,
        roles,
        keys,
        enabled_regions,
        unreachable,
        queues: each(QUEUES, async |name| {
            queues::read(access, stack.resource(name)).await
        })
        .await,
        schedules: each(SCHEDULES, async |name| {
            events::schedule(access, stack.resource(name)).await
        })
        .await,
        sweeps,
        metrics,
        topic,
        alarms,
    }
}

/// Reads a fact for each of some names.
async fn each<T, const N: usize>(
    names: [&'static str; N],
    read: impl AsyncFn(&'static str) -> T,
) -> BTreeMap<&'static str, T> {
    let mut found = BTreeMap::new();
    for name in names {
        found.insert(name, read(name).await);
    }
    found
}

/// Converts the result of a call. `action` is its IAM action.
fn read<T, E>(action: &'static str, result: Result<T, SdkError<E, HttpResponse>>) -> Read<T>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    result.map_err(|error| unread(action, &ApiError::new(action, &error)))
}

/// Converts the result of a call for something that may not exist. `codes` are the error codes for that.
fn read_optional<T, E>(
    action: &'static str,
    codes: &[&str],
    result: Result<T, SdkError<E, HttpResponse>>,
) -> Read<Option<T>>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.code().is_some_and(|code| codes.contains(&code)) => Ok(None),
        Err(error) => Err(unread(action, &ApiError::new(action, &error))),
    }
}

fn unread(action: &'static str, error: &ApiError) -> Unread {
    let denials = [
        "AccessDenied",
        "AuthorizationError",
        "UnauthorizedOperation",
    ];
    let is_denial = |text: &str| denials.iter().any(|denial| text.starts_with(denial));
    let text = [error.code.as_str(), error.message.as_str()].join(": ");
    Unread {
        action,
        denied: is_denial(&error.code) || error.message.contains("not authorized to perform"),
        error: format!("{action}: {}", text.trim_start_matches(": ")),
    }
}
