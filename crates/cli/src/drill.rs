//! `secret-replicator drill`: shows which secrets could be promoted in a Region. Never writes, and never reads a value.
//!
//! | module | content |
//! |---|---|
//! | `expected` | which secrets the Region should have: by the primary Regions, an inventory, or the replicas |
//! | `evidence` | what the Region shows about each, with the keys |
//! | `inventory_file` | the file with the secrets that the Region should have |
//! | `reader_role` | whether a role may read the secrets, by IAM's policy simulator |
//! | `report` | the result as JSON, CSV, JUnit and page |
//! | `text` | the result for people |
//! | `vanished` | the secrets of the inventory that no longer count |

mod evidence;
mod expected;
pub(crate) mod inventory_file;
mod reader_role;
mod report;
mod text;
mod vanished;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum, ValueHint};
use secret_replicator_core::failover::inventory::Inventory;
use secret_replicator_core::secret::Region;

use crate::access::{Access, AccessOptions, run_async};
use crate::html::{Facts, HtmlOptions, HtmlReport, Kind};
use crate::junit::junit;
use crate::options::{self, Format};
use crate::output::{CommandOutput, Exit, json};
use crate::progress::Progress;
use crate::report::Gap;
use crate::select::SelectOptions;
use crate::source::{NoSource, PolicyOptions, PolicySource, of_one_partition};
use report::Report;

/// The options of `drill`.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  secret-replicator drill policy.yaml --to eu-west-1 --region us-east-1 --save inventory.json
  secret-replicator drill --from-stack secret-replicator --to eu-west-1 --region us-east-1 --output junit
  secret-replicator drill policy.yaml --to eu-west-1 --inventory inventory.json --reader-role shop-app
  secret-replicator drill policy.yaml --to eu-west-1 --region us-east-1 --failover-stack secret-replicator
  secret-replicator drill --to eu-west-1 --inventory inventory.json

Exit codes:
  0  every secret could be promoted
  2  findings, or nothing says which secrets the Region should have
  1  an error: an invalid policy, an unreadable file, a wrong option, or AWS rejects the calls")]
pub(crate) struct Arguments {
    #[command(flatten)]
    policy: PolicyOptions,
    /// The failover Region, whose replicas would be promoted
    #[arg(long, value_name = "REGION", value_parser = options::region)]
    to: Region,
    /// The primary Regions; without this option, those of the inventory, or the Region of the environment or the
    /// profile
    #[arg(long, value_name = "REGIONS", value_parser = options::region, value_delimiter = ',')]
    region: Vec<Region>,
    #[command(flatten)]
    access: AccessOptions,
    #[command(flatten)]
    select: SelectOptions,
    /// The secrets that the Region should have, from `--save`; needed where a primary Region does not answer. Without
    /// a policy, the one of this file is used
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    inventory: Option<String>,
    /// Save the secrets that the Region should have, for the day on which a primary Region does not answer
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    save: Option<PathBuf>,
    /// The role that reads the secrets, by name or ARN: IAM's policy simulator says whether it may
    #[arg(long, value_name = "ROLE")]
    reader_role: Option<String>,
    /// The policy of the stack in the failover Region, to show what it does with promoted secrets
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    failover_policy: Option<String>,
    /// The stack in the failover Region, to show what its policy does with promoted secrets
    #[arg(long, value_name = "STACK", value_parser = options::stack, conflicts_with = "failover_policy")]
    failover_stack: Option<String>,
    #[command(flatten)]
    html: HtmlOptions,
    /// Show every row
    #[arg(long)]
    all: bool,
    /// The output format
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: DrillFormat,
}

/// The output format of `drill`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum DrillFormat {
    /// Text for people
    #[default]
    Text,
    /// JSON for programs
    Json,
    /// One row per secret and finding
    Csv,
    /// One test case per secret, for pipelines
    Junit,
}

/// What a drill judges, and by what.
struct Drill<'a> {
    access: &'a Access,
    to: &'a Region,
    primary_regions: Vec<Region>,
    source: &'a PolicySource,
    select: &'a SelectOptions,
    inventory: Option<&'a Inventory>,
    reader_role: Option<&'a str>,
    /// The policy of the stack in the failover Region.
    failover_policy: Option<&'a PolicySource>,
    progress: Progress,
}

/// Shows which secrets could be promoted.
///
/// # Errors
/// The policy or an option is invalid, or AWS rejects the calls.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<CommandOutput> {
    run_async(drill(arguments))
}

async fn drill(arguments: &Arguments) -> anyhow::Result<CommandOutput> {
    let page = arguments.html.start(Kind::Drill)?;
    let save = inventory_file::check(arguments.save.as_ref(), &arguments.select, page.as_ref())?;
    let inventory = arguments.inventory.as_deref();
    let inventory = inventory
        .map(|path| inventory_file::load(path, &arguments.to))
        .transpose()?;
    let of_file = match policy_of_file(arguments, inventory.as_ref()) {
        Ok(of_file) => of_file,
        Err(missing) => return missing.output(problems_format(arguments.output)),
    };
    let first = first_region(arguments, inventory.as_ref());
    let access = Access::load(&arguments.access, first.as_ref()).await?;
    let primary_regions = primary_regions(arguments, inventory.as_ref(), &access)?;
    let source = match policy(arguments, of_file, &access).await {
        Ok(source) => source,
        Err(missing) => return missing.output(problems_format(arguments.output)),
    };
    let failover_policy = match failover_policy(arguments, &access).await {
        Ok(source) => source,
        Err(missing) => return missing.output(problems_format(arguments.output)),
    };
    let drill = Drill {
        access: &access,
        to: &arguments.to,
        primary_regions,
        source: &source,
        select: &arguments.select,
        inventory: inventory.as_ref(),
        reader_role: arguments.reader_role.as_deref(),
        failover_policy: failover_policy.as_ref(),
        progress: Progress::start(),
    };
    let report = report::read(&drill).await;
    drill.progress.end();
    let report = match report {
        Ok(report) => report,
        Err(error) => return Ok(CommandOutput::failure(&source.note, &error)),
    };
    let written = write_page(page, arguments, &drill, &report)?;
    let mut notes = options::unknown_regions("--to: ", [&arguments.to])
        + &source.note
        + &report.note()
        + &report.nothing_expected()
        + &written;
    let is_saved = match save {
        Some(file) => {
            let (is_saved, note) = inventory_file::save(&file, &drill, &report)?;
            notes += &note;
            is_saved
        }
        None => true,
    };
    output(arguments, &report, notes, is_saved)
}

/// Writes the page of `--html`. Returns a note for standard error.
fn write_page(
    page: Option<HtmlReport>,
    arguments: &Arguments,
    drill: &Drill<'_>,
    report: &Report,
) -> anyhow::Result<String> {
    let Some(mut page) = page else {
        return Ok(String::new());
    };
    let coverages = report.coverages();
    for coverage in &coverages {
        page.add(coverage);
    }
    page.write(&Facts {
        reading: &report.reading(),
        policy: &policy_name(arguments, drill.inventory),
        limits: &drill.source.limits,
        selection: report.selection(),
        cost: None,
        blockers: &[],
        unchecked: &BTreeSet::new(),
    })
}

fn output(
    arguments: &Arguments,
    report: &Report,
    stderr: String,
    is_saved: bool,
) -> anyhow::Result<CommandOutput> {
    let stdout = match arguments.output {
        DrillFormat::Text => text::text(report, arguments.all),
        DrillFormat::Json => json(report)?,
        DrillFormat::Csv => report.csv()?,
        DrillFormat::Junit => {
            let failures = crate::coverage::State::problems();
            let reading = report.reading();
            let gaps: Vec<Gap<'_>> = reading
                .gaps()
                .filter(|gap| report.is_finding(gap))
                .collect();
            junit(
                "drill",
                &report.coverages(),
                &failures,
                &report.properties(),
                &gaps,
            )?
        }
    };
    let exit = if report.has_findings() || !is_saved {
        Exit::Findings
    } else {
        Exit::Success
    };
    Ok(CommandOutput {
        stdout: stdout.into(),
        stderr,
        exit,
    })
}

/// Loads the policy of a file: the one that the options name, that of the inventory, or the built-in one. `None` if
/// it is that of a stack.
fn policy_of_file(
    arguments: &Arguments,
    inventory: Option<&Inventory>,
) -> Result<Option<PolicySource>, NoSource> {
    let saved = inventory.and_then(|inventory| inventory.policy.as_ref());
    match (saved, &arguments.inventory) {
        (Some(saved), Some(path)) if arguments.policy.is_default() => {
            PolicySource::of_inventory(saved, path).map(Some)
        }
        _ => arguments.policy.of_file(),
    }
}

/// Returns the origin of the policy, for people.
fn policy_name(arguments: &Arguments, inventory: Option<&Inventory>) -> String {
    let is_saved = inventory.is_some_and(|inventory| inventory.policy.is_some());
    if is_saved && arguments.policy.is_default() {
        "the inventory".to_owned()
    } else {
        arguments.policy.name()
    }
}

/// Returns the policy. A stack is in a primary Region, which may be unavailable.
async fn policy(
    arguments: &Arguments,
    of_file: Option<PolicySource>,
    access: &Access,
) -> Result<PolicySource, NoSource> {
    if let Some(source) = of_file {
        return Ok(source);
    }
    let source = arguments.policy.of_stack(&access.impatient()).await;
    source.map_err(|missing| match missing {
        NoSource::Failed(error) => NoSource::Failed(error.context(
            "the policy of the stack is unknown; if the Region of the stack does not answer, use `--inventory FILE` \
             without `--from-stack`: a file of `drill --save` has the policy",
        )),
        rejected @ NoSource::Rejected(_) => rejected,
    })
}

/// Returns the policy of the stack in the failover Region, if an option names it.
async fn failover_policy(
    arguments: &Arguments,
    access: &Access,
) -> Result<Option<PolicySource>, NoSource> {
    let options = PolicyOptions::named(
        arguments.failover_policy.as_deref(),
        arguments.failover_stack.as_deref(),
    );
    options.of_option(&access.in_region(&arguments.to)).await
}

/// Returns the Region of the stack: the first primary Region.
fn first_region(arguments: &Arguments, inventory: Option<&Inventory>) -> Option<Region> {
    let of_inventory = inventory.and_then(|inventory| inventory.secrets.first());
    let of_inventory = of_inventory.map(|entry| entry.arn.region().clone());
    arguments.region.first().cloned().or(of_inventory)
}

fn primary_regions(
    arguments: &Arguments,
    inventory: Option<&Inventory>,
    access: &Access,
) -> anyhow::Result<Vec<Region>> {
    let mut regions = arguments.region.clone();
    if regions.is_empty() {
        let entries = inventory
            .into_iter()
            .flat_map(|inventory| &inventory.secrets);
        regions.extend(entries.map(|entry| entry.arn.region().clone()));
    }
    if regions.is_empty() {
        regions.push(access.region()?);
    }
    let regions = of_one_partition(regions)?;
    if regions.contains(&arguments.to) {
        bail!(
            "{} is both the failover Region and a primary Region; name the primary Regions with `--region`",
            arguments.to
        );
    }
    Ok(regions)
}

fn problems_format(format: DrillFormat) -> Format {
    match format {
        DrillFormat::Json => Format::Json,
        DrillFormat::Text | DrillFormat::Csv | DrillFormat::Junit => Format::Text,
    }
}
