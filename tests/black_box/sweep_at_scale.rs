//! Tests of the sweep over the number of secrets of large accounts, and over slices that are killed.

use std::time::Duration;

use secret_replicator_emulator::{Answer, Outcome, SecretSeed};
use serde_json::{Value, json};

use crate::record_schema::invoke;
use crate::stage::{HOME, Setting, Stage, setting};

/// A policy that cannot be expressed as a filter of `ListSecrets`, so that the sweep lists every secret.
const POLICY: &str = "{version: 1, rules: [
    {name: by-tag, when: {tags: {tier: '1'}}, replicate-to: eu-west-1},
    {name: by-name, when: {secret-name: 'shared/*'}, replicate-to: eu-west-1}]}";

/// Returns settings in which the sweep can use most of AWS's quota.
fn with_quota() -> Setting {
    setting()
        .env("REPLICATION_POLICY", POLICY)
        .env("SWEEP_WRITES_PER_SECOND", "45")
        .env("REPLICATION_WAIT_SECONDS", "5")
        .timeout(Duration::from_mins(1))
}

/// The number of secrets, by kind.
#[derive(Clone, Copy)]
struct Population {
    secrets: usize,
    /// Each `covered`-th secret is covered.
    covered: usize,
    /// Each `drifted`-th secret is covered and has no replica.
    drifted: usize,
}

impl Population {
    fn settle_in(self, stage: &Stage) {
        for index in 0..self.secrets {
            let name = format!("app/{index:06}");
            let seed = if index % self.drifted == 0 {
                SecretSeed::new(HOME, name).with_tag("tier", "1")
            } else if index % self.covered == 0 {
                SecretSeed::new(HOME, name)
                    .with_tag("tier", "1")
                    .with_replica_in("eu-west-1")
            } else {
                SecretSeed::new(HOME, name).with_tag("tier", "2")
            };
            stage.secret(seed);
        }
    }

    fn number_drifted(self) -> usize {
        self.secrets.div_ceil(self.drifted)
    }

    fn number_covered(self) -> usize {
        self.secrets.div_ceil(self.covered)
    }
}

/// Sweeps to the end. Returns the last summary.
async fn sweep(stage: &mut Stage) -> Value {
    let mut action = json!({ "action": "sweep", "maxChanges": 1_000_000 });
    loop {
        let invocation = invoke(&mut stage.function, &action)
            .await
            .expect("it is there");
        let Answer::Success(summary) = invocation.answer else {
            panic!("no answer: {:?}", invocation.answer);
        };
        if summary["nextToken"].is_null() {
            return summary;
        }
        action["nextToken"] = summary["nextToken"].clone();
    }
}

/// Checks that every drifted secret is repaired, that there were no other writes, and that AWS throttled
/// no call.
fn all_is_as_wanted(stage: &Stage, population: Population) {
    let writes = stage.calls("ReplicateSecretToRegions");
    assert_eq!(writes.len(), population.number_drifted());
    let calls = stage.aws.calls();
    let throttled = calls.iter().find(|call| match &call.outcome {
        Outcome::Success | Outcome::Pending | Outcome::Closed => false,
        // A probe before a request, which finds that the name is available.
        Outcome::Error(code) => {
            call.operation != "DescribeSecret" || code != "ResourceNotFoundException"
        }
        Outcome::Malformed => true,
    });
    assert!(throttled.is_none(), "{throttled:?}");
    for index in (0..population.secrets).step_by(population.covered) {
        let name = format!("app/{index:06}");
        assert_eq!(stage.in_sync(&name), ["eu-west-1"], "{name}");
    }
}

async fn swept(population: Population) -> u64 {
    let mut stage = with_quota().start().await;
    population.settle_in(&stage);
    let summary = sweep(&mut stage).await;
    let expected = [
        ("seen", population.secrets),
        ("covered", population.number_covered()),
        ("drifted", population.number_drifted()),
        ("repaired", population.number_drifted()),
        ("failed", 0),
    ];
    for (name, count) in expected {
        assert_eq!(summary[name], count, "{name} in {summary:#}");
    }
    all_is_as_wanted(&stage, population);
    sweep(&mut stage).await;
    all_is_as_wanted(&stage, population);
    stage.peak_memory()
}

#[tokio::test]
async fn a_hundred_thousand_secrets_are_swept_below_the_quota_in_the_memory_of_a_thousand() {
    // The function processes all secrets in need of work concurrently. The secrets in progress need
    // memory. The number of listed secrets must not.
    let few = swept(Population {
        secrets: 1_000,
        covered: 1,
        drifted: 2,
    })
    .await;
    let many = swept(Population {
        secrets: 100_000,
        covered: 20,
        drifted: 100,
    })
    .await;
    println!("peak memory: {few} KiB for 1,000 secrets, {many} KiB for 100,000");
    // The tolerance is for the allocator: the same sweep ends with slightly different figures.
    assert!(many < few * 21 / 20, "{many} KiB against {few} KiB");
}

#[tokio::test]
async fn slices_that_are_killed_and_run_again_change_nothing_in_the_result() {
    let population = Population {
        secrets: 2_000,
        covered: 10,
        drifted: 20,
    };
    let setting = with_quota().timeout(Duration::from_secs(8));
    let mut stage = setting.start().await;
    population.settle_in(&stage);
    let mut action = json!({ "action": "sweep", "maxChanges": 1_000_000 });
    let mut kills = 0;
    loop {
        // Different times, from the start to the middle of the slice.
        let patience = Duration::from_millis(37 + 83 * kills);
        let invocation = tokio::time::timeout(patience, invoke(&mut stage.function, &action)).await;
        let Ok(invocation) = invocation else {
            stage.function = setting.function(&stage.aws).await.expect("it starts");
            kills += 1;
            continue;
        };
        let Answer::Success(summary) = invocation.expect("it is there").answer else {
            panic!("no answer");
        };
        if summary["nextToken"].is_null() {
            break;
        }
        action["nextToken"] = summary["nextToken"].clone();
    }
    assert!(kills > 5, "{kills} kills");
    // The last slices may have ended before the replicas that a killed slice had requested.
    sweep(&mut stage).await;
    all_is_as_wanted(&stage, population);
}
