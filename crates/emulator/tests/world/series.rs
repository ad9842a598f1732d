//! A series of secrets behaves like its secrets, seeded one after the other.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use secret_replicator_emulator::{
    ApiError, Collation, ReadLags, SecretSeed, SecretSeries, WorldSettings,
};
use serde_json::{Value, json};

use crate::support::{Clocked, HOME, IRELAND, OREGON};

const REGIONS: [&str; 3] = [HOME, IRELAND, OREGON];

fn seconds() -> impl Strategy<Value = Duration> {
    select(vec![0, 0, 2, 30]).prop_map(Duration::from_secs)
}

fn settings() -> impl Strategy<Value = WorldSettings> {
    let collations = select(vec![
        Collation::Bytes,
        Collation::IgnoringCase,
        Collation::IgnoringPunctuation,
    ]);
    let random = prop::option::of((any::<u64>(), seconds()));
    let delays = (seconds(), seconds(), seconds());
    (collations, random, delays, any::<bool>()).prop_map(
        |(collation, random, (list_lag, visibility_delay, status_lag), keeps_history)| {
            let lags = |lag| ReadLags {
                status: lag,
                tags: lag,
                versions: lag,
                deletion: lag,
            };
            WorldSettings {
                collation,
                list_lag,
                visibility_delay,
                status_lag,
                random_reads: random.map(|(seed, lag)| (seed, lags(lag))),
                keeps_history,
                ..WorldSettings::default()
            }
        },
    )
}

/// The template of a series, and the number of its secrets.
fn template() -> impl Strategy<Value = (SecretSeed, usize)> {
    let names = select(vec!["app/", "App-", "s"]);
    let replicas = select(vec![vec![], vec![IRELAND], vec![IRELAND, OREGON]]);
    let flags = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.1));
    (names, replicas, flags, 0..12_usize, seconds()).prop_map(
        |(name, replicas, (has_value, has_suffix, is_deleted), count, age)| {
            let mut seed = SecretSeed::new(HOME, name)
                .with_tag("replicate-to", "eu-west-1")
                .with_age(age);
            seed.replicas = replicas.into_iter().map(str::to_owned).collect();
            seed.scheduled_for_deletion = is_deleted;
            if !has_value {
                seed = seed.without_value();
            }
            if has_suffix {
                seed = seed.with_suffix("AbCdEf");
            }
            (seed, count)
        },
    )
}

/// An action in a world.
#[derive(Debug, Clone)]
enum Action {
    Pass(u64),
    /// A call about the secret with this number, by name or ARN.
    Call {
        region: &'static str,
        operation: &'static str,
        number: usize,
        by_arn: bool,
        body: Value,
    },
    /// A page of a list, after an earlier page if there was one.
    List {
        region: &'static str,
        body: Value,
        continues: bool,
    },
    /// Another secret in the place of the one with this number.
    Seed(&'static str, usize),
    View(&'static str),
}

fn call() -> impl Strategy<Value = Action> {
    let to = |region: &str| json!([{ "Region": region }]);
    let calls = vec![
        ("DescribeSecret", json!({})),
        ("DescribeSecret", json!({})),
        ("GetSecretValue", json!({})),
        ("CreateSecret", json!({ "SecretString": "new" })),
        ("PutSecretValue", json!({ "SecretString": "put" })),
        (
            "TagResource",
            json!({ "Tags": [{ "Key": "a", "Value": "b" }] }),
        ),
        ("UntagResource", json!({ "TagKeys": ["replicate-to"] })),
        ("UpdateSecret", json!({ "Description": "text" })),
        (
            "ReplicateSecretToRegions",
            json!({ "AddReplicaRegions": to(IRELAND) }),
        ),
        (
            "ReplicateSecretToRegions",
            json!({ "AddReplicaRegions": to(OREGON) }),
        ),
        (
            "RemoveRegionsFromReplication",
            json!({ "RemoveReplicaRegions": [IRELAND] }),
        ),
        ("StopReplicationToReplica", json!({})),
        ("DeleteSecret", json!({})),
        (
            "DeleteSecret",
            json!({ "ForceDeleteWithoutRecovery": true }),
        ),
        ("RestoreSecret", json!({})),
    ];
    (
        select(REGIONS.to_vec()),
        select(calls),
        0..14_usize,
        any::<bool>(),
    )
        .prop_map(|(region, (operation, body), number, by_arn)| Action::Call {
            region,
            operation,
            number,
            by_arn,
            body,
        })
}

fn list() -> impl Strategy<Value = Action> {
    let sorts = select(vec!["name", "created-date"]);
    let orders = select(vec!["asc", "desc"]);
    let filters = select(vec![
        json!([]),
        json!([{ "Key": "primary-region", "Values": [HOME] }]),
        json!([{ "Key": "tag-key", "Values": ["replicate"] }]),
    ]);
    let continues = any::<bool>();
    (
        select(REGIONS.to_vec()),
        sorts,
        orders,
        filters,
        1..6,
        continues,
    )
        .prop_map(
            |(region, sort, order, filters, size, continues)| Action::List {
                region,
                body: json!({
                    "SortBy": sort, "SortOrder": order, "Filters": filters, "MaxResults": size,
                }),
                continues,
            },
        )
}

fn action() -> impl Strategy<Value = Action> {
    let place = (select(REGIONS.to_vec()), 0..14_usize);
    prop_oneof![
        2 => (0..20_000_u64).prop_map(Action::Pass),
        6 => call(),
        6 => list(),
        1 => place.prop_map(|(region, number)| Action::Seed(region, number)),
        1 => select(REGIONS.to_vec()).prop_map(Action::View),
    ]
}

/// A world with a series, its copy with the same secrets, and the token of the last page.
struct Pair {
    series: Clocked,
    single: Clocked,
    names: SecretSeries,
    keeps_history: bool,
    token: Value,
}

impl Pair {
    fn new(
        settings: WorldSettings,
        template: &SecretSeed,
        series: SecretSeries,
        count: usize,
    ) -> Pair {
        let mut pair = Pair {
            keeps_history: settings.keeps_history,
            series: Clocked::with(settings.clone()),
            single: Clocked::with(settings),
            names: series.clone(),
            token: Value::Null,
        };
        let now = pair.series.now;
        pair.series.world.seed_series(now, series);
        for number in 0..count {
            let name = pair.names.name(number);
            pair.single.seed(SecretSeed {
                name,
                ..template.clone()
            });
        }
        pair
    }

    /// Makes the same call in both worlds.
    fn call(&mut self, region: &str, operation: &str, body: &Value) -> Result<Value, ApiError> {
        let answer = self.series.call(region, operation, body);
        assert_eq!(
            answer,
            self.single.call(region, operation, body),
            "{operation} {body}"
        );
        answer
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Pass(milliseconds) => {
                self.series.pass(milliseconds);
                self.single.pass(milliseconds);
            }
            Action::Call {
                region,
                operation,
                number,
                by_arn,
                mut body,
            } => {
                let name = self.names.name(number);
                let secret = self.single.world.secret(self.single.now, region, &name);
                let arn = secret.filter(|_| by_arn).map(|secret| secret.arn);
                body["Name"] = json!(name);
                body["SecretId"] = json!(arn.unwrap_or(name));
                let _ = self.call(region, operation, &body);
            }
            Action::List {
                region,
                mut body,
                continues,
            } => {
                if continues {
                    body["NextToken"] = self.token.clone();
                }
                let page = self.call(region, "ListSecrets", &body).unwrap();
                self.token = page["NextToken"].clone();
            }
            Action::Seed(region, number) => {
                let seed = SecretSeed::new(region, self.names.name(number)).with_tag("a", "b");
                assert_eq!(self.series.seed(seed.clone()), self.single.seed(seed));
            }
            Action::View(region) => self.compare_views(region),
        }
    }

    fn compare_views(&mut self, region: &str) {
        let (series, single) = (&mut self.series, &mut self.single);
        assert_eq!(
            series.world.secrets(series.now, region),
            single.world.secrets(single.now, region)
        );
        if self.keeps_history {
            assert_eq!(series.world.history(), single.world.history());
        }
    }
}

proptest! {
    #[test]
    fn a_series_answers_every_call_as_secrets_that_were_seeded_one_by_one(
        settings in settings(),
        (template, count) in template(),
        actions in prop::collection::vec(action(), 0..40),
    ) {
        let series = SecretSeries::new(template.clone(), count);
        let mut pair = Pair::new(settings, &template, series, count);
        for action in actions {
            pair.act(action);
        }
        for region in REGIONS {
            let page = json!({ "SortBy": "name", "IncludePlannedDeletion": true });
            let _ = pair.call(region, "ListSecrets", &page);
            pair.compare_views(region);
        }
    }
}
