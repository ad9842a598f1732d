use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::content::Shown;
use super::name_order::NameOrder;
use crate::secret::Secret;
use crate::sweep::{MAX_RESTARTS, PageToken};

/// The position in a Region's list, between two slices of a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListPosition {
    /// The first page that may be needed again. `None` after the last page.
    pub page: Option<PageToken>,
    /// The number of times that the list was read from its beginning again.
    pub restarts: u8,
}

impl ListPosition {
    /// The beginning of a list.
    pub const FIRST: Self = Self {
        page: Some(PageToken::FIRST),
        restarts: 0,
    };
}

/// Why AWS did not return a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListFailure {
    /// AWS refused the token of the page: the list must be read from its beginning again.
    TokenRefused,
    /// Any other error.
    Unreadable,
}

/// The pages of a Region's list that are in memory, in the order of the list.
#[derive(Debug)]
pub(super) struct RegionalList {
    pages: VecDeque<Page>,
    /// The number of secrets in memory from which no further page is read.
    capacity: usize,
    next: Next,
    restarts: u8,
}

/// The part of the list after the pages in memory.
#[derive(Debug)]
enum Next {
    Page(PageToken),
    End,
    /// AWS did not return this page. A later slice tries again, unless the list was restarted too often.
    Unreadable(PageToken),
}

#[derive(Debug)]
struct Page {
    token: PageToken,
    /// The replicas by the last part of their ARN.
    secrets: HashMap<String, Secret>,
    /// The key of the last replica.
    last: Option<String>,
    /// Whether a finished page of the primary Region's list contains one of these secrets.
    is_reached: bool,
}

impl RegionalList {
    pub(super) fn new(position: &ListPosition, capacity: usize) -> Self {
        let next = match &position.page {
            Some(page) if position.restarts > MAX_RESTARTS => Next::Unreadable(page.clone()),
            Some(page) => Next::Page(page.clone()),
            None => Next::End,
        };
        Self {
            pages: VecDeque::new(),
            capacity,
            next,
            restarts: position.restarts,
        }
    }

    pub(super) fn find(&self, resource: &str) -> Shown<'_> {
        // A secret that changes while the list is read can be on two pages. The newer page counts.
        let mut newest_first = self.pages.iter().rev();
        match newest_first.find_map(|page| page.secrets.get(resource)) {
            Some(secret) => Shown::Replica(secret),
            None if matches!(self.next, Next::Unreadable(_)) => Shown::Unreadable,
            None => Shown::Nothing,
        }
    }

    /// Returns the replica of a secret, or another secret of the same name, if the pages in memory have one.
    pub(super) fn find_named(&self, secret: &Secret) -> Option<&Secret> {
        if let Shown::Replica(replica) = self.find(secret.arn.resource()) {
            return Some(replica);
        }
        let mut newest_first = self.pages.iter().rev();
        newest_first.find_map(|page| {
            page.secrets
                .values()
                .find(|other| other.name == secret.name)
        })
    }

    /// Returns the next page, if the page of the primary Region's list needs it and there is memory for it.
    pub(super) fn required_page(
        &mut self,
        primary: &[Secret],
        is_missing: bool,
        order: &NameOrder,
    ) -> Option<PageToken> {
        if !is_missing && !self.is_behind(primary, order) {
            return None;
        }
        if !self.has_room()
            && let Some(first) = primary.first()
        {
            let is_passed = |page: &mut Page| page.precedes(first, order);
            while self.pages.pop_front_if(is_passed).is_some() {}
        }
        self.next_page()
    }

    /// Returns whether the primary Region's list reaches beyond the pages in memory. The secrets of the
    /// page decide it in any collation. A stranded replica, which the primary Region's list lacks, is
    /// compared in the order of the primary Region's list.
    fn is_behind(&self, primary: &[Secret], order: &NameOrder) -> bool {
        let Some(page) = self.pages.back() else {
            return true;
        };
        let (Some(last), Some(end)) = (page.last(), primary.last()) else {
            return page.secrets.is_empty();
        };
        let is_listed = |secret: &Secret| secret.arn.resource() == last.arn.resource();
        primary.iter().any(is_listed) || order.precedes(&last.name, &end.name)
    }

    /// Returns the next page, if there is one and memory for it.
    fn next_page(&self) -> Option<PageToken> {
        match &self.next {
            Next::Page(token) if self.has_room() => Some(token.clone()),
            _ => None,
        }
    }

    fn has_room(&self) -> bool {
        let secrets: usize = self.pages.iter().map(|page| page.secrets.len()).sum();
        secrets < self.capacity
    }

    /// Drops the pages before the last one with a secret of this page of the primary Region's list: in
    /// equal orders, the primary Region's list has passed them.
    pub(super) fn finish_page(&mut self, primary: &[Secret]) {
        let reaches = |page: &Page| {
            let mut secrets = primary.iter();
            secrets.any(|secret| page.secrets.contains_key(secret.arn.resource()))
        };
        if let Some(reached) = self.pages.iter().rposition(reaches) {
            self.pages.drain(..reached);
        }
        for page in &mut self.pages {
            page.is_reached = page.is_reached || reaches(page);
        }
    }

    /// Returns the next page if the primary Region's list has reached the last page in memory.
    pub(super) fn page_ahead(&self) -> Option<PageToken> {
        let is_reached = self.pages.back().is_none_or(|page| page.is_reached);
        is_reached.then(|| self.next_page()).flatten()
    }

    pub(super) fn add_page(
        &mut self,
        token: PageToken,
        secrets: Vec<Secret>,
        next: Option<PageToken>,
    ) {
        self.next = next.map_or(Next::End, Next::Page);
        // A page on which the filter leaves nothing.
        if secrets.is_empty() && !self.pages.is_empty() {
            return;
        }
        let resource = |secret: &Secret| secret.arn.resource().to_owned();
        self.pages.push_back(Page {
            token,
            last: secrets.last().map(resource),
            secrets: secrets
                .into_iter()
                .map(|secret| (resource(&secret), secret))
                .collect(),
            is_reached: false,
        });
    }

    pub(super) fn add_failure(&mut self, failure: ListFailure) {
        let Next::Page(token) = &self.next else {
            return;
        };
        if failure == ListFailure::TokenRefused {
            self.restarts = self.restarts.saturating_add(1);
            if self.restarts <= MAX_RESTARTS {
                self.pages.clear();
                self.next = Next::Page(PageToken::FIRST);
                return;
            }
        }
        self.next = Next::Unreadable(token.clone());
    }

    pub(super) fn position(&self) -> ListPosition {
        let in_memory = self.pages.front().map(|page| &page.token);
        let next = match &self.next {
            Next::Page(token) | Next::Unreadable(token) => Some(token),
            Next::End => None,
        };
        ListPosition {
            page: in_memory.or(next).cloned(),
            restarts: self.restarts,
        }
    }
}

impl Page {
    fn last(&self) -> Option<&Secret> {
        self.secrets.get(self.last.as_deref()?)
    }

    /// Returns whether all secrets of the page precede a secret of the primary Region.
    fn precedes(&self, primary: &Secret, order: &NameOrder) -> bool {
        let mut secrets = self.secrets.values();
        secrets.all(|secret| order.precedes(&secret.name, &primary.name))
    }
}
