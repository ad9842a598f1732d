use std::collections::BTreeMap;
use std::io::{self, Write};

use askama::Template;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secret_replicator_core::limits::AllowedRegions;
use secret_replicator_core::secret::Region;
use sha2::{Digest, Sha256};

use super::format::{counted, grouped, minutes, named, percent, seconds};
use super::mark::Mark;
use super::matrix::Data;
use super::totals::{Problem, Totals};
use super::{Facts, Kind};
use crate::remedies::Remedy;
use crate::report::Unread;

const STYLE: &str = include_str!("../../templates/report.css");
const SCRIPT: &str = include_str!("../../templates/report.js");

/// The values of the template.
#[derive(Template)]
#[template(path = "report.html")]
pub(super) struct Document<'a> {
    title: &'static str,
    policy: String,
    style: &'static str,
    script: &'static str,
    version: &'static str,
    facts: &'a Facts<'a>,
    accounts: String,
    primary_regions: String,
    allowed_regions: String,
    started: String,
    tiles: Vec<Tile>,
    costs: Vec<(&'static str, String, String)>,
    marks: Vec<(Mark, String)>,
    regions: Vec<(String, Vec<String>)>,
    problems: Vec<ProblemView<'a>>,
    lists: Vec<ListView<'a>>,
    lists_title: String,
    secrets: String,
    data: Data,
}

/// A large number with its meaning.
struct Tile {
    value: String,
    label: String,
    class: &'static str,
}

/// A reason with the Regions where it stands in the way.
struct ProblemView<'a> {
    mark: Mark,
    reason: &'static str,
    regions: String,
    secrets: String,
    remediation: &'a str,
    /// The secret of the remediation, if it is not that of all.
    example: &'a str,
}

/// A list of secrets that was read.
struct ListView<'a> {
    account: &'a str,
    primary_region: &'a Region,
    region: &'a Region,
    started: String,
    ended: String,
    error: &'a str,
}

impl<'a> Document<'a> {
    pub(super) fn new(kind: Kind, facts: &'a Facts<'a>, totals: &'a Totals, data: Data) -> Self {
        let lists = lists(facts);
        Self {
            title: match kind {
                Kind::Plan => "Secret replication plan",
                Kind::Status => "Secret replication status",
                Kind::Drill => "Secret failover drill",
            },
            policy: content_security_policy(),
            style: STYLE,
            script: SCRIPT,
            version: env!("CARGO_PKG_VERSION"),
            accounts: accounts(facts, totals),
            primary_regions: named(facts.reading.primary_regions.iter().map(Region::to_string)),
            allowed_regions: allowed_regions(&facts.limits.allowed_regions),
            started: minutes(&facts.reading.started),
            tiles: match kind {
                Kind::Plan => plan_tiles(facts, totals),
                Kind::Status | Kind::Drill => status_tiles(facts, totals),
            },
            costs: costs(facts),
            marks: totals
                .marks
                .iter()
                .map(|(mark, number)| (*mark, grouped(*number)))
                .collect(),
            regions: regions(totals),
            problems: totals.problems.iter().map(problem).collect(),
            lists_title: lists_title(facts),
            lists,
            secrets: counted(totals.secrets, "secret"),
            facts,
            data,
        }
    }

    /// Writes the page.
    ///
    /// # Errors
    /// The writer fails.
    pub(super) fn write(&self, mut to: &mut dyn Write) -> io::Result<()> {
        self.write_into(&mut to)
    }
}

/// Returns whether a text is a page of this or of another version.
pub(super) fn is_page(text: &str) -> bool {
    text.starts_with("<!doctype html>") && text.contains("content=\"secret-replicator ")
}

/// Returns a policy that allows nothing but the style sheet and the script of the page, and no request.
fn content_security_policy() -> String {
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; \
         form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn status_tiles(facts: &Facts<'_>, totals: &Totals) -> Vec<Tile> {
    let problems = totals.count(Mark::is_problem);
    let mut tiles = Vec::new();
    // The part of a selection says nothing about the account.
    if facts.selection.is_none() && totals.wanted > 0 {
        tiles.push(Tile {
            value: percent(totals.in_sync, totals.wanted),
            label: format!(
                "{} of {} in sync",
                grouped(totals.in_sync),
                counted(totals.wanted, "wanted replica")
            ),
            class: if totals.in_sync == totals.wanted {
                "good"
            } else {
                "warning"
            },
        });
        tiles.push(Tile {
            value: grouped(totals.verified),
            label: "verified by the version in the Region".to_owned(),
            class: "quiet",
        });
    }
    tiles.push(problem_tile(problems));
    tiles.push(coverage_tile(totals));
    tiles
}

fn plan_tiles(facts: &Facts<'_>, totals: &Totals) -> Vec<Tile> {
    let changes = totals.count(|mark| matches!(mark, Mark::Change(_)));
    let mut tiles = vec![
        Tile {
            value: grouped(changes),
            label: "replicas to change".to_owned(),
            class: if changes == 0 { "good" } else { "change" },
        },
        problem_tile(totals.count(Mark::is_problem)),
        Tile {
            value: grouped(totals.covered),
            label: "secrets that the policy covers".to_owned(),
            class: "quiet",
        },
    ];
    tiles.extend(facts.cost.map(|cost| Tile {
        value: format!("{:+.2}", cost.difference),
        label: "USD per month for replicas".to_owned(),
        class: "quiet",
    }));
    tiles
}

fn problem_tile(problems: u64) -> Tile {
    Tile {
        value: grouped(problems),
        label: "differences that need attention".to_owned(),
        class: if problems == 0 { "good" } else { "bad" },
    }
}

fn coverage_tile(totals: &Totals) -> Tile {
    Tile {
        value: grouped(totals.covered),
        label: format!("of {} covered", counted(totals.secrets, "secret")),
        class: "quiet",
    }
}

/// Returns the costs of a plan: what, USD per month, and the basis.
fn costs(facts: &Facts<'_>) -> Vec<(&'static str, String, String)> {
    let Some(cost) = facts.cost else {
        return Vec::new();
    };
    let replicas = |number| counted(number, "replica");
    vec![
        (
            "Today",
            format!("{:.2}", cost.today),
            replicas(cost.replicas_today),
        ),
        (
            "After the changes",
            format!("{:.2}", cost.after),
            replicas(cost.replicas_after),
        ),
        (
            "Difference",
            format!("{:+.2}", cost.difference),
            String::new(),
        ),
        (
            "Calls of sweeps",
            format!("{:.2}", cost.sweeps),
            "when the function is deployed".to_owned(),
        ),
    ]
}

/// Returns the numbers of each Region, in the order of `Totals::marks`.
fn regions(totals: &Totals) -> Vec<(String, Vec<String>)> {
    let row = |(region, counts): (&Option<String>, &BTreeMap<Mark, u64>)| {
        let numbers = totals.marks.keys().map(|mark| match counts.get(mark) {
            Some(number) => grouped(*number),
            None => "–".to_owned(),
        });
        (region_name(region.as_ref()), numbers.collect())
    };
    let (whole, regions): (Vec<_>, Vec<_>) = totals
        .regions
        .iter()
        .partition(|(region, _)| region.is_none());
    regions.into_iter().chain(whole).map(row).collect()
}

fn problem<'a>(
    ((mark, reason), problem): (&(Mark, Option<&'static str>), &'a Problem),
) -> ProblemView<'a> {
    let regions = problem.regions.iter();
    let regions = regions
        .map(|(region, number)| format!("{} ({})", region_name(region.as_ref()), grouped(*number)));
    ProblemView {
        mark: *mark,
        reason: reason.unwrap_or_default(),
        regions: named(regions),
        secrets: problem.secrets.text(),
        remediation: problem.remedy.as_ref().map_or("", Remedy::text),
        example: problem
            .remedy
            .as_ref()
            .and_then(Remedy::example)
            .unwrap_or_default(),
    }
}

fn region_name(region: Option<&String>) -> String {
    region.map_or_else(|| "secret as a whole".to_owned(), Clone::clone)
}

fn allowed_regions(allowed: &AllowedRegions) -> String {
    match allowed {
        AllowedRegions::Any => "all".to_owned(),
        AllowedRegions::Only(regions) => named(regions.iter().map(Region::to_string)),
    }
}

fn accounts(facts: &Facts<'_>, totals: &Totals) -> String {
    let unread = facts.reading.unread.iter();
    let unread = unread.filter_map(|unread| unread.account.clone());
    let mut accounts = totals.accounts.clone();
    accounts.extend(unread);
    accounts.extend(
        facts
            .reading
            .lists
            .iter()
            .filter_map(|list| list.account.clone()),
    );
    if accounts.is_empty() {
        "that of the credentials".to_owned()
    } else {
        named(accounts.into_iter())
    }
}

fn lists<'a>(facts: &'a Facts<'a>) -> Vec<ListView<'a>> {
    let mut lists: Vec<_> = facts.reading.lists.iter().collect();
    lists.sort_by_key(|list| (&list.account, &list.primary_region, &list.region));
    let view = |list: &'a crate::survey::ListTime| ListView {
        account: list.account.as_deref().unwrap_or_default(),
        primary_region: &list.primary_region,
        region: &list.region,
        started: seconds(list.started),
        ended: seconds(list.ended),
        error: list.error.as_deref().unwrap_or_default(),
    };
    lists.into_iter().map(view).collect()
}

fn lists_title(facts: &Facts<'_>) -> String {
    let lists = &facts.reading.lists;
    let first = lists.iter().map(|list| list.started).min();
    let last = lists.iter().map(|list| list.ended).max();
    let number = counted(u64::try_from(lists.len()).unwrap_or(u64::MAX), "list");
    match (first, last) {
        (Some(first), Some(last)) => {
            format!(
                "{number}, read from {} to {}",
                seconds(first),
                seconds(last)
            )
        }
        _ => number,
    }
}

/// Formats the account of what could not be read.
fn unread_account(unread: &Unread) -> &str {
    unread.account.as_deref().unwrap_or("The account")
}
