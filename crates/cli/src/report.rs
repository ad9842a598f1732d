//! Reads all primary Regions of all accounts, and collects what could not be read.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use secret_replicator_core::comparison::listed_regions;
use secret_replicator_core::known_regions;
use secret_replicator_core::policy::escape_control;
use secret_replicator_core::secret::{Region, Secret};
use serde::Serialize;

use crate::access::ApiError;
use crate::coverage::{Coverage, State};
use crate::options::unknown_regions;
use crate::prices::Swept;
use crate::progress::Progress;
use crate::source::{Source, Target};
use crate::survey::{Clients, ListTime, Scope, Survey};
use crate::terminal::count;

/// The number of accounts that are read concurrently.
const ACCOUNTS_AT_ONCE: usize = 4;

/// A primary Region of an account that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Unread {
    /// The account. `None` is the account of the credentials.
    pub(crate) account: Option<String>,
    /// The Region.
    pub(crate) region: Region,
    /// The error with its remediation.
    pub(crate) error: String,
}

/// What stands in the way of replicas in a Region, besides other secrets of their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Blocker {
    /// The account.
    pub(crate) account: String,
    /// The Region.
    pub(crate) region: Region,
    /// The problem.
    pub(crate) problem: String,
    /// The remediation.
    pub(crate) remediation: String,
}

/// What was read, besides the secrets.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Reading {
    /// The primary Regions.
    pub(crate) primary_regions: Vec<Region>,
    /// The start, in RFC 3339.
    pub(crate) started: String,
    /// The lists that were read.
    pub(crate) lists: Vec<ListTime>,
    /// What could not be read.
    pub(crate) unread: Vec<Unread>,
    /// The Regions of policies and tags that are not known ones.
    pub(crate) unknown_regions: BTreeSet<Region>,
    /// The sizes of the sweeps of each primary Region.
    #[serde(skip)]
    pub(crate) swept: Vec<Swept>,
    /// The secrets that could not be read. The report has them, with the error.
    #[serde(skip)]
    pub(crate) unreadable: UnreadableSecrets,
}

/// Secrets that could not be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnreadableSecrets {
    count: usize,
    /// The error of the first one, with its remediation.
    first: String,
}

/// A part of the account that a report does not have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap<'a> {
    /// The account. `None` is the account of the credentials.
    pub(crate) account: Option<&'a str>,
    /// The primary Region.
    pub(crate) primary_region: &'a Region,
    /// The Region that could not be read.
    pub(crate) region: &'a Region,
    /// The error with its remediation.
    pub(crate) error: &'a str,
}

impl Reading {
    /// Returns whether something could not be read.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.gaps().next().is_some() || self.unreadable.count > 0
    }

    /// Returns the primary Regions that could not be read, and the lists that are incomplete.
    pub(crate) fn gaps(&self) -> impl Iterator<Item = Gap<'_>> {
        let unread = self.unread.iter().map(|unread| Gap {
            account: unread.account.as_deref(),
            primary_region: &unread.region,
            region: &unread.region,
            error: &unread.error,
        });
        let lists = self.lists.iter().filter_map(|list| {
            Some(Gap {
                account: list.account.as_deref(),
                primary_region: &list.primary_region,
                region: &list.region,
                error: list.error.as_deref()?,
            })
        });
        unread.chain(lists)
    }

    /// Returns the names of the primary Regions.
    pub(crate) fn primary_regions(&self) -> String {
        let regions: Vec<&str> = self.primary_regions.iter().map(Region::as_str).collect();
        regions.join(", ")
    }

    /// Formats what could not be read, and the Regions that are not known, for standard error. Lists with the same error
    /// are named together.
    pub(crate) fn note(&self) -> String {
        let unread = self.unread.iter().map(|unread| {
            let account = unread.account.as_deref().unwrap_or("the account");
            let Unread { region, error, .. } = unread;
            format!("warning: {account} in {region} is not in the report: {error}\n")
        });
        let mut failed: BTreeMap<&str, BTreeSet<&Region>> = BTreeMap::new();
        for list in &self.lists {
            if let Some(error) = &list.error {
                failed.entry(error).or_default().insert(&list.region);
            }
        }
        let failed = failed.into_iter().map(|(error, regions)| {
            let regions: Vec<&str> = regions.into_iter().map(Region::as_str).collect();
            format!(
                "warning: the list of {} is incomplete: {error}\n",
                regions.join(", ")
            )
        });
        let unknown = unknown_regions("", &self.unknown_regions);
        let unreadable = self.unreadable.note();
        unread.chain(failed).chain([unreadable, unknown]).collect()
    }
}

/// Returns the error of a secret that could not be read.
fn error_of(coverage: &Coverage) -> Option<String> {
    let mut cells = coverage.regions.iter();
    let cell = cells.find(|cell| cell.state == State::Unreadable)?;
    cell.detail().map(str::to_owned)
}

impl UnreadableSecrets {
    fn extend(&mut self, error: Option<String>) {
        let Some(error) = error else { return };
        if self.count == 0 {
            self.first = error;
        }
        self.count += 1;
    }

    fn note(&self) -> String {
        match self.count {
            0 => String::new(),
            number => format!(
                "warning: {} could not be read: {}\n",
                count(number, "secret"),
                escape_control(&self.first)
            ),
        }
    }
}

/// The numbers of secrets in one primary Region.
#[derive(Default)]
struct Numbers {
    listed: u64,
    covered: u64,
}

/// Reads all secrets of the source. Calls `on_secret` for each, which returns whether the report has it.
///
/// # Errors
/// Nothing could be read, and there is only one account.
pub(crate) async fn read(
    source: &Source,
    scope: Scope<'_>,
    on_secret: impl Fn(&Secret, Coverage) -> bool,
) -> Result<Reading> {
    let started: DateTime<Utc> = Utc::now();
    let progress = Progress::start();
    let accounts = source.targets.iter();
    let unknown = RefCell::new(BTreeSet::new());
    let unreadable = RefCell::new(UnreadableSecrets::default());
    let on_secret = |secret: &Secret, coverage: Coverage| {
        unknown.borrow_mut().extend(unknown_in(&coverage));
        let error = error_of(&coverage);
        if on_secret(secret, coverage) {
            unreadable.borrow_mut().extend(error);
        }
    };
    let accounts = accounts.map(|target| account(source, target, scope, &progress, &on_secret));
    let results: Vec<_> = stream::iter(accounts)
        .buffer_unordered(ACCOUNTS_AT_ONCE)
        .collect()
        .await;
    progress.end();
    let mut reading = Reading {
        primary_regions: source.regions.clone(),
        started: started.to_rfc3339_opts(SecondsFormat::Secs, true),
        lists: Vec::new(),
        unread: Vec::new(),
        unknown_regions: &unknown.into_inner() - &source.named_regions,
        swept: Vec::new(),
        unreadable: unreadable.into_inner(),
    };
    let mut first_error = None;
    for (target, region, result) in results.into_iter().flatten() {
        match result {
            Ok((lists, swept)) => {
                reading.swept.push(swept);
                reading.lists.extend(lists.into_iter().map(|list| ListTime {
                    account: target.account.clone(),
                    ..list
                }));
            }
            Err(error) => {
                reading.unread.push(Unread {
                    account: target.account.clone(),
                    region: region.clone(),
                    error: error.to_string(),
                });
                first_error.get_or_insert(error);
            }
        }
    }
    let key = |unread: &Unread| (unread.account.clone(), unread.region.clone());
    reading.unread.sort_by_key(key);
    match first_error {
        Some(error) if reading.swept.is_empty() && source.targets.len() == 1 => Err(error.into()),
        _ => Ok(reading),
    }
}

/// Returns the Regions of a secret that are not known ones.
fn unknown_in(coverage: &Coverage) -> impl Iterator<Item = Region> {
    let regions = coverage
        .regions
        .iter()
        .filter_map(|cell| cell.region.as_deref());
    let regions = regions.filter_map(|region| Region::parse(region).ok());
    regions.filter(|region| !known_regions::is_known(region))
}

type RegionResult<'a> = (
    &'a Target,
    &'a Region,
    Result<(Vec<ListTime>, Swept), ApiError>,
);

/// Reads the primary Regions of one account.
async fn account<'a>(
    source: &'a Source,
    target: &'a Target,
    scope: Scope<'_>,
    progress: &Progress,
    on_secret: &impl Fn(&Secret, Coverage),
) -> Vec<RegionResult<'a>> {
    let clients = Clients::new(target.access.clone());
    let surveys = source.regions.iter().map(|region| {
        let survey = Survey {
            clients: &clients,
            primary_region: region,
            scope,
            progress,
        };
        async move {
            let numbers = RefCell::new(Numbers::default());
            let counted = |secret: &Secret, coverage: Coverage| {
                let mut numbers = numbers.borrow_mut();
                numbers.listed += 1;
                numbers.covered += u64::from(coverage.is_covered());
                drop(numbers);
                on_secret(secret, coverage);
            };
            let lists = survey.run(counted).await;
            let compared = listed_regions(scope.policy, scope.limits, region);
            let numbers = numbers.into_inner();
            let swept = Swept {
                listed: numbers.listed,
                covered: numbers.covered,
                regions: compared.map_or(0, |regions| regions.len() as u64),
            };
            (target, region, lists.map(|lists| (lists, swept)))
        }
    });
    join_all(surveys).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_cannot_be_read_is_a_finding() {
        let region = Region::parse("us-east-1").unwrap();
        let mut reading = Reading {
            primary_regions: vec![region.clone()],
            started: String::new(),
            lists: Vec::new(),
            unread: Vec::new(),
            unknown_regions: BTreeSet::new(),
            swept: Vec::new(),
            unreadable: UnreadableSecrets::default(),
        };
        assert!(!reading.is_incomplete());
        assert_eq!(reading.note(), "");
        reading.unread.push(Unread {
            account: Some("111111111111".to_owned()),
            region,
            error: "sts:AssumeRole failed".to_owned(),
        });
        assert!(reading.is_incomplete());
        assert_eq!(
            reading.note(),
            "warning: 111111111111 in us-east-1 is not in the report: sts:AssumeRole failed\n"
        );
    }
}
