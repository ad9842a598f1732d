//! The state of a sweep between two slices: its position in the list and its totals.

mod token;
mod totals;

pub(crate) use token::MAX_RESTARTS;
pub use token::{InvalidToken, PageToken, SecretHash, Start, Token};
pub use totals::{RegionTotals, Totals};
