//! Existing replicas, and secrets that are never written to.

use proptest::prelude::*;
use secret_replicator_core::plan::Step;
use secret_replicator_core::secret::{Replica, ReplicaStatus};

use crate::plan;
use crate::policies::policy;
use crate::secrets::{limits, primary, region};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn replicas_managed_secrets_and_secrets_scheduled_for_deletion_are_never_written_to(
        written in policy(), secret in primary(), other in region(), mark in 0..5, limits in limits(),
    ) {
        let mut secret = secret;
        match mark {
            0 => secret.scheduled_for_deletion = true,
            1 => secret.owning_service = Some("rds".to_owned()),
            2 => secret.name = "rds!cluster-1234".to_owned(),
            3 => {
                let tag = "aws:secretsmanager:owningService".to_owned();
                secret.tags.insert(tag, "rds".to_owned());
            }
            _ if other == *secret.arn.region() => return Ok(()),
            _ => secret.primary_region = Some(other),
        }
        prop_assert!(plan(&secret, &written.policy, &limits).is_none());
    }

    #[test]
    fn once_every_request_is_in_sync_nothing_more_is_requested(
        written in policy(), secret in primary(), limits in limits(),
    ) {
        let Some(first) = plan(&secret, &written.policy, &limits) else { return Ok(()) };
        let mut after = secret.clone();
        for target in first.targets() {
            let replica = Replica { status: ReplicaStatus::InSync, message: None, kms_key: None };
            after.replicas.insert(target.region().clone(), replica);
        }
        let second = plan(&after, &written.policy, &limits).expect("it is still covered");
        prop_assert!(!second.replicates());
    }

    #[test]
    fn a_replica_that_is_there_is_requested_again_only_if_it_failed_and_may_heal(
        written in policy(), secret in primary(), limits in limits(),
    ) {
        let Some(plan) = plan(&secret, &written.policy, &limits) else { return Ok(()) };
        for (region, step) in plan.steps {
            let replica = secret.replicas.get(&region);
            let failed = replica.is_some_and(|replica| replica.status == ReplicaStatus::Failed);
            match step {
                Step::Replicate(_) => prop_assert!(replica.is_none()),
                Step::Retry(_) | Step::ReportFailure(..) => prop_assert!(failed),
                Step::Keep(_) => prop_assert!(replica.is_some() && !failed),
                Step::Refuse(..) | Step::Remove(..) | Step::AwaitRemoval(..) | Step::Retain(..) => {}
            }
        }
    }
}
