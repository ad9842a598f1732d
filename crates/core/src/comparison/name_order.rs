use std::cmp::Ordering;

use crate::secret::Secret;

/// The order of the names in the primary Region's list, as far as it has been read. AWS does not document
/// the collation.
#[derive(Clone, Debug)]
pub(super) struct NameOrder {
    by_bytes: bool,
    ignoring_case: bool,
    last: String,
}

impl NameOrder {
    /// The order of an empty list.
    pub(super) const UNKNOWN: Self = Self {
        by_bytes: true,
        ignoring_case: true,
        last: String::new(),
    };

    /// Returns the order of the list with another page.
    pub(super) fn with_page(&self, page: &[Secret]) -> Self {
        let last = [self.last.as_str()].into_iter();
        let names = last.chain(page.iter().map(|secret| secret.name.as_str()));
        let is_sorted =
            |is_ordered: fn(&&str, &&str) -> bool| names.clone().is_sorted_by(is_ordered);
        Self {
            by_bytes: self.by_bytes && is_sorted(|one, other| one <= other),
            ignoring_case: self.ignoring_case
                && is_sorted(|one, other| ignoring_case(one, other).is_le()),
            last: names.clone().last().unwrap_or_default().to_owned(),
        }
    }

    /// Returns whether a name precedes another in each order that fits the list. No name does if no known
    /// order fits.
    pub(super) fn precedes(&self, one: &str, other: &str) -> bool {
        let is_known = self.by_bytes || self.ignoring_case;
        is_known
            && (!self.by_bytes || one < other)
            && (!self.ignoring_case || ignoring_case(one, other).is_lt())
    }
}

fn ignoring_case(one: &str, other: &str) -> Ordering {
    let folded = |byte: u8| byte.to_ascii_lowercase();
    one.bytes().map(folded).cmp(other.bytes().map(folded))
}
