//! Any value of a tag leads only to targets in valid and permitted Regions.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use secret_replicator_core::explain::explain;
use secret_replicator_core::limits::{AllowedRegions, Limits, Overwrite, RemovalLimit};
use secret_replicator_core::plan::{Decision, decide};
use secret_replicator_core::policy::{Policy, check};
use secret_replicator_core::secret::{Region, Secret};

const POLICY: &str = "
version: 1
groups: { dr: [us-west-2], eu: [eu-west-1, eu-central-1] }
rules:
  - { name: named, when: { tags: { replicate-to: '*' } }, replicate-to: { tag: replicate-to } }
  - { name: not-here, when: all, forbid: [eu-north-1] }
";

static HOME: LazyLock<Region> = LazyLock::new(|| Region::parse("us-east-1").expect("a Region"));
static READ: LazyLock<Policy> = LazyLock::new(|| {
    check(POLICY, &AllowedRegions::Any)
        .expect("a policy")
        .policy
});

fuzz_target!(|value: &str| {
    let limits = Limits {
        allowed_regions: AllowedRegions::Any,
        overwrite: Overwrite::Never,
        removal: RemovalLimit::Never,
    };
    let tags = [("replicate-to".to_owned(), value.to_owned())].into();
    let secret = Secret::hypothetical("app", tags, &HOME, None).expect("a secret");
    if let Decision::Act(plan) = decide(&secret, &READ, &limits) {
        for target in plan.targets() {
            let region = target.region();
            assert!(
                *region != *HOME && region.as_str() != "eu-north-1",
                "{region}"
            );
            assert_eq!(region.partition(), "aws");
        }
    }
    let explanation = explain(&secret, &READ, &limits);
    for token in explanation
        .regions
        .iter()
        .filter(|region| region.tag.is_some())
    {
        assert!(token.region.chars().count() <= 64, "{}", token.region);
    }
    serde_json::to_string(&explanation).expect("JSON");
});
