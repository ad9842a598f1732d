use std::collections::BTreeMap;

use serde::Serialize;

use super::Kind;
use super::mark::{Mark, Tone};
use super::totals::region;
use crate::coverage::{Cell, Change, Coverage};

/// The rows of a page under construction. Equal values are stored once, because most cells are equal.
#[derive(Debug, Default)]
pub(super) struct Matrix {
    homes: Distinct<Home>,
    rules: Distinct<Box<[String]>>,
    regions: Distinct<String>,
    cells: Distinct<Content>,
    secrets: Vec<Row>,
}

/// The rows of a page, as its script reads them. Numbers refer to the position in another list.
#[derive(Debug, Serialize)]
pub(super) struct Data {
    marks: Vec<MarkView>,
    homes: Vec<Home>,
    rules: Vec<Box<[String]>>,
    regions: Vec<String>,
    cells: Vec<Content>,
    secrets: Vec<Row>,
}

/// A mark with all that the script shows of it.
#[derive(Debug, Serialize)]
struct MarkView {
    label: String,
    symbol: &'static str,
    tone: Tone,
    meaning: String,
    problem: bool,
}

/// An account and a primary Region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Home {
    account: String,
    region: String,
    /// The ARN of each secret, up to the name.
    arn: String,
}

/// One secret: home, name, the part of the ARN after the name, rules, and the Regions with their cells. A Region
/// is `None` for the secret as a whole.
#[derive(Debug, Serialize)]
struct Row(usize, String, String, usize, Vec<(Option<usize>, usize)>);

/// What a cell shows, apart from its secret and its Region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Content {
    mark: usize,
    state: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Change>,
    /// Whether the change would fail.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    blocked: bool,
    verified: bool,
    /// A token of a tag that is not a Region.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remediation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl Matrix {
    /// Adds a secret.
    pub(super) fn add(&mut self, kind: Kind, coverage: &Coverage) {
        let (prefix, suffix) = split(coverage.arn.as_str(), &coverage.name);
        let home = self.homes.position(Home {
            account: coverage.account().to_owned(),
            region: coverage.primary_region().to_string(),
            arn: prefix.to_owned(),
        });
        let rules = self.rules.position(Box::from(&*coverage.rules));
        let cells = coverage.regions.iter().map(|cell| {
            let region = region(cell).map(|region| self.regions.position(region));
            (region, self.cells.position(Content::of(kind, cell)))
        });
        let cells = cells.collect();
        let name = coverage.name.clone();
        self.secrets
            .push(Row(home, name, suffix.to_owned(), rules, cells));
    }

    /// Returns the rows, sorted by account, primary Region and name.
    pub(super) fn finish(self) -> Data {
        let homes = self.homes.into_values();
        let mut secrets = self.secrets;
        secrets.sort_by(|one, other| {
            let homes = homes.get(one.0).cmp(&homes.get(other.0));
            homes.then_with(|| (&one.1, &one.2).cmp(&(&other.1, &other.2)))
        });
        Data {
            marks: Mark::all().iter().copied().map(MarkView::from).collect(),
            homes,
            rules: self.rules.into_values(),
            regions: self.regions.into_values(),
            cells: self.cells.into_values(),
            secrets,
        }
    }
}

impl Content {
    fn of(kind: Kind, cell: &Cell) -> Self {
        let position = |mark| Mark::all().iter().position(|found| *found == mark);
        Self {
            mark: position(Mark::of(kind, cell)).unwrap_or_default(),
            state: position(Mark::State(cell.state)).unwrap_or_default(),
            change: cell.dry_run.change(),
            blocked: cell.is_name_taken(),
            verified: cell.verified,
            token: cell.region.clone().filter(|_| region(cell).is_none()),
            reason: cell.reason,
            detail: cell.detail().map(str::to_owned),
            remediation: cell.remediation().map(str::to_owned),
            key: cell.kms_key().map(str::to_owned),
        }
    }
}

impl From<Mark> for MarkView {
    fn from(mark: Mark) -> Self {
        Self {
            label: mark.label(),
            symbol: mark.symbol(),
            tone: mark.tone(),
            meaning: mark.meaning(),
            problem: mark.is_problem(),
        }
    }
}

/// Returns the parts of an ARN before and after the name. The ARN is the second part if it does not contain the
/// name.
fn split<'a>(arn: &'a str, name: &str) -> (&'a str, &'a str) {
    let resource = arn
        .find(SECRET)
        .map(|start| arn.split_at(start + SECRET.len()));
    resource
        .and_then(|(prefix, resource)| Some((prefix, resource.strip_prefix(name)?)))
        .unwrap_or(("", arn))
}

/// The text before the name in an ARN.
const SECRET: &str = ":secret:";

/// Distinct values with their positions.
#[derive(Debug)]
struct Distinct<T>(BTreeMap<T, usize>);

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Ord> Distinct<T> {
    fn position(&mut self, value: T) -> usize {
        let next = self.0.len();
        *self.0.entry(value).or_insert(next)
    }

    fn into_values(self) -> Vec<T> {
        let mut values: Vec<(T, usize)> = self.0.into_iter().collect();
        values.sort_unstable_by_key(|(_, position)| *position);
        values.into_iter().map(|(value, _)| value).collect()
    }
}
