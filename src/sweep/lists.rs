//! The lists of a sweep: the primary Region's, and those of the replica Regions beside it.

use std::collections::{BTreeSet, VecDeque};

use chrono::{DateTime, Utc};
use secret_replicator_aws::{CallError, Page};
use secret_replicator_core::comparison::{Comparison, ListFailure, ListPositions, RegionalLists};
use secret_replicator_core::secret::{Region, Secret};
use secret_replicator_core::sweep::{PageToken, Start};

use super::Listed;
use crate::reconcile::Reconciler;

/// The number of secrets of one replica Region's list in memory: four pages.
const CAPACITY: usize = 400;

/// The maximum number of pages of the primary Region's list that wait for the other lists.
const MAX_WAITING: usize = 2;

/// A page of a list to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PageRead {
    /// The replica Region. `None` for the primary Region.
    pub(super) region: Option<Region>,
    /// The token of the page.
    pub(super) token: PageToken,
}

/// A page of the primary Region's list.
#[derive(Debug)]
pub(super) struct ListedPage {
    /// The token of the page.
    pub(super) token: PageToken,
    /// The positions in the other lists from which the page can be compared again.
    pub(super) positions: Option<ListPositions>,
    /// The secrets, each with the result of the comparison. `None` if it was not compared.
    pub(super) secrets: Vec<(Listed, Option<Comparison>)>,
}

/// The end of the lists in a slice.
#[derive(Debug)]
pub(super) enum ListEnd {
    /// After the last page.
    Complete,
    /// Before this page.
    Before(PageToken, Option<ListPositions>),
    /// Before this page, which AWS did not return.
    Failed(PageToken, Option<ListPositions>, CallError),
}

/// The lists of a slice.
#[derive(Debug)]
pub(super) struct Lists {
    next: Next,
    /// The pages of the primary Region's list that are not compared yet.
    waiting: VecDeque<WaitingPage>,
    /// The lists of the replica Regions. `None` if every covered secret is described.
    regional: Option<RegionalLists>,
    /// The pages without which the first waiting page cannot be compared.
    required: Vec<(Region, PageToken)>,
    /// The lists of which a page is being read. `None` is the primary Region's.
    reading: BTreeSet<Option<Region>>,
}

/// The part of the primary Region's list that was not read.
#[derive(Debug)]
enum Next {
    Page(PageToken),
    End,
    /// AWS did not return this page.
    Failed(PageToken, CallError),
}

#[derive(Debug)]
struct WaitingPage {
    token: PageToken,
    secrets: Vec<Secret>,
    unreadable: Vec<Listed>,
}

impl Lists {
    /// Starts at a position.
    pub(super) fn new(begun: &Start) -> Self {
        let regional = begun.lists.as_ref();
        Self {
            next: Next::Page(begun.page.clone()),
            waiting: VecDeque::new(),
            regional: regional.map(|positions| RegionalLists::new(positions, CAPACITY)),
            required: Vec::new(),
            reading: BTreeSet::new(),
        }
    }

    /// Returns the pages to read now, at most one of each list at a time.
    pub(super) fn reads(&mut self) -> Vec<PageRead> {
        let primary = match &self.next {
            Next::Page(token) if self.waiting.len() < MAX_WAITING => Some(PageRead {
                region: None,
                token: token.clone(),
            }),
            _ => None,
        };
        let ahead = self.regional.as_ref().map(RegionalLists::pages_ahead);
        let regional = self
            .required
            .iter()
            .cloned()
            .chain(ahead.into_iter().flatten());
        let regional = regional.map(|(region, token)| PageRead {
            region: Some(region),
            token,
        });
        let mut reads: Vec<PageRead> = primary.into_iter().chain(regional).collect();
        reads.retain(|read| self.reading.insert(read.region.clone()));
        reads
    }

    /// Adds the result of a read.
    pub(super) fn add(&mut self, read: PageRead, result: Result<Page, CallError>) {
        self.reading.remove(&read.region);
        match read.region {
            None => self.add_primary(read.token, result),
            Some(region) => self.add_regional(&region, read.token, result),
        }
    }

    /// Notes that there was no time for a read.
    pub(super) fn abandon(&mut self, read: &PageRead) {
        self.reading.remove(&read.region);
    }

    fn add_primary(&mut self, token: PageToken, result: Result<Page, CallError>) {
        let page = match result {
            Ok(page) => page,
            Err(error) => {
                self.next = Next::Failed(token, error);
                return;
            }
        };
        let (mut secrets, mut unreadable) = (Vec::new(), Vec::new());
        for listed in page.secrets {
            match listed {
                Ok(secret) => secrets.push(secret),
                Err(entry) => unreadable.push(Err(entry)),
            }
        }
        self.waiting.push_back(WaitingPage {
            token,
            secrets,
            unreadable,
        });
        let next = page.next_token.map(PageToken::from);
        self.next = next.map_or(Next::End, Next::Page);
    }

    fn add_regional(&mut self, region: &Region, token: PageToken, result: Result<Page, CallError>) {
        self.required.clear();
        let Some(lists) = &mut self.regional else {
            return;
        };
        match result {
            Ok(page) => {
                // A secret without a readable entry is not shown, so it is described.
                let secrets = page.secrets.into_iter().filter_map(Result::ok).collect();
                lists.add_page(region, token, secrets, page.next_token.map(PageToken::from));
            }
            Err(error) if error.is_invalid_token() => {
                tracing::warn!(%region, %error, "ListSecrets refused its token; the list is read again");
                lists.add_failure(region, ListFailure::TokenRefused);
            }
            Err(error) => {
                tracing::warn!(%region, %error, "ListSecrets failed; the Region's secrets are described");
                lists.add_failure(region, ListFailure::Unreadable);
            }
        }
    }

    /// Takes the next page of the primary Region's list, if the other lists do not need to be read further.
    pub(super) fn next_page(
        &mut self,
        reconciler: &Reconciler,
        now: DateTime<Utc>,
    ) -> Option<ListedPage> {
        let page = self.waiting.front().filter(|_| self.required.is_empty())?;
        let Some(lists) = &mut self.regional else {
            return self.waiting.pop_front().map(WaitingPage::uncompared);
        };
        let comparisons = lists.compare(&page.secrets, &reconciler.policy, &reconciler.limits, now);
        self.required = lists.required_pages(&page.secrets, &comparisons);
        if !self.required.is_empty() {
            return None;
        }
        let positions = lists.positions();
        lists.finish_page(&page.secrets);
        let page = self.waiting.pop_front()?;
        Some(page.compared(positions, comparisons))
    }

    /// Returns where the lists ended.
    pub(super) fn end(self) -> ListEnd {
        let positions = self.regional.as_ref().map(RegionalLists::positions);
        match (self.waiting.front(), self.next) {
            (Some(page), _) => ListEnd::Before(page.token.clone(), positions),
            (None, Next::Page(token)) => ListEnd::Before(token, positions),
            (None, Next::Failed(token, error)) => ListEnd::Failed(token, positions, error),
            (None, Next::End) => ListEnd::Complete,
        }
    }
}

impl WaitingPage {
    fn uncompared(self) -> ListedPage {
        let secrets = self.secrets.into_iter().map(Ok).chain(self.unreadable);
        ListedPage {
            token: self.token,
            positions: None,
            secrets: secrets.map(|listed| (listed, None)).collect(),
        }
    }

    fn compared(self, positions: ListPositions, comparisons: Vec<Comparison>) -> ListedPage {
        let secrets = self.secrets.into_iter().map(Ok);
        let secrets = secrets.zip(comparisons.into_iter().map(Some));
        let unreadable = self.unreadable.into_iter().map(|listed| (listed, None));
        ListedPage {
            token: self.token,
            positions: Some(positions),
            secrets: secrets.chain(unreadable).collect(),
        }
    }
}
