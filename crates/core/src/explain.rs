//! Why the policy decides as it does about one secret: every rule, every Region, every call.
//!
//! An explanation is a value like any other: the function answers it as JSON, the command-line tool
//! prints it as text. It says what the same [`decide`] that acts would do, so it cannot disagree.

use serde::Serialize;

use crate::limits::{Limits, Overwrite};
use crate::plan::{Decision, KeySource, Plan, ReplicaKey, Step, Target, decide};
use crate::policy::{Evaluation, Policy, Rule, Subject, When};
use crate::secret::{KmsKey, Region, Secret};

/// Why the policy decides as it does about one secret.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The secret's name.
    pub secret_name: String,
    /// The Region of the primary secret.
    pub primary_region: Region,
    /// Why the secret is left alone as a whole, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Skipped>,
    /// What each rule says, in the order of the policy.
    pub rules: Vec<RuleExplanation>,
    /// What becomes of each Region that a rule or the secret's tag names.
    pub regions: Vec<RegionExplanation>,
    /// The calls that would be made.
    pub calls: Vec<CallExplanation>,
}

/// Why a secret is left alone.
#[derive(Clone, Debug, Serialize)]
pub struct Skipped {
    /// The code of the record.
    pub reason: &'static str,
    /// One sentence.
    pub detail: String,
}

/// What one rule says of the secret.
#[derive(Clone, Debug, Serialize)]
pub struct RuleExplanation {
    /// The rule's name.
    pub name: String,
    /// Whether its condition holds.
    pub matches: bool,
    /// What decided.
    pub because: String,
    /// The wanted Regions in which its `forbid` allows no replica, whatever else is said of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub takes_away: Vec<Region>,
}

/// What becomes of one Region.
#[derive(Clone, Debug, Serialize)]
pub struct RegionExplanation {
    /// The Region, or the token that stands in its place.
    pub region: String,
    /// The key of the tag that holds the token, if a token stands in the Region's place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The rules that want a replica there.
    pub wanted_by: Vec<String>,
    /// The rules that forbid one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forbidden_by: Vec<String>,
    /// Everything that allows no replica there, not only what `reason` names first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taken_away_by: Vec<BlockedBy>,
    /// What is done: `replicate`, `retry`, `keep` or `refuse`.
    pub action: &'static str,
    /// Why nothing is done, as in the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// The replica's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// What named the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_because: Option<String>,
}

/// Something that allows no replica in a Region, whatever wants one there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockedBy {
    /// It is the primary secret's own Region.
    PrimaryRegion,
    /// It is in another partition than the primary secret.
    OtherPartition,
    /// The rule forbids it.
    Rule(String),
    /// It is not among `ALLOWED_REPLICA_REGIONS`.
    RegionNotAllowed,
}

/// One `ReplicateSecretToRegions` call.
#[derive(Clone, Debug, Serialize)]
pub struct CallExplanation {
    /// The name of the call.
    pub operation: &'static str,
    /// Its `AddReplicaRegions`.
    pub add_replica_regions: Vec<ReplicaRegion>,
    /// Its `ForceOverwriteReplicaSecret`.
    pub force_overwrite_replica_secret: bool,
}

/// One entry of `AddReplicaRegions`.
#[derive(Clone, Debug, Serialize)]
pub struct ReplicaRegion {
    /// The Region.
    pub region: Region,
    /// The key; absent for the AWS managed key `aws/secretsmanager`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<KmsKey>,
}

/// Explains what is decided about a secret.
#[must_use]
pub fn explain(secret: &Secret, policy: &Policy, limits: &Limits) -> Explanation {
    let subject = Subject::from(secret);
    let evaluation = policy.evaluate(&subject);
    let rules = policy.rules().iter();
    let mut rules: Vec<_> = rules.map(|rule| explain_rule(rule, &subject)).collect();
    let (skipped, regions, calls) = match decide(secret, policy, limits) {
        Decision::Skip(reason) => {
            let skipped = Skipped {
                reason: reason.code(),
                detail: reason.detail(),
            };
            (Some(skipped), Vec::new(), Vec::new())
        }
        Decision::Act(plan) => {
            for rule in &mut rules {
                rule.takes_away = taken_away_by(&rule.name, &evaluation);
            }
            let obstacles = |region: &Region| obstacles(secret, region, &evaluation, limits);
            let regions = explain_regions(&plan, &evaluation, obstacles);
            (None, regions, calls(&plan))
        }
    };
    Explanation {
        secret_name: secret.name.clone(),
        primary_region: secret.arn.region().clone(),
        skipped,
        rules,
        regions,
        calls,
    }
}

fn explain_rule(rule: &Rule, subject: &Subject<'_>) -> RuleExplanation {
    let (matches, because) = match (rule.when().check(subject), rule.tag_with_regions()) {
        (Err(mismatch), _) => (false, mismatch.to_string()),
        (Ok(()), Some(key)) if !subject.tags.contains_key(key) => (
            true,
            format!("its condition holds, but no tag `{key}` names Regions"),
        ),
        (Ok(()), _) if matches!(rule.when(), When::All) => {
            (true, "it is for every secret".to_owned())
        }
        (Ok(()), _) => (true, "every part of its condition holds".to_owned()),
    };
    RuleExplanation {
        name: rule.name().to_owned(),
        matches,
        because,
        takes_away: Vec::new(),
    }
}

/// The wanted Regions that a rule forbids.
fn taken_away_by(rule: &str, evaluation: &Evaluation) -> Vec<Region> {
    let regions = evaluation.regions.iter();
    let forbidden = regions.filter(|(_, request)| request.forbidden_by.contains(rule));
    forbidden.map(|(region, _)| region.clone()).collect()
}

/// Everything that allows no replica in a Region.
fn obstacles(
    secret: &Secret,
    region: &Region,
    evaluation: &Evaluation,
    limits: &Limits,
) -> Vec<BlockedBy> {
    let primary = secret.arn.region();
    let forbidding = evaluation.regions.get(region).into_iter();
    let rules =
        forbidding.flat_map(|request| request.forbidden_by.iter().cloned().map(BlockedBy::Rule));
    let is_own = (region == primary).then_some(BlockedBy::PrimaryRegion);
    let is_beyond = region.partition() != primary.partition();
    let is_outside = !limits.allowed_regions.admits(region);
    is_own
        .into_iter()
        .chain(is_beyond.then_some(BlockedBy::OtherPartition))
        .chain(rules)
        .chain(is_outside.then_some(BlockedBy::RegionNotAllowed))
        .collect()
}

fn explain_regions(
    plan: &Plan,
    evaluation: &Evaluation,
    obstacles: impl Fn(&Region) -> Vec<BlockedBy>,
) -> Vec<RegionExplanation> {
    let regions = plan.steps.iter().map(|(region, step)| {
        let mut explanation = explain_step(region.to_string(), step);
        if let Some(request) = evaluation.regions.get(region) {
            explanation.wanted_by = request.wanted_by.iter().cloned().collect();
            explanation.forbidden_by = request.forbidden_by.iter().cloned().collect();
        }
        explanation.taken_away_by = obstacles(region);
        explanation
    });
    let tokens = plan.bad_tokens.iter().map(|bad| RegionExplanation {
        tag: Some(bad.tag.clone()),
        ..explain_step(bad.token().to_owned(), &Step::Refuse(bad.refusal(), None))
    });
    regions.chain(tokens).collect()
}

fn explain_step(region: String, step: &Step) -> RegionExplanation {
    let (action, reason, remediation) = match step {
        Step::Replicate(_) => ("replicate", None, None),
        Step::Retry(_) => ("retry", None, None),
        Step::Keep(_) => ("keep", None, None),
        Step::ReportFailure(reason, _) => (
            "keep",
            Some(reason.code()),
            Some(reason.remediation().to_owned()),
        ),
        Step::Refuse(refusal, _) => ("refuse", Some(refusal.code()), refusal.remediation()),
        Step::Remove(reason, _) | Step::AwaitRemoval(reason, _) => {
            ("remove", Some(reason.code()), None)
        }
        Step::Retain(reason, _) => (
            "keep",
            Some(reason.code()),
            Some(reason.remediation().to_owned()),
        ),
    };
    let key = step.target().map(Target::key);
    RegionExplanation {
        region,
        tag: None,
        wanted_by: Vec::new(),
        forbidden_by: Vec::new(),
        taken_away_by: Vec::new(),
        action,
        reason,
        remediation,
        kms_key: key.map(ReplicaKey::name),
        kms_key_because: key.map(|key| key.named_by.in_words()),
    }
}

fn calls(plan: &Plan) -> Vec<CallExplanation> {
    let call = |overwrite: Overwrite| {
        let targets = plan
            .targets()
            .filter(|target| target.overwrite() == overwrite);
        let add_replica_regions: Vec<_> = targets
            .map(|target| ReplicaRegion {
                region: target.region().clone(),
                kms_key_id: target.key().kms_key.clone(),
            })
            .collect();
        (!add_replica_regions.is_empty()).then(|| CallExplanation {
            operation: "ReplicateSecretToRegions",
            add_replica_regions,
            force_overwrite_replica_secret: overwrite == Overwrite::Allowed,
        })
    };
    [Overwrite::Never, Overwrite::Allowed]
        .into_iter()
        .filter_map(call)
        .collect()
}

impl KeySource {
    fn in_words(&self) -> String {
        match self {
            Self::Rules(rules) => {
                let names: Vec<String> = rules.iter().map(|name| format!("`{name}`")).collect();
                format!("`kms-key` of the rule {}", names.join(", "))
            }
            Self::Policy => "`kms-keys` of the policy".to_owned(),
            Self::PrimarySecret => "the primary secret's own key".to_owned(),
        }
    }
}
