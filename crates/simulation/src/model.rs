//! A model of the concurrency that matters, small enough to try every order of events: two
//! invocations, an owner and AWS on one secret, with answers that are lost, reads that lag, and
//! invocations that are killed.
//!
//! What an invocation decides, it decides by the function's own [`decide`]; what is wanted is said
//! once more in [`Version::wants`].

mod properties;
mod steps;

use std::collections::BTreeMap;
use std::time::Duration;

use secret_replicator_core::limits::{AllowedRegions, Limits, Overwrite, RemovalLimit};
use secret_replicator_core::plan::{Decision, Step, decide};
use secret_replicator_core::policy::{Policy, check};
use secret_replicator_core::secret::{Region, Replica, ReplicaStatus, Secret};
use stateright::{Checker, Model};

pub use steps::{Action, Run, State};

/// The two Regions that replicas may be in.
pub const REGIONS: [&str; 2] = ["eu-west-1", "us-west-2"];

const HOME: &str = "us-east-1";
const POLICY: &str = "{version: 1, removal: covered, rules: [
    {name: by-tag, when: {tags: {replicate-to: '*'}}, replicate-to: {tag: replicate-to}},
    {name: eu-only, when: {tags: {data: eu}}, forbid: {except: ['eu-*']}}]}";

/// The tag `replicate-to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tag {
    /// There is none.
    Absent,
    /// `none`
    Nowhere,
    /// The first Region.
    First,
    /// The second Region.
    Second,
    /// Both.
    Both,
}

impl Tag {
    const ALL: [Tag; 5] = [
        Tag::Absent,
        Tag::Nowhere,
        Tag::First,
        Tag::Second,
        Tag::Both,
    ];

    fn value(self) -> Option<String> {
        match self {
            Tag::Absent => None,
            Tag::Nowhere => Some("none".to_owned()),
            Tag::First => Some(REGIONS[0].to_owned()),
            Tag::Second => Some(REGIONS[1].to_owned()),
            Tag::Both => Some(REGIONS.join(" ")),
        }
    }
}

/// The replica in one Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Row {
    /// There is none.
    None,
    /// It is on its way in.
    Coming,
    /// It is in sync.
    InSync,
    /// It failed, for a reason that may pass.
    Failed,
    /// It is on its way out.
    Going,
}

impl Row {
    const ALL: [Row; 5] = [Row::None, Row::Coming, Row::InSync, Row::Failed, Row::Going];

    fn replica(self) -> Option<Replica> {
        let (status, message) = match self {
            Row::None => return None,
            Row::Coming | Row::Going => (ReplicaStatus::InProgress, None),
            Row::InSync => (ReplicaStatus::InSync, None),
            Row::Failed => (
                ReplicaStatus::Failed,
                Some("The KMS key is disabled.".to_owned()),
            ),
        };
        Some(Replica {
            status,
            message,
            kms_key: None,
        })
    }
}

/// The secret at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version {
    /// Its tag `replicate-to`.
    pub tag: Tag,
    /// Whether its tag `data` forbids every Region outside the EU.
    pub eu_only: bool,
    /// Its replicas.
    pub rows: [Row; 2],
}

impl Version {
    /// Whether a rule covers it.
    #[must_use]
    pub fn is_covered(self) -> bool {
        self.tag != Tag::Absent
    }

    /// Whether its tag names a Region.
    #[must_use]
    pub fn names(self, region: usize) -> bool {
        match self.tag {
            Tag::Absent | Tag::Nowhere => false,
            Tag::First => region == 0,
            Tag::Second => region == 1,
            Tag::Both => true,
        }
    }

    /// Whether a replica is wanted in a Region, and allowed there.
    #[must_use]
    pub fn wants(self, region: usize) -> bool {
        self.names(region) && !(self.eu_only && region == 1)
    }

    fn secret(self) -> Secret {
        let mut tags = BTreeMap::new();
        tags.extend(
            self.tag
                .value()
                .map(|value| ("replicate-to".to_owned(), value)),
        );
        if self.eu_only {
            tags.insert("data".to_owned(), "eu".to_owned());
        }
        let home = Region::parse(HOME).expect("a Region");
        let mut secret = Secret::hypothetical("prod/db", tags, &home, None).expect("a name");
        for (region, row) in REGIONS.into_iter().zip(self.rows) {
            let region = Region::parse(region).expect("a Region");
            secret
                .replicas
                .extend(row.replica().map(|replica| (region, replica)));
        }
        secret
    }
}

/// What the function decides about a version, as far as the model needs it. The arrays are by Region.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Decided {
    /// A replica is asked for.
    pub requests: [bool; 2],
    /// A replica is wanted, whether there is one or not.
    pub keeps: [bool; 2],
    /// A replica is unwanted, and to be removed now or when it has arrived.
    pub unwanted: [bool; 2],
    /// A replica may be removed now.
    pub removes: [bool; 2],
}

/// The model.
#[derive(Debug)]
pub struct Concurrency {
    decisions: BTreeMap<Version, Decided>,
    /// How many things the owner does.
    pub owner_acts: u8,
}

impl Concurrency {
    /// The model with so many things that the owner does.
    ///
    /// # Panics
    /// If the model's policy is wrong.
    #[must_use]
    pub fn new(owner_acts: u8) -> Concurrency {
        let policy = check(POLICY, &AllowedRegions::Any)
            .expect("a policy")
            .policy;
        let limits = Limits {
            allowed_regions: AllowedRegions::Any,
            overwrite: Overwrite::Never,
            removal: RemovalLimit::Allowed,
        };
        let mut decisions = BTreeMap::new();
        for tag in Tag::ALL {
            for eu_only in [false, true] {
                for first in Row::ALL {
                    for second in Row::ALL {
                        let rows = [first, second];
                        let version = Version { tag, eu_only, rows };
                        decisions.insert(version, decided(version, &policy, &limits));
                    }
                }
            }
        }
        Concurrency {
            decisions,
            owner_acts,
        }
    }

    /// What the function decides about a version.
    #[must_use]
    pub fn decided(&self, version: Version) -> Decided {
        self.decisions[&version]
    }
}

fn decided(version: Version, policy: &Policy, limits: &Limits) -> Decided {
    let Decision::Act(plan) = decide(&version.secret(), policy, limits) else {
        return Decided::default();
    };
    let mut decided = Decided::default();
    for (index, region) in REGIONS.into_iter().enumerate() {
        let region = Region::parse(region).expect("a Region");
        match plan.steps.get(&region) {
            Some(Step::Replicate(_) | Step::Retry(_)) => decided.requests[index] = true,
            Some(Step::Keep(_)) => decided.keeps[index] = true,
            Some(Step::Remove(reason, _)) => {
                decided.unwanted[index] = true;
                decided.removes[index] = plan.may_remove(reason);
            }
            Some(Step::AwaitRemoval(..)) => decided.unwanted[index] = true,
            _ => {}
        }
    }
    decided
}

/// What came of checking the model.
#[derive(Debug, Clone)]
pub struct Checked {
    /// How many states there are.
    pub states: usize,
    /// How many steps lead from one to another.
    pub steps: usize,
    /// The longest way to a state.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// The properties that do not hold, with an example each.
    pub wrong: BTreeMap<&'static str, String>,
    /// What never happens although it should, so that something is checked of nothing.
    pub missing: Vec<&'static str>,
}

/// Tries every order of events.
#[must_use]
pub fn explore(owner_acts: u8) -> Checked {
    let started = std::time::Instant::now();
    let checker = Concurrency::new(owner_acts).checker().spawn_bfs().join();
    let is_sometimes = |name: &str| name.starts_with("sometimes");
    let mut wrong = BTreeMap::new();
    let mut met = Vec::new();
    for (name, path) in checker.discoveries() {
        if is_sometimes(name) {
            met.push(name);
        } else {
            let actions: Vec<String> = path
                .into_actions()
                .iter()
                .map(|action| format!("{action:?}"))
                .collect();
            wrong.insert(name, actions.join("\n"));
        }
    }
    let properties = checker.model().properties();
    let names = properties.iter().map(|property| property.name);
    Checked {
        states: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        took: started.elapsed(),
        wrong,
        missing: names
            .filter(|name| is_sometimes(name) && !met.contains(name))
            .collect(),
    }
}
