//! Compares the primary Region's list of secrets with the lists of the replica Regions.
//!
//! `ListSecrets` returns tags, key and current version of a hundred secrets at a time. A covered secret
//! whose replicas have the same content needs no call of its own. All other secrets are described.
//!
//! The lists are sorted by name, but the collation is not documented. The order therefore only decides
//! when to read another page. A replica that the pages in memory do not contain counts as missing, so
//! another order or an old list costs calls and never hides a difference.
//!
//! | module | content |
//! |---|---|
//! | `content` | compares one secret with its replicas |
//! | `name_order` | the order of the primary Region's list, as far as it is known |
//! | `regional_list` | the pages of one Region's list that are in memory |

mod content;
mod name_order;
mod regional_list;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::limits::{AllowedRegions, Limits, RemovalLimit};
use crate::policy::{Policy, Removal};
use crate::secret::{Region, Secret};
use crate::sweep::PageToken;
use content::Shown;
pub use content::{Comparison, Differences, RegionDifference, SecretDifference};
use name_order::NameOrder;
use regional_list::RegionalList;
pub use regional_list::{ListFailure, ListPosition};

/// Returns the Regions whose lists show every replica that the policy may want or remove. `None` if only
/// the secrets' tags name the Regions and every Region is allowed: then no list can be chosen in advance.
#[must_use]
pub fn listed_regions(policy: &Policy, limits: &Limits, home: &Region) -> Option<BTreeSet<Region>> {
    let by_tag = policy
        .rules()
        .iter()
        .any(|rule| rule.tag_with_regions().is_some());
    let removes = policy.removal() == Removal::Covered && limits.removal == RemovalLimit::Allowed;
    let named = policy.named_regions();
    let mut regions = match &limits.allowed_regions {
        AllowedRegions::Any if by_tag => return None,
        AllowedRegions::Any => named,
        AllowedRegions::Only(allowed) if by_tag || removes => allowed.clone(),
        AllowedRegions::Only(allowed) => allowed.intersection(&named).cloned().collect(),
    };
    regions.retain(|region| region != home && region.partition() == home.partition());
    Some(regions)
}

/// The lists of the replica Regions, of which a bounded number of pages is in memory.
#[derive(Debug)]
pub struct RegionalLists {
    lists: BTreeMap<Region, RegionalList>,
    order: NameOrder,
}

/// The positions in the lists of the replica Regions, by Region.
pub type ListPositions = BTreeMap<Region, ListPosition>;

impl RegionalLists {
    /// Starts reading the lists at these positions. From `capacity` secrets of one list in memory, no
    /// further page of it is read. A page of the primary Region's list needs two pages of another list. The
    /// rest is for pages that are read ahead while replicas are missing.
    #[must_use]
    pub fn new(positions: &ListPositions, capacity: usize) -> Self {
        let list = |(region, position): (&Region, &ListPosition)| {
            (region.clone(), RegionalList::new(position, capacity))
        };
        Self {
            lists: positions.iter().map(list).collect(),
            order: NameOrder::UNKNOWN,
        }
    }

    /// Compares each secret on a page of the primary Region's list with the pages in memory.
    #[must_use]
    pub fn compare(
        &self,
        page: &[Secret],
        policy: &Policy,
        limits: &Limits,
        now: DateTime<Utc>,
    ) -> Vec<Comparison> {
        let shown = |secret: &Secret| -> BTreeMap<&Region, Shown<'_>> {
            let lists = self.lists.iter();
            lists
                .map(|(region, list)| (region, list.find(secret.arn.resource())))
                .collect()
        };
        page.iter()
            .map(|secret| content::compare(secret, &shown(secret), policy, limits, now))
            .collect()
    }

    /// Returns what the pages in memory show under the name of a secret of the primary Region, by Region: its
    /// replica, or another secret of the same name.
    #[must_use]
    pub fn named_like(&self, secret: &Secret) -> BTreeMap<&Region, &Secret> {
        let lists = self.lists.iter();
        let named = lists.filter_map(|(region, list)| Some((region, list.find_named(secret)?)));
        named.collect()
    }

    /// Returns the next page of each list that must be read before the comparisons of this page of the
    /// primary Region's list are final. Drops pages that are no longer needed.
    pub fn required_pages(
        &mut self,
        page: &[Secret],
        comparisons: &[Comparison],
    ) -> Vec<(Region, PageToken)> {
        let order = self.order.with_page(page);
        let required = |(region, list): (&Region, &mut RegionalList)| {
            let is_missing = comparisons
                .iter()
                .any(|comparison| comparison.is_missing_in(region));
            let token = list.required_page(page, is_missing, &order)?;
            Some((region.clone(), token))
        };
        self.lists.iter_mut().filter_map(required).collect()
    }

    /// Returns the next page of each list that will probably be required soon.
    #[must_use]
    pub fn pages_ahead(&self) -> Vec<(Region, PageToken)> {
        let ahead = |(region, list): (&Region, &RegionalList)| {
            let token = list.page_ahead()?;
            Some((region.clone(), token))
        };
        self.lists.iter().filter_map(ahead).collect()
    }

    /// Drops the pages that precede this page of the primary Region's list, whose comparisons are final.
    pub fn finish_page(&mut self, page: &[Secret]) {
        self.order = self.order.with_page(page);
        for list in self.lists.values_mut() {
            list.finish_page(page);
        }
    }

    /// Adds the page that the token returned, with the token of the next page, if there is one.
    pub fn add_page(
        &mut self,
        region: &Region,
        token: PageToken,
        secrets: Vec<Secret>,
        next: Option<PageToken>,
    ) {
        if let Some(list) = self.lists.get_mut(region) {
            list.add_page(token, secrets, next);
        }
    }

    /// Notes that AWS did not return the next page of a list.
    pub fn add_failure(&mut self, region: &Region, failure: ListFailure) {
        if let Some(list) = self.lists.get_mut(region) {
            list.add_failure(failure);
        }
    }

    /// Returns the positions from which a later slice can read the pages in memory again.
    #[must_use]
    pub fn positions(&self) -> ListPositions {
        let lists = self.lists.iter();
        lists
            .map(|(region, list)| (region.clone(), list.position()))
            .collect()
    }
}
