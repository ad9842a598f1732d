//! Any document is accepted or rejected, and an accepted policy can be evaluated and explained.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::{Corpus, fuzz_target};
use secret_replicator_core::explain::explain;
use secret_replicator_core::limits::{AllowedRegions, Limits, Overwrite, RemovalLimit};
use secret_replicator_core::plan::{Decision, decide};
use secret_replicator_core::policy::check;
use secret_replicator_core::secret::{Region, Secret};

fuzz_target!(|text: &str| -> Corpus {
    let checked = match check(text, &AllowedRegions::Any) {
        Ok(checked) => checked,
        Err(invalid) => {
            assert!(!invalid.to_string().is_empty());
            return Corpus::Keep;
        }
    };
    let limits = Limits {
        allowed_regions: AllowedRegions::Any,
        overwrite: Overwrite::Allowed,
        removal: RemovalLimit::Allowed,
    };
    for primary in ["us-east-1", "eu-west-1"] {
        let primary = Region::parse(primary).expect("a Region");
        let tags = [("replicate-to", "eu-west-1 us-west-2"), ("tier", "1")];
        let tags: BTreeMap<String, String> = tags
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let secret = Secret::hypothetical("prod/db", tags, &primary, None).expect("a secret");
        if let Decision::Act(plan) = decide(&secret, &checked.policy, &limits) {
            assert!(plan.targets().all(|target| *target.region() != primary));
        }
        let explanation = explain(&secret, &checked.policy, &limits);
        serde_json::to_string(&explanation).expect("JSON");
    }
    let _ = checked.policy.list_filter();
    Corpus::Keep
});
