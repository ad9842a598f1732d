//! `plan` counts what a dry run of the function's thorough sweep counts, in random worlds.

use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;
use secret_replicator::reconcile::Mode;
use secret_replicator_core::limits::{AllowedRegions, Limits};
use secret_replicator_core::secret::Region;
use secret_replicator_core::sweep::Totals;
use secret_replicator_emulator::SecretSeed;
use serde_json::{Value, json};

use crate::Files;
use crate::account::{Account, OLD};
use crate::function::Function;

const PRIMARY: [&str; 3] = ["us-east-1", "eu-central-1", "eu-west-1"];

const REPLICA: [&str; 4] = ["us-west-2", "eu-west-1", "eu-central-1", "ap-south-1"];

/// The Regions of the option. `ap-south-1` is not among them.
const ALLOWED: &str = "us-west-2 eu-west-1 eu-central-1";

const POLICY: &str = r#"
version: 1
removal: covered
rules:
  - name: tier-1
    when: { tags: { tier: "1" } }
    replicate-to: [us-west-2, eu-west-1]
  - name: tier-2
    when: { tags: { tier: "2" } }
    replicate-to: [eu-central-1]
    overwrite: true
  - name: by-tag
    when: { tags: { replicate-to: "*" } }
    replicate-to: { tag: replicate-to }
  - name: not-to-ireland
    when: { tags: { residency: us } }
    forbid: [eu-west-1]
"#;

/// Creates a secret and what other Regions have under its name.
fn seed(account: &Account, random: &mut Rng, region: &str, name: &str, replicas: &[&str]) {
    let mut secret = SecretSeed::new(region, name).with_suffix("AAAAAA");
    if random.u8(..10) > 0 {
        secret = secret.with_age(OLD);
    }
    if random.u8(..4) > 0 {
        secret = secret.with_tag("tier", ["1", "2", "3"][random.usize(..3)]);
    }
    if random.u8(..4) == 0 {
        let named = [
            "us-west-2",
            "eu-wset-1",
            "eu-west-1 us-west-2",
            "ap-south-1",
            "none",
        ];
        secret = secret.with_tag("replicate-to", named[random.usize(..named.len())]);
    }
    if random.u8(..5) == 0 {
        secret = secret.with_tag("residency", "us");
    }
    secret = match random.u8(..16) {
        0 => secret.with_kms_key_id("alias/mine"),
        1 => secret.without_value(),
        2 => secret.with_owning_service("rds"),
        3 => secret.with_scheduled_deletion(),
        _ => secret,
    };
    let mut taken = Vec::new();
    for replica in replicas.iter().filter(|replica| **replica != region) {
        match random.u8(..8) {
            0..3 => secret = secret.with_replica_in(*replica),
            3 => taken.push((*replica, "BBBBBB")),
            4 => taken.push((*replica, "AAAAAA")),
            _ => {}
        }
    }
    let is_deleted = secret.scheduled_for_deletion;
    account.seed(secret);
    for (replica, suffix) in &taken {
        let other = SecretSeed::new(*replica, name).with_suffix(*suffix);
        account.seed(other.with_age(OLD));
    }
    if let Some((replica, _)) = taken.first()
        && !is_deleted
        && random.bool()
    {
        let input = json!({"SecretId": name, "AddReplicaRegions": [{"Region": replica}]});
        account.aws.with(|world, now| {
            // A secret without a value, or of a service, may be refused.
            let _ = world.handle(now, region, "ReplicateSecretToRegions", &input);
        });
    }
}

fn world(random: &mut Rng, replicas: &[&str], secrets: Range<usize>) -> Account {
    let account = Account::new([]);
    for region in PRIMARY {
        for number in 0..random.usize(secrets.clone()) {
            // Upper-case letters make the collation matter.
            let letter = ["a", "B", "c"][random.usize(..3)];
            seed(
                &account,
                random,
                region,
                &format!("{letter}/{region}-{number}"),
                replicas,
            );
        }
    }
    account
}

fn limits(overwrite: bool, removal: bool) -> Limits {
    let allowed = ALLOWED.split(' ').map(|code| Region::parse(code).unwrap());
    Limits {
        allowed_regions: AllowedRegions::Only(allowed.collect()),
        overwrite: overwrite.into(),
        removal: removal.into(),
    }
}

/// Sweeps a Region as the function does, thoroughly and without a write.
fn swept(account: &Account, region: &str, limits: Limits) -> Totals {
    let function = Function {
        account,
        region,
        policy: POLICY,
        limits,
    };
    let (totals, _) = function.sweep(Mode::DryRun, true);
    totals
}

/// Returns the sums of a plan in the terms of a sweep's totals.
fn planned(summary: &Value) -> Value {
    let regions = summary["regions"].as_object().unwrap();
    let number = |value: &Value| value.as_u64().unwrap();
    let sum = |value: &Value| -> u64 { value.as_object().unwrap().values().map(number).sum() };
    let regions = regions.iter().map(|(region, counts)| {
        let all = |names: &[&str]| -> u64 { names.iter().map(|name| number(&counts[name])).sum() };
        let totals = json!({
            "in_sync": all(&["in_sync", "behind"]),
            "planned": all(&["create", "overwrite", "repair", "remove"]),
            "pending": all(&["in_progress"]),
            "refused": sum(&counts["refused"]),
            "failed": sum(&counts["failed"]),
        });
        (region.clone(), totals)
    });
    json!({
        "covered": summary["covered"],
        "in_sync": summary["in_sync"],
        "planned": summary["planned"],
        "pending": summary["pending"],
        "refused": summary["refused"],
        "failed": summary["failed"],
        "regions": regions.collect::<serde_json::Map<_, _>>(),
    })
}

fn counted(totals: &Totals) -> Value {
    let regions = totals.regions.iter().map(|(region, counts)| {
        let counts = json!({
            "in_sync": counts.in_sync,
            "planned": counts.planned,
            "pending": counts.pending,
            "refused": counts.refused,
            "failed": counts.failed,
        });
        (region.to_string(), counts)
    });
    json!({
        "covered": totals.covered,
        "in_sync": totals.in_sync,
        "planned": totals.planned,
        "pending": totals.pending,
        "refused": totals.refused,
        "failed": totals.failed,
        "regions": regions.collect::<serde_json::Map<_, _>>(),
    })
}

#[test]
fn a_plan_counts_what_a_thorough_dry_run_counts() {
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let mut kinds = std::collections::BTreeSet::new();
    for seed in 0..12 {
        let mut random = Rng::with_seed(seed);
        // The lists of the allowed Regions do not show a replica elsewhere, which a thorough plan finds.
        let thorough = random.bool();
        let replicas = if thorough {
            &REPLICA[..]
        } else {
            &REPLICA[..3]
        };
        let account = world(&mut random, replicas, 5..60);
        // Replications end.
        std::thread::sleep(Duration::from_millis(1200));
        let (overwrite, removal) = (random.bool(), random.bool());
        let region = PRIMARY[usize::try_from(seed).unwrap() % PRIMARY.len()];
        let mut arguments = vec![
            "plan",
            &path,
            "--region",
            region,
            "--output",
            "json",
            "--allowed-replica-regions",
            ALLOWED,
        ];
        arguments.extend(overwrite.then_some("--allow-overwrite"));
        arguments.extend(thorough.then_some("--thorough"));
        arguments.extend(removal.then_some("--allow-removal"));
        let called = account.call(&arguments);
        let report = called.json();
        let plan = planned(&report["summary"]);
        let sweep = swept(&account, region, limits(overwrite, removal));
        assert_eq!(plan, counted(&sweep), "seed {seed}, {region}");
        for counts in report["summary"]["regions"].as_object().unwrap().values() {
            for (kind, count) in counts.as_object().unwrap() {
                let is_zero = *count == json!(0) || *count == json!({});
                if !is_zero {
                    kinds.insert(kind.clone());
                }
            }
        }
    }
    // The worlds have every kind of change.
    for kind in [
        "create",
        "failed",
        "in_sync",
        "name_taken",
        "overwrite",
        "refused",
        "remove",
    ] {
        assert!(kinds.contains(kind), "{kinds:?}");
    }
}

#[test]
fn a_thorough_plan_and_a_thorough_dry_run_agree_about_a_stuck_replica() {
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let home = PRIMARY[0];
    let account = Account::new([]);
    for name in ["stuck", "in-sync"] {
        let secret = SecretSeed::new(home, name).with_tag("tier", "1");
        let secret = secret
            .with_replica_in("us-west-2")
            .with_replica_in("eu-west-1");
        // The replicas are as old as the secret.
        account
            .aws
            .with(|world, now| world.seed(now.before(OLD), secret));
    }
    account.aws.with(|world, now| {
        world.force_status(now, home, "stuck", "us-west-2", "InProgress", None);
    });
    let (path, regions) = (
        files.path("policy.yaml"),
        ["--allowed-replica-regions", ALLOWED],
    );
    let mut arguments = vec![
        "plan",
        &path,
        "--region",
        home,
        "--output",
        "json",
        "--thorough",
    ];
    arguments.extend(regions);
    let report = account.call(&arguments).json();
    let sweep = swept(&account, home, limits(false, false));
    assert_eq!(planned(&report["summary"]), counted(&sweep));
    let mut arguments = vec!["status", &path, "--region", home, "--thorough"];
    arguments.extend(regions);
    let status = account.call(&arguments).stdout;
    assert!(status.contains("replication-stuck"), "{status}");
}

/// Returns the number of pages of a list.
fn pages(account: &Account, region: &str) -> usize {
    account.aws.with(|world, now| {
        let mut input = json!({"MaxResults": 100});
        let mut pages = 0;
        loop {
            let page = world.handle(now, region, "ListSecrets", &input).unwrap();
            pages += 1;
            if page["NextToken"].is_null() {
                return pages;
            }
            input["NextToken"] = page["NextToken"].clone();
        }
    })
}

#[test]
fn a_plan_of_three_regions_counts_what_their_sweeps_count_and_reads_no_list_twice() {
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let mut random = Rng::with_seed(7);
    let account = world(&mut random, &REPLICA[..3], 400..401);
    // Replications end.
    std::thread::sleep(Duration::from_millis(1200));
    let path = files.path("policy.yaml");
    let regions = PRIMARY.join(",");
    let called = account.call(&[
        "plan",
        &path,
        "--region",
        &regions,
        "--output",
        "json",
        "--allowed-replica-regions",
        ALLOWED,
        "--allow-removal",
    ]);
    let lists = account.aws.calls_to("ListSecrets").len();
    let report = called.json();

    let mut totals = Totals::default();
    for region in PRIMARY {
        totals.add(&swept(&account, region, limits(false, true)));
    }
    assert_eq!(planned(&report["summary"]), counted(&totals));
    assert!(totals.planned > 100 && totals.failed > 10, "{totals:?}");

    // Each primary Region's list, and the lists of the other allowed Regions beside it, at most once. The policy's
    // filter leaves out some secrets.
    let of_replicas: Vec<&str> = ALLOWED.split(' ').collect();
    let most = PRIMARY.iter().map(|home| {
        let others = of_replicas.iter().filter(|region| *region != home);
        let others = others.map(|region| pages(&account, region));
        pages(&account, home) + others.sum::<usize>()
    });
    let most: usize = most.sum();
    assert!(lists <= most, "{lists} of at most {most}");

    let cost = &report["cost"];
    let number = |field: &str| cost[field].as_f64().unwrap();
    let usd_per_replica = 0.4;
    assert!((number("today") - usd_per_replica * number("replicas_today")).abs() < 0.01);
    assert!((number("after") - usd_per_replica * number("replicas_after")).abs() < 0.01);
    assert!((number("difference") - (number("after") - number("today"))).abs() < 0.01);
    assert!(number("sweeps") > 0.0);
}
