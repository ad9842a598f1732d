//! The Regions in which a removal may have left a former replica.

use secret_replicator_core::plan::regions_without_replica;

use super::*;

const REMOVING: &str = "
version: 1
groups: { all: [ap-south-1, eu-west-1, us-east-1] }
rules:
  - { name: by-tag, when: all, replicate-to: { tag: to } }
  - { name: not-there, when: all, forbid: [sa-east-1] }
removal: covered
";

fn unwanted(policy: &str, limits: &Limits, tag: &str) -> Vec<String> {
    let mut secret = secret("", [("eu-north-1", IN_SYNC)]);
    secret.tags.insert("to".to_owned(), tag.to_owned());
    let checked = policy::check(policy, &AllowedRegions::Any);
    let policy = checked.expect("a policy").policy;
    let Decision::Act(plan) = decide(&secret, &policy, limits) else {
        panic!("it is covered");
    };
    let regions = regions_without_replica(&secret, &plan, &policy, limits);
    let reasons = regions.iter();
    reasons
        .map(|(region, reason)| format!("{region} {}", reason.code()))
        .collect()
}

#[test]
fn a_known_region_without_a_replica_that_no_rule_wants_may_have_a_former_replica() {
    let only = |codes: &[&str]| Limits {
        allowed_regions: AllowedRegions::Only(regions(codes)),
        ..LIMITS
    };
    let tag = "eu-west-1 sa-east-1";
    // Without allowed Regions, those that the policy or the tag names. Never the primary Region.
    assert_eq!(
        unwanted(REMOVING, &LIMITS, tag),
        [
            "ap-south-1 no-longer-targeted",
            "sa-east-1 forbidden-by-policy"
        ]
    );
    let allowed = only(&[
        "ca-central-1",
        "cn-north-1",
        "eu-north-1",
        "eu-west-1",
        "us-east-1",
    ]);
    assert_eq!(
        unwanted(REMOVING, &allowed, tag),
        ["ca-central-1 no-longer-targeted"]
    );
    let never = Limits {
        removal: RemovalLimit::Never,
        ..LIMITS
    };
    assert!(unwanted(REMOVING, &never, tag).is_empty());
    let keeping = REMOVING.replace("removal: covered", "");
    assert!(unwanted(&keeping, &LIMITS, tag).is_empty());
}
