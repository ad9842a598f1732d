use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_secretsmanager::config;
use aws_sdk_secretsmanager::config::Config;
use aws_sdk_secretsmanager::operation::list_secrets::ListSecretsOutput;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, SortByType};
use secret_replicator_core::policy::ListFilter;
use secret_replicator_core::secret::Region;
use tokio::time::Instant;

use super::rate::Rate;
use super::{CallError, Operation, Page, RotationPage, SecretsManager, convert};

/// The maximum page size of `ListSecrets`.
const PAGE_SIZE: i32 = 100;

/// Pages per second of each Region's list: half of the quota (50 calls per second, as AWS announced in
/// 2022), because the whole account shares it.
const PAGES_PER_SECOND: u32 = 25;

/// The timeout for a page of another Region, whose outage must not end the sweep.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The rates of the lists, by Region. `None` is the client's own Region.
#[derive(Debug, Default)]
pub(super) struct ListRates(Mutex<BTreeMap<Option<Region>, Arc<Rate>>>);

impl ListRates {
    /// Returns the rate of the Region's list.
    pub(super) fn of(&self, region: Option<&Region>) -> Arc<Rate> {
        let mut rates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Rate::new(PAGES_PER_SECOND));
        Arc::clone(rates.entry(region.cloned()).or_insert_with(new))
    }
}

/// Whether a list contains the secrets that are scheduled for deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletedSecrets {
    /// It does not, as by default.
    Omitted,
    /// It does (`IncludePlannedDeletion`).
    Included,
}

/// The list of a Region's secrets.
struct List<'a> {
    /// Another Region than the client's.
    region: Option<&'a Region>,
    filters: Vec<Filter>,
    /// Whether the list contains secrets that are scheduled for deletion.
    deleted: DeletedSecrets,
    config: config::Builder,
}

impl List<'_> {
    /// Returns the list of the client's own Region.
    fn of(filters: Vec<Filter>) -> Self {
        Self {
            region: None,
            filters,
            deleted: DeletedSecrets::Omitted,
            config: Config::builder(),
        }
    }
}

impl SecretsManager {
    /// Returns the client's own Region.
    #[must_use]
    pub fn home(&self) -> Option<Region> {
        let region = self.client.client().config().region()?.clone();
        Region::parse(region.as_ref()).ok()
    }

    /// Reads a page of the Region's secrets, sorted by name. The list can be up to five minutes old (Secrets
    /// Manager API reference, `ListSecrets`).
    ///
    /// # Errors
    /// [`CallError`] if AWS rejects the call or does not respond before `until`.
    pub async fn list(
        &self,
        filter: Option<&ListFilter>,
        next_token: Option<&str>,
        until: Instant,
    ) -> Result<Page, CallError> {
        let list = List::of(filter.map(as_filter).into_iter().collect());
        let answer = self.list_in(list, next_token, until).await?;
        Ok(convert::page(&answer))
    }

    /// Reads a page of the Region's secrets as [`list`](Self::list) does, with their rotation.
    pub(super) async fn list_with_rotation(
        &self,
        filter: Option<&ListFilter>,
        deleted: DeletedSecrets,
        next_token: Option<&str>,
        until: Instant,
    ) -> Result<RotationPage, CallError> {
        let list = List {
            deleted,
            ..List::of(filter.map(as_filter).into_iter().collect())
        };
        let answer = self.list_in(list, next_token, until).await?;
        Ok(convert::rotation_page(&answer))
    }

    /// Reads a page of the replicas in another Region whose primary secrets are in the client's Region,
    /// sorted by name.
    ///
    /// # Errors
    /// [`CallError`] if AWS rejects the call or does not respond in time, also if the account has not
    /// enabled the Region.
    pub async fn list_replicas(
        &self,
        region: &Region,
        filter: Option<&ListFilter>,
        next_token: Option<&str>,
        until: Instant,
    ) -> Result<Page, CallError> {
        let until = until.min(Instant::now() + TIMEOUT);
        let filters = filter.map(as_filter).into_iter();
        let home = self.home();
        let filters = filters.chain(home.as_ref().map(of_primary_region));
        let list = self.of_region(region, filters.collect());
        let answer = self.list_in(list, next_token, until).await?;
        Ok(convert::page(&answer))
    }

    /// Reads a page of the client's own Region, sorted by name: its replicas of primary secrets in a Region, or
    /// without one all of its secrets. Contains those that are scheduled for deletion.
    ///
    /// # Errors
    /// [`CallError`] if AWS rejects the call or does not respond before `until`.
    pub async fn list_replicas_here(
        &self,
        primary_region: Option<&Region>,
        next_token: Option<&str>,
        until: Instant,
    ) -> Result<Page, CallError> {
        let filters = primary_region.map(of_primary_region).into_iter().collect();
        let list = List {
            deleted: DeletedSecrets::Included,
            ..List::of(filters)
        };
        let answer = self.list_in(list, next_token, until).await?;
        Ok(convert::page(&answer))
    }

    /// Reads a page of the secrets in another Region, sorted by name.
    ///
    /// # Errors
    /// [`CallError`] if AWS rejects the call or does not respond in time, also if the account has not
    /// enabled the Region.
    pub async fn list_there(
        &self,
        region: &Region,
        filter: Option<&ListFilter>,
        next_token: Option<&str>,
        until: Instant,
    ) -> Result<Page, CallError> {
        let until = until.min(Instant::now() + TIMEOUT);
        let list = self.of_region(region, filter.map(as_filter).into_iter().collect());
        let answer = self.list_in(list, next_token, until).await?;
        Ok(convert::page(&answer))
    }

    /// Returns the list of another Region.
    fn of_region<'a>(&self, region: &'a Region, filters: Vec<Filter>) -> List<'a> {
        let there = Config::builder().region(config::Region::new(region.to_string()));
        List {
            region: Some(region),
            config: self.endpoints.configure(region, there),
            ..List::of(filters)
        }
    }

    async fn list_in(
        &self,
        list: List<'_>,
        next_token: Option<&str>,
        until: Instant,
    ) -> Result<ListSecretsOutput, CallError> {
        let List {
            region,
            filters,
            deleted,
            config,
        } = list;
        if let Some(limits) = &self.limits
            && !limits.list_slot(region, until).await
        {
            return Err(CallError::not_sent(Operation::ListSecrets));
        }
        let client = self.client.client();
        let request = client
            .list_secrets()
            .max_results(PAGE_SIZE)
            .sort_by(SortByType::Name)
            .set_filters((!filters.is_empty()).then_some(filters))
            .set_include_planned_deletion((deleted == DeletedSecrets::Included).then_some(true))
            .set_next_token(next_token.map(str::to_owned));
        let call = || request.customize().config_override(config).send();
        self.call(until, Operation::ListSecrets, call).await
    }
}

/// Returns the filter for secrets with a primary secret in a Region. AWS compares the beginning of the code, so it can
/// also match another Region.
fn of_primary_region(region: &Region) -> Filter {
    let key = FilterNameStringType::PrimaryRegion;
    let filter = Filter::builder().key(key);
    filter.values(region.to_string()).build()
}

fn as_filter(filter: &ListFilter) -> Filter {
    let (key, values) = match filter {
        ListFilter::TagKeys(keys) => (FilterNameStringType::TagKey, keys),
        ListFilter::NamePrefixes(prefixes) => (FilterNameStringType::Name, prefixes),
    };
    let values = values.iter().cloned().collect();
    Filter::builder().key(key).set_values(Some(values)).build()
}
