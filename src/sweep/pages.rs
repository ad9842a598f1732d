use std::collections::VecDeque;

use super::{PageToken, Swept, Totals};

/// The pages of the list that are in work, and what became of the secrets on them.
///
/// A page is counted when all its secrets are done. The next slice begins with the first page that
/// is not, and runs it again: what was done there is as wanted then.
#[derive(Debug, Default)]
pub(super) struct Pages {
    counted: Totals,
    /// How many pages were counted, and so the number of the first one in work.
    first: usize,
    in_work: VecDeque<PageInWork>,
}

#[derive(Debug)]
struct PageInWork {
    token: PageToken,
    secrets: usize,
    done: usize,
    has_left_over: bool,
    totals: Totals,
}

impl Pages {
    /// Takes a page into work, and gives it a number.
    pub(super) fn begin(&mut self, token: PageToken, secrets: usize) -> usize {
        self.in_work.push_back(PageInWork {
            token,
            secrets,
            done: 0,
            has_left_over: false,
            totals: Totals::default(),
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
        page.done += 1;
        page.totals.seen += 1;
        if let Some(swept) = swept {
            page.has_left_over |= swept.is_left_for_the_next_slice();
            page.totals.count(&swept.end);
        }
        self.count();
    }

    /// What was counted so far.
    pub(super) fn counted(&self) -> &Totals {
        &self.counted
    }

    /// What was counted, and the token of the first page that was not, if there is one.
    pub(super) fn end(mut self) -> (Totals, Option<PageToken>) {
        let rest = self.in_work.pop_front().map(|page| page.token);
        (self.counted, rest)
    }

    fn count(&mut self) {
        let is_done = |page: &mut PageInWork| page.done == page.secrets && !page.has_left_over;
        while let Some(page) = self.in_work.pop_front_if(is_done) {
            self.first += 1;
            self.counted.add(&page.totals);
        }
    }
}
