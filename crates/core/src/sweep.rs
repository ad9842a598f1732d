//! The state of a sweep between two slices: its position in the list and its totals.

mod token;
mod totals;

pub use token::{InvalidToken, PageToken, SecretHash, Start, Token};
pub use totals::{RegionTotals, Totals};
