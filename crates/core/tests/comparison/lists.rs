//! Lists in pages, and a sweep that compares them.

use std::collections::BTreeMap;

use secret_replicator_core::comparison::{
    Comparison, ListFailure, ListPosition, ListPositions, RegionalLists,
};
use secret_replicator_core::secret::{Region, Secret};
use secret_replicator_core::sweep::PageToken;

use crate::{POLICY, limits, now};

/// One Region's list.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) secrets: Vec<Secret>,
    pub(crate) page_size: usize,
    /// The pages that cannot be read, each with the failure and the number of times.
    pub(crate) failures: BTreeMap<usize, (ListFailure, usize)>,
    pub(crate) reads: usize,
}

impl List {
    pub(crate) fn new(secrets: Vec<Secret>, page_size: usize) -> Self {
        Self {
            secrets,
            page_size,
            failures: BTreeMap::new(),
            reads: 0,
        }
    }

    pub(crate) fn pages(&self) -> usize {
        self.secrets.len().div_ceil(self.page_size).max(1)
    }

    /// Returns the secrets of a page, and the token of the next one.
    fn read(&mut self, token: &PageToken) -> Result<(Vec<Secret>, Option<PageToken>), ListFailure> {
        self.reads += 1;
        let number = token.as_deref().map_or(0, |text| text.parse().unwrap());
        if let Some((failure, times)) = self.failures.get_mut(&number)
            && *times > 0
        {
            *times -= 1;
            return Err(*failure);
        }
        let page = self.secrets.chunks(self.page_size).nth(number);
        let next = (number + 1 < self.pages()).then(|| (number + 1).to_string().into());
        Ok((page.unwrap_or_default().to_vec(), next))
    }
}

/// Compares all pages of the primary Region's list, as a sweep does. A new slice begins before each of
/// the pages in `slices`.
pub(crate) fn sweep(
    primary: &List,
    replicas: &mut BTreeMap<Region, List>,
    slices: &[usize],
) -> Vec<(Secret, Comparison)> {
    let first = replicas
        .keys()
        .map(|region| (region.clone(), ListPosition::FIRST));
    let page_sizes = replicas.values().map(|list| list.page_size);
    let capacity = 3 * page_sizes.chain([primary.page_size]).max().unwrap();
    let mut positions: ListPositions = first.collect();
    let mut lists = RegionalLists::new(&positions, capacity);
    let mut compared = Vec::new();
    for (number, page) in primary.secrets.chunks(primary.page_size).enumerate() {
        if slices.contains(&number) {
            let text = serde_json::to_string(&positions).unwrap();
            lists = RegionalLists::new(&serde_json::from_str(&text).unwrap(), capacity);
        }
        let comparisons = compare_page(&mut lists, page, replicas);
        compared.extend(page.iter().cloned().zip(comparisons));
        lists.finish_page(page);
        for (region, token) in lists.pages_ahead() {
            read(&mut lists, replicas, &region, token);
        }
        positions = lists.positions();
    }
    compared
}

fn compare_page(
    lists: &mut RegionalLists,
    page: &[Secret],
    replicas: &mut BTreeMap<Region, List>,
) -> Vec<Comparison> {
    loop {
        let comparisons = lists.compare(page, &POLICY, &limits(), now());
        let required = lists.required_pages(page, &comparisons);
        if required.is_empty() {
            return comparisons;
        }
        for (region, token) in required {
            read(lists, replicas, &region, token);
        }
    }
}

fn read(
    lists: &mut RegionalLists,
    replicas: &mut BTreeMap<Region, List>,
    region: &Region,
    token: PageToken,
) {
    match replicas.get_mut(region).unwrap().read(&token) {
        Ok((secrets, next)) => lists.add_page(region, token, secrets, next),
        Err(failure) => lists.add_failure(region, failure),
    }
}
