//! The sweep of the function, in the local account of the tests.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use secret_replicator::clock::Clock;
use secret_replicator::deadlines::Deadlines;
use secret_replicator::reconcile::{Mode, Reconciler, SecretOutcome};
use secret_replicator::sweep::Sweeper;
use secret_replicator_aws::{SecretsManager, https_client};
use secret_replicator_core::limits::Limits;
use secret_replicator_core::policy;
use secret_replicator_core::request::{SweepRequest, Wait};
use secret_replicator_core::sweep::Totals;

use crate::account::Account;

/// A function in a Region of an account.
pub(crate) struct Function<'a> {
    pub(crate) account: &'a Account,
    pub(crate) region: &'a str,
    pub(crate) policy: &'a str,
    pub(crate) limits: Limits,
}

impl Function<'_> {
    /// Sweeps the Region in one slice. Returns the totals and the outcomes of the secrets with records, by name.
    pub(crate) fn sweep(
        &self,
        mode: Mode,
        thorough: bool,
    ) -> (Totals, BTreeMap<String, SecretOutcome>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(self.slice(mode, thorough))
    }

    async fn slice(&self, mode: Mode, thorough: bool) -> (Totals, BTreeMap<String, SecretOutcome>) {
        let credentials = Credentials::new("test", "test", None, None, "test");
        let config = aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
            .http_client(https_client())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(self.account.aws.endpoint())
            .region(aws_config::Region::new(self.region.to_owned()))
            .build();
        let allowed = &self.limits.allowed_regions;
        let reconciler = Reconciler {
            secrets_manager: SecretsManager::from_config(&config),
            policy: policy::check(self.policy, allowed).unwrap().policy,
            limits: self.limits.clone(),
        };
        let wait = Duration::from_secs(30);
        let deadlines = Deadlines::new(Duration::from_mins(10), wait, Wait::Never);
        let request = SweepRequest {
            dry_run: mode == Mode::DryRun,
            max_changes: u64::MAX,
            thorough,
            sweep_id: None,
            token: None,
        };
        let sweeper = Sweeper::new(&reconciler, 25, mode, &deadlines, Clock::system());
        let recorded = RefCell::new(BTreeMap::new());
        let sweep = sweeper.slice(request, |swept| {
            let secret = swept.outcome.secret();
            let name = secret.map_or_else(|| swept.id.to_string(), |secret| secret.name.clone());
            recorded.borrow_mut().insert(name, swept.outcome);
        });
        let sweep = sweep.await.unwrap();
        assert!(sweep.next.is_none());
        (sweep.totals, recorded.into_inner())
    }
}
