use std::collections::VecDeque;

use super::{Mark, PageToken, Start, Swept, Totals};

/// The pages of the list that are in work, and what became of the secrets on them.
///
/// A page is counted when all its secrets are done. The next slice begins with the first page that
/// is not, and leaves out those of its secrets that are; it works off again the pages that come after
/// it: what was done there is as wanted then. So each slice gets further, even if the secrets on one
/// page need more writes than a slice can make.
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
    /// How many secrets are not done.
    open: usize,
    /// The secrets that are done. Given up when all are, which is long before the page is counted if
    /// an earlier page takes its time.
    done: Vec<Mark>,
    /// What is counted of the secrets that are done.
    totals: Totals,
}

impl Pages {
    /// Begins a page with so many secrets; answers its number.
    pub(super) fn begin(&mut self, token: PageToken, secrets: usize) -> usize {
        self.in_work.push_back(PageInWork {
            token,
            open: secrets,
            done: Vec::new(),
            totals: Totals::default(),
        });
        self.count();
        self.first + self.in_work.len() - 1
    }

    /// Notes what became of a secret of a page. `None` if there was nothing to do about it.
    pub(super) fn note(&mut self, page: usize, secret: Mark, swept: Option<&Swept>) {
        let index = page.checked_sub(self.first);
        let Some(page) = index.and_then(|index| self.in_work.get_mut(index)) else {
            return;
        };
        page.note(secret, swept);
        self.count();
    }

    /// What is counted so far.
    pub(super) fn counted(&self) -> &Totals {
        &self.counted
    }

    /// What was counted, and what the next slice begins with, if something is left over. This slice
    /// has begun there.
    pub(super) fn end(mut self, begun: &Start) -> (Totals, Option<Start>) {
        let Some(page) = self.in_work.pop_front() else {
            return (self.counted, None);
        };
        self.counted.add(&page.totals);
        let mut rest = Start::of(page.token);
        rest.done.extend(page.done);
        if rest.page == begun.page {
            rest.done.extend(&begun.done);
        }
        (self.counted, Some(rest))
    }

    fn count(&mut self) {
        while let Some(page) = self.in_work.pop_front_if(|page| page.open == 0) {
            self.first += 1;
            self.counted.add(&page.totals);
        }
    }
}

impl PageInWork {
    fn note(&mut self, secret: Mark, swept: Option<&Swept>) {
        if swept.is_some_and(Swept::is_left_for_the_next_slice) {
            return;
        }
        self.totals.seen += 1;
        if let Some(swept) = swept {
            self.totals.count(&swept.end);
        }
        self.done.push(secret);
        self.open -= 1;
        if self.open == 0 {
            self.done = Vec::new();
        }
    }
}
