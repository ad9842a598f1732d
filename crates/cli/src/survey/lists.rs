use std::collections::{BTreeMap, BTreeSet};

use chrono::Utc;
use futures_util::future::join_all;
use secret_replicator_aws::{CallError, Page};
use secret_replicator_core::comparison::{
    Comparison, ListFailure, ListPosition, ListPositions, RegionalLists,
};
use secret_replicator_core::policy::ListFilter;
use secret_replicator_core::secret::{Region, Secret};
use secret_replicator_core::sweep::PageToken;

use super::{ListTime, Survey, deadline, found};
use crate::access::ApiError;
use crate::coverage::Found;

/// The number of secrets of one replica Region's list in memory. The lists contain all secrets of the Region, so
/// they need more pages than those of a sweep.
const CAPACITY: usize = 1000;

/// A page of the primary Region's list, with the result of the comparison of each secret.
#[derive(Debug)]
pub(super) struct ComparedPage {
    pub(super) secrets: Vec<Secret>,
    pub(super) comparisons: Vec<Comparison>,
    /// What the other lists show under the name of each secret.
    pub(super) found: Vec<Found>,
    /// The Regions whose lists were read.
    pub(super) listed: BTreeSet<Region>,
}

/// The lists of a survey.
pub(super) struct Lists<'a> {
    survey: &'a Survey<'a>,
    filter: Option<ListFilter>,
    regional: RegionalLists,
    /// The token of the next page of the primary Region's list.
    next: Option<PageToken>,
    times: BTreeMap<Region, ListTime>,
}

impl<'a> Lists<'a> {
    pub(super) fn new(survey: &'a Survey<'a>, regions: BTreeSet<Region>) -> Self {
        let positions: ListPositions = regions
            .into_iter()
            .map(|region| (region, ListPosition::FIRST))
            .collect();
        Self {
            survey,
            filter: filter(survey),
            regional: RegionalLists::new(&positions, CAPACITY),
            next: Some(PageToken::FIRST),
            times: BTreeMap::new(),
        }
    }

    /// Returns the next page of the primary Region's list. `None` after the last page.
    ///
    /// # Errors
    /// AWS does not return the page.
    pub(super) async fn next_page(&mut self) -> Result<Option<ComparedPage>, ApiError> {
        let Some(token) = self.next.take() else {
            return Ok(None);
        };
        let region = self.survey.primary_region;
        let page = self.read(region, &token, self.filter.as_ref()).await;
        self.note(region, page.as_ref().err());
        let page = page.map_err(|error| ApiError::from(&error))?;
        self.next = page.next_token.map(PageToken::from);
        let mut secrets = Vec::new();
        for listed in page.secrets {
            match listed {
                Ok(secret) => secrets.push(secret),
                Err(entry) => self.note(region, Some(&entry.error)),
            }
        }
        let comparisons = self.compare(&secrets).await;
        let named = |secret: &Secret| found(secret, &self.regional.named_like(secret));
        let found = secrets.iter().map(named).collect();
        self.regional.finish_page(&secrets);
        Ok(Some(ComparedPage {
            secrets,
            comparisons,
            found,
            listed: self.listed(),
        }))
    }

    /// Compares a page of the primary Region's list. Reads the pages of the other lists that it needs.
    async fn compare(&mut self, secrets: &[Secret]) -> Vec<Comparison> {
        let scope = self.survey.scope;
        loop {
            let comparisons =
                self.regional
                    .compare(secrets, scope.policy, scope.limits, Utc::now());
            let required = self.regional.required_pages(secrets, &comparisons);
            if required.is_empty() {
                return comparisons;
            }
            let reads = required
                .iter()
                .map(|(region, token)| self.read(region, token, self.regional_filter()));
            let pages = join_all(reads).await;
            for ((region, token), page) in required.into_iter().zip(pages) {
                self.add(&region, token, page);
            }
        }
    }

    fn add(&mut self, region: &Region, token: PageToken, page: Result<Page, CallError>) {
        match page {
            Ok(page) => {
                self.note(region, None);
                let secrets = page.secrets.into_iter().filter_map(Result::ok).collect();
                let next = page.next_token.map(PageToken::from);
                self.regional.add_page(region, token, secrets, next);
            }
            Err(error) if error.is_invalid_token() => {
                self.regional.add_failure(region, ListFailure::TokenRefused);
            }
            Err(error) => {
                self.note(region, Some(&error));
                self.regional.add_failure(region, ListFailure::Unreadable);
            }
        }
    }

    /// Reads a page of a Region's list.
    async fn read(
        &self,
        region: &Region,
        token: &PageToken,
        filter: Option<&ListFilter>,
    ) -> Result<Page, CallError> {
        let client = self.survey.clients.in_region(region);
        client.list(filter, token.as_deref(), deadline()).await
    }

    /// Returns the filter of the other lists. The tags of another secret of the same name may differ.
    fn regional_filter(&self) -> Option<&ListFilter> {
        let by_name = |filter: &&ListFilter| matches!(filter, ListFilter::NamePrefixes(_));
        self.filter.as_ref().filter(by_name)
    }

    fn note(&mut self, region: &Region, error: Option<&CallError>) {
        let now = Utc::now();
        let new = || ListTime {
            account: None,
            primary_region: self.survey.primary_region.clone(),
            region: region.clone(),
            started: now,
            ended: now,
            error: None,
        };
        let time = self.times.entry(region.clone()).or_insert_with(new);
        time.ended = now;
        if let Some(error) = error {
            time.error = Some(ApiError::from(error).to_string());
        }
    }

    fn listed(&self) -> BTreeSet<Region> {
        let read = self.times.iter().filter(|(_, time)| time.error.is_none());
        read.map(|(region, _)| region.clone()).collect()
    }

    pub(super) fn times(self) -> Vec<ListTime> {
        self.times.into_values().collect()
    }
}

/// Returns the filter of the primary Region's list.
fn filter(survey: &Survey<'_>) -> Option<ListFilter> {
    let scope = survey.scope;
    if !scope.name_prefix.is_empty() {
        let prefix = scope.name_prefix.to_owned();
        return Some(ListFilter::NamePrefixes([prefix].into()));
    }
    if scope.all_secrets {
        return None;
    }
    scope.policy.list_filter()
}
