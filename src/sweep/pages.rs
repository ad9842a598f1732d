use std::collections::{BTreeSet, VecDeque};

use super::{PageToken, Start, Swept, Totals};

/// The pages of the list that are in work, and what became of the secrets on them.
///
/// A page is counted when all its secrets are done. The next slice begins with the first page that
/// is not, and with those of its secrets that are left over; it works off again the pages that come
/// after it: what was done there is as wanted then. So each slice gets further, even if the secrets
/// on one page need more writes than a slice can make.
#[derive(Debug, Default)]
pub(super) struct Pages {
    counted: Totals,
    /// The number of the first page in work.
    first: usize,
    in_work: VecDeque<PageInWork>,
}

#[derive(Debug)]
struct PageInWork {
    token: PageToken,
    secrets: usize,
    done: usize,
    /// What is counted of the secrets that are done.
    totals: Totals,
    left_over: BTreeSet<String>,
}

impl Pages {
    /// Begins a page with so many secrets; answers its number.
    pub(super) fn begin(&mut self, token: PageToken, secrets: usize) -> usize {
        self.in_work.push_back(PageInWork {
            token,
            secrets,
            done: 0,
            totals: Totals::default(),
            left_over: BTreeSet::new(),
        });
        self.count();
        self.first + self.in_work.len() - 1
    }

    /// Notes what became of a secret of a page. `None` if there was nothing to do about it.
    pub(super) fn note(&mut self, page: usize, swept: Option<&Swept>) {
        let index = page.checked_sub(self.first);
        let Some(page) = index.and_then(|index| self.in_work.get_mut(index)) else {
            return;
        };
        page.note(swept);
        self.count();
    }

    /// What is counted so far.
    pub(super) fn counted(&self) -> &Totals {
        &self.counted
    }

    /// What was counted, and what the next slice begins with, if something is left over.
    pub(super) fn end(mut self) -> (Totals, Option<Start>) {
        let Some(page) = self.in_work.pop_front() else {
            return (self.counted, None);
        };
        self.counted.add(&page.totals);
        let rest = Start {
            page: page.token,
            left_over: Some(page.left_over),
        };
        (self.counted, Some(rest))
    }

    fn count(&mut self) {
        while let Some(page) = self.in_work.pop_front_if(|page| page.is_done()) {
            self.first += 1;
            self.counted.add(&page.totals);
        }
    }
}

impl PageInWork {
    fn note(&mut self, swept: Option<&Swept>) {
        if let Some(swept) = swept.filter(|swept| swept.is_left_for_the_next_slice()) {
            self.left_over.insert(swept.id.to_string());
            return;
        }
        self.done += 1;
        self.totals.seen += 1;
        if let Some(swept) = swept {
            self.totals.count(&swept.end);
        }
    }

    fn is_done(&self) -> bool {
        self.done == self.secrets
    }
}
