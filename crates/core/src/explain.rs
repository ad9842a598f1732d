//! Explains the decision about one secret: each rule, each Region and each call.
//!
//! The function returns an explanation as JSON, and the command-line tool prints it as text. Both the
//! explanation and the reconciliation use [`decide`], so they cannot disagree.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::known_regions::{UnknownRegion, with_hint};
use crate::limits::{Limits, Overwrite};
use crate::plan::{Decision, KeySource, Plan, ReplicaKey, Step, Target, decide};
use crate::policy::{Evaluation, Mismatch, Policy, Rule, Subject, When};
use crate::reason::RetainReason;
use crate::secret::{KmsKey, Region, Secret};

/// The explanation of the decision about one secret.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The secret's name.
    pub secret_name: String,
    /// The Region of the primary secret.
    pub primary_region: Region,
    /// Why the secret is skipped, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Skipped>,
    /// The effect of each rule, in the order of the policy.
    pub rules: Vec<RuleExplanation>,
    /// The step for each Region that a rule or the secret's tag names, or that has a replica which is to be
    /// removed or must not exist.
    pub regions: Vec<RegionExplanation>,
    /// The calls that the function would make.
    pub calls: Vec<CallExplanation>,
}

/// Why a secret is skipped.
#[derive(Clone, Debug, Serialize)]
pub struct Skipped {
    /// The reason's code in the record.
    pub reason: &'static str,
    /// The explanation of the code in one sentence.
    pub detail: String,
}

/// The effect of one rule on the secret.
#[derive(Clone, Debug, Serialize)]
pub struct RuleExplanation {
    /// The rule's name.
    pub name: String,
    /// Whether its condition holds.
    pub matches: bool,
    /// Why it holds or does not hold.
    pub because: String,
    /// The Regions of the explanation that its `forbid` excludes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forbids: Vec<Region>,
}

/// The step for one Region.
#[derive(Clone, Debug, Serialize)]
pub struct RegionExplanation {
    /// The Region, or the bad token in its place.
    pub region: String,
    /// The key of the tag that contains the bad token, if this is a bad token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The rules that want a replica there.
    pub wanted_by: Vec<String>,
    /// The rules that forbid a replica there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forbidden_by: Vec<String>,
    /// Everything that blocks a replica there. `reason` names only the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<BlockedBy>,
    /// The action: `replicate`, `overwrite`, `retry`, `keep`, `remove` or `refuse`.
    pub action: &'static str,
    /// The reason's code in the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The remediation. If the Region is not a known one, it names those that may be meant first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// A warning about a Region that is not a known one and has no remediation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// Whether another secret of the same name in the Region may be overwritten. The function probes
    /// the Region first, and never overwrites a former replica of the secret.
    #[serde(skip_serializing_if = "is_false")]
    pub may_overwrite: bool,
    /// The replica's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// The source of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_because: Option<String>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// A cause that blocks replicas in a Region, regardless of the rules that want one there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockedBy {
    /// The Region is the primary secret's own.
    PrimaryRegion,
    /// The Region is in another partition than the primary secret.
    OtherPartition,
    /// This rule forbids the Region.
    Rule(String),
    /// The Region is not among `ALLOWED_REPLICA_REGIONS`.
    RegionNotAllowed,
}

impl BlockedBy {
    /// Returns the name of the rule that forbids the Region, if this is a rule.
    fn rule(&self) -> Option<&str> {
        match self {
            Self::Rule(name) => Some(name),
            _ => None,
        }
    }
}

/// One `ReplicateSecretToRegions` call.
#[derive(Clone, Debug, Serialize)]
pub struct CallExplanation {
    /// The name of the operation.
    pub operation: &'static str,
    /// The parameter `AddReplicaRegions`.
    pub add_replica_regions: Vec<ReplicaRegion>,
    /// The parameter `ForceOverwriteReplicaSecret`.
    pub force_overwrite_replica_secret: bool,
}

/// One entry of `AddReplicaRegions`.
#[derive(Clone, Debug, Serialize)]
pub struct ReplicaRegion {
    /// The Region.
    pub region: Region,
    /// The key. Absent for the AWS managed key `aws/secretsmanager`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<KmsKey>,
}

/// Explains the decision about a secret.
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
            for (explained, rule) in rules.iter_mut().zip(policy.rules()) {
                let regions = plan.steps.keys();
                let forbidden = regions.filter(|region| explained.matches && rule.forbids(region));
                explained.forbids = forbidden.cloned().collect();
            }
            let blocked_by = |region: &Region| {
                let rules = policy.forbidden_by(&subject, region);
                blocked_by(secret, region, rules, limits)
            };
            let regions = explain_regions(&plan, &evaluation, blocked_by);
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
        (Err(mismatch), _) => {
            let note = match &mismatch {
                Mismatch::NoTag(key) => case_note(key, subject),
                _ => String::new(),
            };
            (false, format!("{mismatch}{note}"))
        }
        (Ok(()), Some(key)) if !subject.tags.contains_key(key) => (
            true,
            format!(
                "its condition holds, and the secret has no tag `{key}`{}",
                case_note(key, subject)
            ),
        ),
        (Ok(()), _) if matches!(rule.when(), When::All) => {
            (true, "applies to every secret".to_owned())
        }
        (Ok(()), _) => (true, "every part of its condition holds".to_owned()),
    };
    RuleExplanation {
        name: rule.name().to_owned(),
        matches,
        because,
        forbids: Vec::new(),
    }
}

/// Names the tag key that differs from `key` only in the case of its letters. Empty if there is none.
fn case_note(key: &str, subject: &Subject<'_>) -> String {
    let mut keys = subject.tags.keys();
    let other = keys.find(|other| other.to_lowercase() == key.to_lowercase());
    other.map_or_else(String::new, |other| {
        format!(", but the tag `{other}`: tag keys are case-sensitive")
    })
}

/// Returns everything that blocks a replica in a Region that these rules forbid.
fn blocked_by(
    secret: &Secret,
    region: &Region,
    rules: BTreeSet<String>,
    limits: &Limits,
) -> Vec<BlockedBy> {
    let primary = secret.arn.region();
    let mut blocked_by = Vec::new();
    if region == primary {
        blocked_by.push(BlockedBy::PrimaryRegion);
    }
    if region.partition() != primary.partition() {
        blocked_by.push(BlockedBy::OtherPartition);
    }
    blocked_by.extend(rules.into_iter().map(BlockedBy::Rule));
    if !limits.allowed_regions.admits(region) {
        blocked_by.push(BlockedBy::RegionNotAllowed);
    }
    blocked_by
}

fn explain_regions(
    plan: &Plan,
    evaluation: &Evaluation,
    blocked_by: impl Fn(&Region) -> Vec<BlockedBy>,
) -> Vec<RegionExplanation> {
    let regions = plan.steps.iter().map(|(region, step)| {
        let mut explanation = explain_step(region.to_string(), step, plan);
        if let Some(request) = evaluation.regions.get(region) {
            explanation.wanted_by = request.wanted_by.iter().cloned().collect();
        }
        explanation.blocked_by = blocked_by(region);
        let rules = explanation.blocked_by.iter().filter_map(BlockedBy::rule);
        explanation.forbidden_by = rules.map(str::to_owned).collect();
        explanation
    });
    let tokens = plan.bad_tokens.iter().map(|bad| RegionExplanation {
        tag: Some(bad.tag.clone()),
        ..explain_step(
            bad.token().to_owned(),
            &Step::Refuse(bad.refusal(), None),
            plan,
        )
    });
    regions.chain(tokens).collect()
}

fn explain_step(region: String, step: &Step, plan: &Plan) -> RegionExplanation {
    let (action, reason, remediation) = match step {
        Step::Replicate(target) | Step::Retry(target) if target.overwrites() => {
            ("overwrite", None, None)
        }
        Step::Replicate(_) => ("replicate", None, None),
        Step::Retry(_) => ("retry", None, None),
        Step::Keep(_) => ("keep", None, None),
        Step::ReportFailure(reason, _) => (
            "keep",
            Some(reason.code()),
            Some(reason.remediation().to_owned()),
        ),
        Step::Refuse(refusal, existing) => (
            "refuse",
            Some(refusal.code()),
            refusal.remediation(existing.as_ref()),
        ),
        Step::Remove(reason, _) | Step::AwaitRemoval(reason, _) if plan.will_remove(reason) => {
            ("remove", Some(reason.code()), None)
        }
        Step::Remove(..) | Step::AwaitRemoval(..) => {
            let waits = RetainReason::WaitingForOtherReplicas;
            (
                "remove",
                Some(waits.code()),
                Some(waits.remediation().to_owned()),
            )
        }
        Step::Retain(reason, _) => (
            "keep",
            Some(reason.code()),
            Some(reason.remediation().to_owned()),
        ),
    };
    let unknown = || UnknownRegion::check(&Region::parse(&region).ok()?);
    let warning = match &remediation {
        Some(_) => None,
        None => unknown().map(|unknown| unknown.to_string()),
    };
    let remediation = remediation.map(|remediation| with_hint(&region, &remediation));
    let key = step.target().map(Target::key);
    RegionExplanation {
        region,
        tag: None,
        wanted_by: Vec::new(),
        forbidden_by: Vec::new(),
        blocked_by: Vec::new(),
        action,
        reason,
        remediation,
        warning,
        may_overwrite: step
            .target()
            .is_some_and(|target| target.overwrite() == Overwrite::Allowed),
        kms_key: key.map(ReplicaKey::name),
        kms_key_because: key.map(|key| key.source.description()),
    }
}

fn calls(plan: &Plan) -> Vec<CallExplanation> {
    let call = |overwrites: bool| {
        let targets = plan
            .targets()
            .filter(|target| target.overwrites() == overwrites);
        let add_replica_regions: Vec<_> = targets
            .map(|target| ReplicaRegion {
                region: target.region().clone(),
                kms_key_id: target.key().kms_key.clone(),
            })
            .collect();
        (!add_replica_regions.is_empty()).then_some(CallExplanation {
            operation: "ReplicateSecretToRegions",
            add_replica_regions,
            force_overwrite_replica_secret: overwrites,
        })
    };
    [false, true].into_iter().filter_map(call).collect()
}

impl KeySource {
    fn description(&self) -> String {
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
