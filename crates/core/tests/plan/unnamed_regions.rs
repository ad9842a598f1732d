//! Replicas in Regions that no rule names.

use super::*;

const RESIDENCY: &str = "
version: 1
rules:
  - { name: by-tag, when: all, replicate-to: { tag: to } }
  - { name: residency, when: { tags: { residency: eu } }, forbid: { except: ['eu-*'] } }
removal: covered
";

/// Returns the steps for a secret that wants eu-west-1 and has replicas in four Regions. Only Regions in
/// Europe and North Virginia are allowed.
fn steps(residency: &str, removal: RemovalLimit) -> Vec<String> {
    let replicas = ["ap-south-1", "eu-north-1", "eu-west-1", "us-east-2"];
    let mut secret = secret("", replicas.map(|code| (code, IN_SYNC)));
    let tags = [("to", "eu-west-1"), ("residency", residency)];
    let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
    secret.tags.extend(tags);
    let limits = Limits {
        allowed_regions: AllowedRegions::Only(regions(&["eu-north-1", "eu-west-1", "us-east-2"])),
        removal,
        ..LIMITS
    };
    let Decision::Act(plan) = decided(RESIDENCY, &secret, &limits) else {
        panic!("it is covered");
    };
    let steps = plan.steps.iter();
    steps
        .map(|(region, step)| match step {
            Step::Keep(_) => format!("{region} keep"),
            Step::Remove(reason, _) => format!("{region} remove {}", reason.code()),
            Step::Refuse(refusal, Some(replica)) => {
                assert!(!refusal.is_intended(Some(replica)));
                format!("{region} refuse {}", refusal.code())
            }
            step => format!("{region} {step:?}"),
        })
        .collect()
}

#[test]
fn a_replica_that_no_rule_wants_is_refused_where_none_may_be() {
    assert_eq!(
        steps("none", RemovalLimit::Never),
        ["ap-south-1 refuse region-not-allowed", "eu-west-1 keep"]
    );
    assert_eq!(
        steps("eu", RemovalLimit::Never),
        [
            "ap-south-1 refuse forbidden-by-policy",
            "eu-west-1 keep",
            "us-east-2 refuse forbidden-by-policy"
        ]
    );
}

#[test]
fn where_removal_is_allowed_it_is_removed_like_every_other_unwanted_replica() {
    for residency in ["none", "eu"] {
        assert_eq!(
            steps(residency, RemovalLimit::Allowed),
            [
                "ap-south-1 remove no-longer-targeted",
                "eu-north-1 remove no-longer-targeted",
                "eu-west-1 keep",
                "us-east-2 remove no-longer-targeted"
            ]
        );
    }
}
