//! Compares the policy language with its reference implementation.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use secret_replicator_core::explain::{BlockedBy, explain};
use secret_replicator_core::limits::{AllowedRegions, Limits, Overwrite, RemovalLimit};
use secret_replicator_core::plan::{Decision, KeySource, Plan, Step, Target, decide};
use secret_replicator_core::policy::{self, Problem, Severity, Subject};
use secret_replicator_core::secret::{KmsKey, Region, Replica, ReplicaStatus, Secret};

use crate::naive_checker::refusals;
use secret_replicator_reference_policy::generator::{self, WORLD};
use secret_replicator_reference_policy::{self as reference, Answer};

const POLICIES: u32 = 4_800;
const FEW_POLICIES: u32 = 200;
/// The size of the pool of secrets. Policies vary more than secrets, so each policy is evaluated for
/// `SECRETS_PER_POLICY` secrets of the pool.
const SECRETS: usize = 2_000;
const SECRETS_PER_POLICY: usize = 24;

fn limits(settings: &reference::Settings) -> Limits {
    let region = |code: &String| Region::parse(code).unwrap();
    let regions = settings.allowed_regions.as_ref();
    Limits {
        allowed_regions: regions.map_or(AllowedRegions::Any, |codes| {
            AllowedRegions::Only(codes.iter().map(region).collect())
        }),
        overwrite: settings.allow_overwrite.into(),
        removal: RemovalLimit::Never,
    }
}

fn real(secret: &reference::Secret) -> Secret {
    let region = Region::parse(&secret.primary_region).unwrap();
    let tags = secret.tags.clone();
    Secret::hypothetical(&secret.name, tags, &region, secret.kms_key.as_deref()).unwrap()
}

/// Checks that the reference implementation agrees on the rules, the bad tokens and every Region.
fn agree(
    policy: &reference::Policy,
    checked: &policy::Policy,
    secret: &reference::Secret,
    settings: &reference::Settings,
) -> Result<(), TestCaseError> {
    let covering = policy.covering(secret);
    let Decision::Act(plan) = decide(&real(secret), checked, &limits(settings)) else {
        prop_assert!(covering.is_empty(), "{covering:?} cover {secret:?}");
        return Ok(());
    };
    prop_assert_eq!(&plan.rules, &covering);
    let tokens = plan.bad_tokens.iter().map(|bad| bad.token().to_owned());
    prop_assert_eq!(tokens.collect::<BTreeSet<_>>(), policy.bad_tokens(secret));
    for code in WORLD {
        let expected = policy.answer(secret, code, settings);
        let same = is_answer(&plan, code, &expected);
        prop_assert!(
            same,
            "{code}: {expected:?}, but {:?} for {secret:?}",
            plan.steps
        );
    }
    Ok(())
}

/// Returns the secret with a replica in sync in each Region of its partition in which no rule wants one.
fn with_unwanted_replicas(policy: &reference::Policy, secret: &reference::Secret) -> Secret {
    let anywhere = reference::Settings {
        allowed_regions: None,
        allow_overwrite: false,
    };
    let mut real = real(secret);
    let unwanted = WORLD.iter().filter(|code| {
        policy.answer(secret, code, &anywhere) == Answer::NotWanted
            && !policy
                .exclusions(secret, code, &anywhere)
                .iter()
                .any(|reason| ["primary-region", "other-partition"].contains(&&reason[..]))
    });
    let replica = || Replica {
        status: ReplicaStatus::InSync,
        message: None,
        kms_key: None,
    };
    let replicas = unwanted.map(|code| (Region::parse(code).unwrap(), replica()));
    real.replicas.extend(replicas);
    real
}

/// Checks that exactly those replicas that no rule wants are refused that must not exist.
fn agree_on_unwanted_replicas(
    policy: &reference::Policy,
    checked: &policy::Policy,
    secret: &reference::Secret,
    settings: &reference::Settings,
    met: &RefCell<BTreeSet<&'static str>>,
) -> Result<(), TestCaseError> {
    let real = with_unwanted_replicas(policy, secret);
    let Decision::Act(plan) = decide(&real, checked, &limits(settings)) else {
        return Ok(());
    };
    for (region, replica) in &real.replicas {
        let reasons = policy.exclusions(secret, region.as_str(), settings);
        match plan.steps.get(region) {
            None => prop_assert!(reasons.is_empty(), "{region}: {reasons:?}"),
            Some(Step::Refuse(refusal, Some(found))) => {
                prop_assert!(reasons.contains(refusal.code()), "{region}: {reasons:?}");
                prop_assert_eq!(found, replica);
                met.borrow_mut().insert("unwanted-replica-refused");
            }
            step => prop_assert!(false, "{region}: {step:?}"),
        }
    }
    Ok(())
}

/// Checks that an explanation names everything that blocks a Region, and the tag of each bad token.
fn explains(
    policy: &reference::Policy,
    checked: &policy::Policy,
    secret: &reference::Secret,
    settings: &reference::Settings,
) -> Result<(), TestCaseError> {
    let secret_with_replicas = with_unwanted_replicas(policy, secret);
    let explanation = explain(&secret_with_replicas, checked, &limits(settings));
    for region in &explanation.regions {
        if let Some(tag) = &region.tag {
            prop_assert!(secret.tags[tag].contains(&region.region));
            continue;
        }
        let blocked_by = region.blocked_by.iter().map(|cause| match cause {
            BlockedBy::PrimaryRegion => "primary-region",
            BlockedBy::OtherPartition => "other-partition",
            BlockedBy::RegionNotAllowed => "region-not-allowed",
            BlockedBy::Rule(name) => name,
        });
        let blocked_by: BTreeSet<String> = blocked_by.map(str::to_owned).collect();
        prop_assert_eq!(
            blocked_by,
            policy.obstacles(secret, &region.region, settings)
        );
    }
    for rule in &explanation.rules {
        let regions = explanation.regions.iter().filter(|region| {
            let by_rule = BlockedBy::Rule(rule.name.clone());
            region.blocked_by.contains(&by_rule)
        });
        let blocked: Vec<_> = regions.map(|region| region.region.as_str()).collect();
        let explained: Vec<_> = rule.forbids.iter().map(Region::as_str).collect();
        prop_assert_eq!(explained, blocked);
    }
    Ok(())
}

fn is_answer(plan: &Plan, code: &str, expected: &Answer) -> bool {
    let region = Region::parse(code).unwrap();
    match (plan.steps.get(&region), expected) {
        (None, Answer::NotWanted) => true,
        (Some(Step::Replicate(target)), Answer::Replica { key, overwrite }) => {
            key_of(target) == key.as_deref()
                && (target.overwrite() == Overwrite::Allowed) == *overwrite
        }
        (Some(Step::Refuse(refusal, _)), Answer::Refused(reasons)) => {
            reasons.contains(refusal.code())
        }
        _ => false,
    }
}

fn key_of(target: &Target) -> Option<&str> {
    target.key().kms_key.as_ref().map(KmsKey::as_str)
}

/// Returns the features that a decision covers. The test checks that the cases cover all of them.
fn about(plan: &Decision) -> BTreeSet<&'static str> {
    let Decision::Act(plan) = plan else {
        return ["skipped"].into();
    };
    let mut about = BTreeSet::new();
    about.extend(plan.bad_tokens.iter().map(|bad| bad.refusal().code()));
    for step in plan.steps.values() {
        about.insert(match step {
            Step::Refuse(refusal, _) => refusal.code(),
            Step::Replicate(target) if target.overwrite() == Overwrite::Allowed => "overwritten",
            Step::Replicate(target) => match target.key().source {
                KeySource::Rules(_) => "key-of-a-rule",
                KeySource::Policy => "key-of-the-policy",
                KeySource::PrimarySecret => "key-of-the-primary",
            },
            _ => "nothing",
        });
    }
    about
}

/// Checks that the warnings about the policy's keys are true, and that those about a rule are true for a
/// secret that the rule matches.
fn warnings_are_true(
    policy: &reference::Policy,
    checked: &policy::Policy,
    warnings: &[Problem],
    secret: &reference::Secret,
) -> Result<(), TestCaseError> {
    let secret = real(secret);
    let subject = Subject::from(&secret);
    let evaluation = checked.evaluate(&subject);
    for warning in warnings {
        if warning.code == "key-without-effect" {
            let is_managed = |(word, key): (&String, &String)| {
                word == "*" && reference::managed_is_none(key).is_none()
            };
            prop_assert!(policy.kms_keys.iter().any(is_managed), "{warning}");
            continue;
        }
        let (index, field) = warning.path.split_once("].").expect("the path of a field");
        let index = index.strip_prefix("rules[").expect("the path of a rule");
        let rule = &checked.rules()[index.parse::<usize>().expect("an index")];
        if rule.when().check(&subject).is_err() {
            continue;
        }
        let mut wanted = (evaluation.regions.iter())
            .filter(|(_, request)| request.wanted_by.contains(rule.name()))
            .map(|(region, _)| region);
        let is_true = match warning.code {
            "always-primary-region" => wanted.all(|region| region == secret.arn.region()),
            "unused-key" => {
                let word = field.strip_prefix("kms-key.").expect("the path of a key");
                wanted.all(|region| !policy.stands_for(word, region.as_str()))
            }
            other => return Err(TestCaseError::fail(format!("an unknown warning: {other}"))),
        };
        prop_assert!(is_true, "{warning}\n{secret:?}");
    }
    Ok(())
}

const EVERYTHING: [&str; 19] = [
    "always-primary-region",
    "conflicting-rules",
    "empty-tag-value",
    "weaker-encryption",
    "forbidden-by-policy",
    "key-of-a-rule",
    "key-of-another-region",
    "key-of-the-policy",
    "key-of-the-primary",
    "key-without-effect",
    "invalid-region",
    "other-partition",
    "region-not-allowed",
    "overwritten",
    "primary-region",
    "skipped",
    "two-keys",
    "unused-key",
    "unwanted-replica-refused",
];

/// The results of comparing random policies and secrets.
struct Comparison {
    /// The number of compared pairs of a policy and a secret.
    agreed: usize,
    /// The number of invalid policies.
    refused: usize,
    /// The features that occurred.
    met: BTreeSet<&'static str>,
}

#[test]
fn both_implementations_agree_on_a_hundred_thousand_cases() {
    let Comparison {
        agreed,
        refused,
        met,
    } = compare(POLICIES);
    println!("{agreed} cases agree; {refused} policies contradict themselves");
    assert!(agreed >= 100_000, "{agreed} cases");
    assert_eq!(met, EVERYTHING.into());
}

/// A shorter run of the same comparison, for mutation testing.
#[test]
fn both_implementations_agree_on_a_few_of_these_cases() {
    let agreed = compare(FEW_POLICIES).agreed;
    assert!(agreed > 2_000, "{agreed} cases");
}

fn compare(policies: u32) -> Comparison {
    let (agreed, refused) = (Cell::new(0), Cell::new(0));
    let met = RefCell::new(BTreeSet::new());
    let config = Config {
        cases: policies,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let pool = vec(generator::secret(), SECRETS).new_tree(&mut runner);
    let pool = pool.expect("secrets").current();
    let chosen = vec(any::<Index>(), SECRETS_PER_POLICY);
    let cases = (generator::policy(), chosen, generator::settings());
    let outcome = runner.run(&cases, |(policy, chosen, settings)| {
        let text = generator::written(&policy);
        let expected = refusals(&policy);
        let checked = match policy::check(&text, &AllowedRegions::Any) {
            Ok(checked) => checked,
            Err(invalid) => {
                let errors = invalid.problems.iter();
                let errors = errors.filter(|problem| problem.severity == Severity::Error);
                let codes: BTreeSet<&str> = errors.map(|problem| problem.code).collect();
                prop_assert_eq!(&codes, &expected, "{}\n{}", invalid, text);
                met.borrow_mut().extend(expected);
                refused.set(refused.get() + 1);
                return Ok(());
            }
        };
        prop_assert!(expected.is_empty(), "{expected:?}\n{text}");
        let policy::Checked {
            policy: checked,
            warnings,
        } = checked;
        for index in chosen {
            let secret = index.get(&pool);
            agree(&policy, &checked, secret, &settings)
                .and_then(|()| {
                    agree_on_unwanted_replicas(&policy, &checked, secret, &settings, &met)
                })
                .and_then(|()| explains(&policy, &checked, secret, &settings))
                .and_then(|()| warnings_are_true(&policy, &checked, &warnings, secret))
                .map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
            agreed.set(agreed.get() + 1);
            let decision = decide(&real(secret), &checked, &limits(&settings));
            met.borrow_mut().extend(about(&decision));
            met.borrow_mut()
                .extend(warnings.iter().map(|warning| warning.code));
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    Comparison {
        agreed: agreed.get(),
        refused: refused.get(),
        met: met.into_inner(),
    }
}
