//! The coverage of secrets: the state of each secret in each Region, and what the function would change.
//!
//! Pure. The decision is the function's own ([`Plan`]). The state adds what the lists of the Regions show.

mod cell;
mod outcome;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use clap::ValueEnum;
use secret_replicator_core::failover::drill::Drilled;
use secret_replicator_core::failover::inventory::Entry;
use secret_replicator_core::limits::Limits;
use secret_replicator_core::plan::{Decision, Plan, Step, decide};
use secret_replicator_core::policy::Policy;
use secret_replicator_core::reason::{RemovalReason, SkipReason};
use secret_replicator_core::secret::{KmsKey, Region, RegionalSecret, Secret, SecretArn};
use serde::{Serialize, Serializer};

pub(crate) use outcome::{Change, DryRun};

/// The state of a secret in a Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// The secret or its state could not be read
    Unreadable,
    /// The replication failed
    Failed,
    /// Another secret of the same name is in the Region
    Shadowed,
    /// The Region has a former replica that is now a standalone secret
    Promoted,
    /// The Region should have a replica and has none
    Missing,
    /// The Region does not have the current version
    Behind,
    /// The replica has another key than the policy's
    KmsKeyDiffers,
    /// A rule or a tag names the Region, and it is refused
    Refused,
    /// The replica is no longer wanted
    Unwanted,
    /// AWS is still copying
    InProgress,
    /// The policy does not cover the secret
    NotCovered,
    /// The policy intends that the Region has no replica
    Excluded,
    /// The replica is in sync
    InSync,
}

impl State {
    /// Returns whether the state differs from the wanted one, and does not end by itself.
    pub(crate) fn is_problem(self) -> bool {
        match self {
            Self::Unreadable
            | Self::Failed
            | Self::Shadowed
            | Self::Promoted
            | Self::Missing
            | Self::Behind
            | Self::KmsKeyDiffers
            | Self::Refused
            | Self::Unwanted => true,
            Self::InProgress | Self::NotCovered | Self::Excluded | Self::InSync => false,
        }
    }

    /// Returns the states that are problems.
    pub(crate) fn problems() -> BTreeSet<Self> {
        let states = Self::value_variants().iter().copied();
        states.filter(|state| state.is_problem()).collect()
    }

    /// Returns the name of the state on the command line and in reports.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// One secret with its Regions. A report can contain hundreds of thousands, so this type is small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Coverage {
    /// The name of the secret.
    pub(crate) name: String,
    /// The ARN of the primary secret.
    pub(crate) arn: SecretArn,
    /// The names of the rules that cover it, sorted. Secrets can share them.
    pub(crate) rules: Arc<[String]>,
    /// The Regions, sorted.
    pub(crate) regions: Vec<Cell>,
}

/// One secret in one Region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Cell {
    /// The Region. A token of a tag that is not a Region. `None` for the secret as a whole.
    pub(crate) region: Option<String>,
    /// The state.
    pub(crate) state: State,
    /// Whether the Region itself showed the current version.
    pub(crate) verified: bool,
    /// The code of the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
    /// The texts about the Region. `None` if it has none of them.
    #[serde(flatten)]
    pub(crate) texts: Option<Box<Texts>>,
    /// The outcome of a dry run of the function. Reports contain its change.
    #[serde(rename = "change", skip_serializing_if = "DryRun::is_no_change")]
    pub(crate) dry_run: DryRun,
    /// Whether AWS bills a replica in the Region, or the secret that a replica would overwrite.
    #[serde(skip)]
    pub(crate) is_billed: bool,
}

/// The texts about a secret in a Region. Most Regions have none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Texts {
    /// Details that the code of the reason does not contain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
    /// The remediation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remediation: Option<Cow<'static, str>>,
    /// The key of an existing replica, as AWS reports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kms_key: Option<String>,
    /// The customer managed key that a planned replica gets.
    #[serde(skip)]
    pub(crate) planned_key: Option<KmsKey>,
}

impl Texts {
    /// Returns the texts for a cell.
    pub(crate) fn boxed(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }
}

impl Cell {
    /// Returns details that the code of the reason does not contain.
    pub(crate) fn detail(&self) -> Option<&str> {
        self.texts.as_ref()?.detail.as_deref()
    }

    /// Returns the remediation.
    pub(crate) fn remediation(&self) -> Option<&str> {
        self.texts.as_ref()?.remediation.as_deref()
    }

    /// Returns the remediation. The error of a call contains its own.
    pub(crate) fn advice(&self) -> Option<&str> {
        let error = || self.detail().filter(|_| self.state == State::Unreadable);
        self.remediation().or_else(error)
    }

    /// Returns the key of an existing replica, as AWS reports it.
    pub(crate) fn kms_key(&self) -> Option<&str> {
        self.texts.as_ref()?.kms_key.as_deref()
    }

    /// Returns the customer managed key that a planned replica gets.
    pub(crate) fn planned_key(&self) -> Option<&KmsKey> {
        self.texts.as_ref()?.planned_key.as_ref()
    }

    /// Adds a remediation if there is none.
    pub(crate) fn remedy(&mut self, remediation: &'static str) {
        let texts = self.texts.get_or_insert_default();
        texts.remediation.get_or_insert(Cow::Borrowed(remediation));
    }

    /// Returns whether a request would fail, because another secret has the name in the Region.
    pub(crate) fn is_name_taken(&self) -> bool {
        self.dry_run == DryRun::Planned(Change::Create)
            && matches!(self.state, State::Shadowed | State::Promoted)
    }
}

/// What the Regions have under the name of a secret, as far as they were read.
pub(crate) type Found = BTreeMap<Region, RegionalSecret>;

/// What is known about the other Regions of a secret.
#[derive(Clone, Debug, Default)]
pub(crate) struct There {
    /// What they have under its name.
    pub(crate) found: Found,
    /// The Regions in which no rule wants a replica and the primary secret lists none, although the function may
    /// have removed one there, with the reason.
    pub(crate) unwanted: BTreeMap<Region, RemovalReason>,
    /// The time of the reads.
    pub(crate) now: DateTime<Utc>,
}

impl Coverage {
    fn new(secret: &Secret, rules: BTreeSet<String>, regions: Vec<Cell>) -> Self {
        Self {
            name: secret.name.clone(),
            arn: secret.arn.clone(),
            rules: rules.into_iter().collect(),
            regions,
        }
    }

    /// Returns the account.
    pub(crate) fn account(&self) -> &str {
        self.arn.account()
    }

    /// Returns the primary Region.
    pub(crate) fn primary_region(&self) -> &Region {
        self.arn.region()
    }

    /// Returns whether the policy covers the secret.
    pub(crate) fn is_covered(&self) -> bool {
        !self.rules.is_empty()
    }

    /// Derives the coverage from a decision and from what the Regions have. `None` for a replica.
    pub(crate) fn of(secret: &Secret, decision: Decision, there: &There) -> Option<Self> {
        match decision {
            Decision::Skip(SkipReason::IsReplica(_)) => None,
            Decision::Skip(reason) => Some(Self::not_covered(secret, &reason, &there.found)),
            Decision::Act(plan) => {
                let regions = cell::cells(secret, &plan, there);
                Some(Self::new(secret, plan.rules, regions))
            }
        }
    }

    /// Adds that the policy wants no replica, if no Region has a state.
    pub(crate) fn name_exclusion(&mut self) {
        if self.regions.is_empty() {
            self.regions.push(cell::excluded());
        }
    }

    /// Returns the coverage of a secret that the lists show in sync in these Regions.
    pub(crate) fn in_sync(
        secret: &Secret,
        in_sync: &BTreeSet<Region>,
        policy: &Policy,
        limits: &Limits,
    ) -> Self {
        let mut regions: Vec<Cell> = in_sync.iter().map(cell::in_sync).collect();
        let Decision::Act(plan) = decide(secret, policy, limits) else {
            return Self::new(secret, BTreeSet::new(), regions);
        };
        regions.extend(excluded(secret, &plan, in_sync));
        regions.sort_by(|one, other| one.region.cmp(&other.region));
        Self::new(secret, plan.rules, regions)
    }

    /// Returns the coverage of a secret in one Region as a drill found it. Several findings are one cell, with the
    /// gravest as its reason.
    pub(crate) fn drilled(
        entry: &Entry,
        rules: BTreeSet<String>,
        region: &Region,
        drilled: &Drilled,
    ) -> Self {
        Self {
            name: entry.name.clone(),
            arn: entry.arn.clone(),
            rules: rules.into_iter().collect(),
            regions: vec![cell::drilled(entry, region, drilled)],
        }
    }

    /// Returns the coverage of a secret that could not be read.
    pub(crate) fn unreadable(secret: &Secret, rules: BTreeSet<String>, detail: String) -> Self {
        Self::new(secret, rules, vec![cell::unreadable(detail)])
    }

    /// Returns the coverage of a secret that the policy does not cover. Another secret of the same name in
    /// another Region is worth knowing before the policy covers it.
    fn not_covered(secret: &Secret, reason: &SkipReason, found: &Found) -> Self {
        let others = found.iter().filter_map(cell::uncovered);
        let regions = std::iter::once(cell::not_covered(reason)).chain(others);
        Self::new(secret, BTreeSet::new(), regions.collect())
    }
}

impl Serialize for Coverage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// The fields of a report.
        #[derive(Serialize)]
        struct Fields<'a> {
            account: &'a str,
            primary_region: &'a Region,
            name: &'a str,
            arn: &'a SecretArn,
            rules: &'a [String],
            regions: &'a [Cell],
        }
        let fields = Fields {
            account: self.account(),
            primary_region: self.primary_region(),
            name: &self.name,
            arn: &self.arn,
            rules: &self.rules,
            regions: &self.regions,
        };
        fields.serialize(serializer)
    }
}

/// Returns the cells of the Regions that the policy intends to have no replica.
fn excluded(secret: &Secret, plan: &Plan, in_sync: &BTreeSet<Region>) -> Vec<Cell> {
    let is_intended = |(region, step): &(&Region, &Step)| match step {
        Step::Refuse(refusal, existing) => {
            refusal.is_intended(existing.as_ref()) && !in_sync.contains(*region)
        }
        _ => false,
    };
    let steps = plan.steps.iter().filter(is_intended);
    let cell = |(region, step)| cell::of_step(secret, plan, region, step, &There::default());
    steps.map(cell).collect()
}
