use std::sync::{Mutex, PoisonError};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use aws_sdk_secretsmanager::config::retry::{RetryPartition, TokenBucket};

/// The SDK's client, with a budget of retries that can be refilled. The SDK keeps its own budget until the
/// process ends, and an outage uses it up.
#[derive(Debug)]
pub(super) struct RetryBudget(Mutex<BudgetedClient>);

#[derive(Debug)]
struct BudgetedClient {
    client: Client,
    tokens: TokenBucket,
}

impl RetryBudget {
    pub(super) fn new(config: Builder) -> Self {
        Self(Mutex::new(BudgetedClient::new(config)))
    }

    /// Returns the client.
    pub(super) fn client(&self) -> Client {
        let budgeted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        budgeted.client.clone()
    }

    /// Replaces a budget of which calls have used a part. The SDK cannot refill it.
    pub(super) fn refill(&self) {
        let mut budgeted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !budgeted.tokens.is_full() {
            *budgeted = BudgetedClient::new(budgeted.client.config().to_builder());
        }
    }
}

impl BudgetedClient {
    /// Creates a client with a full budget.
    fn new(config: Builder) -> Self {
        let tokens = TokenBucket::default();
        let partition = RetryPartition::custom("invocation").token_bucket(tokens.clone());
        let config = config.retry_partition(partition.build()).build();
        Self {
            client: Client::from_conf(config),
            tokens,
        }
    }
}
