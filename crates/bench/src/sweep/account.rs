//! An emulated AWS whose secrets the policy covers, with two replicas each.

use std::time::Duration;

use anyhow::anyhow;
use secret_replicator_emulator::{
    Emulator, Fault, FaultKind, SecretSeed, SecretSeries, Time, World, WorldSettings,
};
use serde_json::{Value, json};

use crate::event::REGION;

/// The Regions of the replicas.
const REPLICAS: [&str; 2] = ["eu-west-1", "us-west-2"];

/// The policy that covers all secrets.
pub(super) const POLICY: &str = "{version: 1, rules: [
    {name: by-tag, when: {tags: {replicate-to: '*'}}, replicate-to: [eu-west-1, us-west-2]}]}";

/// The age of the secrets: old enough to be compared.
const AGE: Duration = Duration::from_hours(24);

/// An emulated AWS and its secrets.
pub(crate) struct Account {
    aws: Emulator,
    series: SecretSeries,
    secrets: usize,
    drift: Drift,
}

/// The secrets that a list does not show in sync.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Drift {
    /// Secrets without one of their replicas.
    pub(crate) missing: usize,
    /// Secrets in sync that have just changed.
    pub(crate) young: usize,
}

/// The share of the secrets that drift, and of those that are young, as every how many-th secret.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DriftShare {
    missing: usize,
    young: usize,
}

impl Drift {
    /// One percent of the secrets lacks a replica, and half a percent is young.
    pub(crate) const ONE_PERCENT: DriftShare = DriftShare {
        missing: 100,
        young: 200,
    };
}

impl Account {
    /// Starts an account in which all replicas are in sync.
    pub(crate) async fn start(secrets: usize, latency: Duration) -> anyhow::Result<Account> {
        Account::with(secrets, &REPLICAS, latency, LATENCY_OF_REPLICATION).await
    }

    /// Starts an account without replicas.
    pub(crate) async fn start_without_replicas(
        secrets: usize,
        latency: Duration,
    ) -> anyhow::Result<Account> {
        Account::with(secrets, &[], latency, LATENCY_OF_REPLICATION).await
    }

    /// Starts an account without replicas in which a replication takes this time.
    pub(crate) async fn start_for_events(
        secrets: usize,
        latency: Duration,
        replication: Duration,
    ) -> anyhow::Result<Account> {
        Account::with(secrets, &[], latency, replication).await
    }

    /// Starts an account in which some secrets are not in sync, as the lists show.
    pub(crate) async fn start_drifted(
        secrets: usize,
        share: DriftShare,
        latency: Duration,
    ) -> anyhow::Result<Account> {
        let mut account = Account::start(secrets, latency).await?;
        let series = &account.series;
        account.drift = account
            .aws
            .with(|world, now| drift(world, now, series, secrets, share))?;
        Ok(account)
    }

    async fn with(
        secrets: usize,
        replicas: &[&str],
        latency: Duration,
        replication: Duration,
    ) -> anyhow::Result<Account> {
        let aws = Emulator::start(WorldSettings {
            replication_delay: replication,
            removal_delay: Duration::ZERO,
            ..WorldSettings::default()
        })
        .await?;
        let mut template =
            SecretSeed::new(REGION, "app/").with_tag("replicate-to", REPLICAS.join(" "));
        for replica in replicas {
            template = template.with_replica_in(*replica);
        }
        let series = SecretSeries::new(template, secrets);
        aws.with(|world, now| world.seed_series(now.before(AGE), series.clone()));
        aws.script(Fault::on_any(FaultKind::Latency(latency)).always());
        Ok(Account {
            aws,
            series,
            secrets,
            drift: Drift::default(),
        })
    }

    pub(crate) fn aws(&self) -> &Emulator {
        &self.aws
    }

    pub(crate) fn secrets(&self) -> usize {
        self.secrets
    }

    pub(crate) fn drift(&self) -> Drift {
        self.drift
    }

    /// Returns the ARN of the secret with this number.
    pub(crate) fn arn(&self, number: usize) -> anyhow::Result<String> {
        let name = self.series.name(number);
        let secret = self.aws.with(|world, now| world.secret(now, REGION, &name));
        let secret = secret.ok_or_else(|| anyhow!("the account has no secret {name}"))?;
        Ok(secret.arn)
    }
}

/// The duration of a replication that a sweep does not need to wait for.
const LATENCY_OF_REPLICATION: Duration = super::LATENCY;

/// Removes replicas and changes secrets. The removals happen soon after the seeding, at a pace within the
/// write quota.
fn drift(
    world: &mut World,
    now: Time,
    series: &SecretSeries,
    secrets: usize,
    share: DriftShare,
) -> anyhow::Result<Drift> {
    const PAUSE: Duration = Duration::from_millis(25);
    let mut call = |at, operation: &str, number, mut body: Value| {
        body["SecretId"] = json!(series.name(number));
        let answer = world.handle(at, REGION, operation, &body);
        answer.map_err(|error| anyhow!("{operation}: {error}"))
    };
    let mut drift = Drift::default();
    let mut at = now.before(AGE);
    for number in (0..secrets).step_by(share.missing) {
        at = at + PAUSE;
        let body = json!({ "RemoveReplicaRegions": [REPLICAS[0]] });
        call(at, "RemoveRegionsFromReplication", number, body)?;
        drift.missing += 1;
    }
    for number in (share.missing / 2..secrets).step_by(share.young) {
        let body = json!({ "Tags": [{ "Key": "changed", "Value": "now" }] });
        call(now, "TagResource", number, body)?;
        drift.young += 1;
    }
    Ok(drift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_percent_of_the_secrets_lacks_a_replica_and_half_a_percent_is_young() {
        let account = Account::start_drifted(1000, Drift::ONE_PERCENT, Duration::ZERO).await;
        let account = account.unwrap();
        assert_eq!((account.drift().missing, account.drift().young), (10, 5));
        let (ireland, oregon) = account.aws().with(|world, now| {
            let mut count = |region| world.secrets(now, region).len();
            (count(REPLICAS[0]), count(REPLICAS[1]))
        });
        assert_eq!((ireland, oregon), (990, 1000));
    }
}
