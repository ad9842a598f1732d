//! `secret-replicator promote`: makes the replicas of a Region standalone secrets.
//!
//! | module | content |
//! |---|---|
//! | `planned` | which replicas are promoted, by what the Region shows now |
//! | `work` | promotes them a few at a time, and verifies each |
//! | `report` | the result as JSON |
//! | `text` | the plan and the result for people |

mod planned;
mod report;
mod text;
mod work;

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, ValueHint};
use secret_replicator_core::failover::inventory::Inventory;
use secret_replicator_core::failover::promotion::{PromotionPlan, Selection};
use secret_replicator_core::secret::{Region, Secret};

use crate::access::{Access, AccessOptions, run_async};
use crate::confirm::{self, Promotions};
use crate::drill::inventory_file;
use crate::interrupt;
use crate::options::{self, Format};
use crate::output::{CommandOutput, Exit, json};
use crate::promotion_state::{PromotionLog, StateFile};
use crate::select::SelectOptions;
use crate::source::{PolicyOptions, PolicySource};
use crate::terminal::count;
use report::Report;
pub(crate) use work::Outcome;

/// The options of `promote`.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  secret-replicator promote --to eu-west-1 --inventory inventory.json --dry-run
  secret-replicator promote --to eu-west-1 --from us-east-1 --inventory inventory.json
  secret-replicator promote --to eu-west-1 --from us-east-1 --only shop/db --yes

Exit codes:
  0  every selected secret is promoted
  2  a secret could not be promoted, is absent, or could not be verified
  1  an error: an unreadable file, a wrong option, no confirmation, or AWS rejects the calls
  130  interrupted: the promotions in progress ended, and the state file has them

A promotion cannot be undone: `secret-replicator failback` shows how a primary Region gets its role back.")]
pub(crate) struct Arguments {
    /// The failover Region, whose replicas are promoted
    #[arg(long, value_name = "REGION", value_parser = options::region)]
    to: Region,
    /// The primary Region that failed; needed if the failover Region has replicas of several
    #[arg(long, value_name = "REGION", value_parser = options::region)]
    from: Option<Region>,
    /// The secrets to promote, from `drill --save`; absent secrets are named
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    inventory: Option<String>,
    /// Promote only these secrets, by name or ARN
    #[arg(long, value_name = "SECRETS", value_parser = secret, value_delimiter = ',')]
    only: Vec<String>,
    #[command(flatten)]
    select: SelectOptions,
    /// Promote at most this number of secrets
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    /// Show what would be promoted, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Promote without asking
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// The file that records what was done; without this option, `promotion-ACCOUNT-FROM-TO.jsonl` in this directory
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    state: Option<PathBuf>,
    /// The policy of the stack in the failover Region, to show what it does with the promoted secrets
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    policy: Option<String>,
    /// The stack in the failover Region, to show what its policy does with the promoted secrets
    #[arg(long, value_name = "STACK", value_parser = options::stack, conflicts_with = "policy")]
    from_stack: Option<String>,
    #[command(flatten)]
    access: AccessOptions,
    /// The output format
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// Parses an element of `--only`. No name contains a space, so those around commas are a matter of style.
fn secret(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("must be the name or the ARN of a secret".to_owned()),
        secret => Ok(secret.to_owned()),
    }
}

/// What a promotion rests on. Nothing of it is in the primary Region.
struct Promotion<'a> {
    access: &'a Access,
    to: &'a Region,
    selection: Selection,
    /// The text with which all selected names begin, if the list can be filtered by it.
    prefix: &'a str,
    inventory: Option<&'a Inventory>,
    policy: Option<&'a PolicySource>,
    state: StateFile,
}

/// A plan with the reads on which it rests.
struct Planned {
    plan: PromotionPlan,
    found: Vec<Secret>,
    /// Why the list is incomplete. What it shows is promoted nevertheless.
    incomplete: Option<String>,
    /// The state file. `None` if nothing says which account it is.
    path: Option<PathBuf>,
    /// Whether the state file has promotions that the Region shows and that no run has verified.
    is_unsettled: bool,
}

/// Promotes the selected replicas.
///
/// # Errors
/// An option or a file is invalid, the promotion is not confirmed, or AWS rejects the calls.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<CommandOutput> {
    run_async(promote(arguments))
}

async fn promote(arguments: &Arguments) -> anyhow::Result<CommandOutput> {
    let Arguments { to, from, .. } = arguments;
    if from.as_ref() == Some(to) {
        bail!("`--from` and `--to` are both {to}; `--from` names the primary Region that failed");
    }
    let inventory = arguments.inventory.as_deref();
    let inventory = inventory
        .map(|path| inventory_file::load(path, to))
        .transpose()?;
    let options =
        PolicyOptions::named(arguments.policy.as_deref(), arguments.from_stack.as_deref());
    let access = Access::load(&arguments.access, Some(to)).await?;
    let policy = match options.of_option(&access).await {
        Ok(source) => source,
        Err(missing) => return missing.output(arguments.output),
    };
    let promotion = Promotion {
        access: &access,
        to,
        selection: selection(arguments),
        prefix: arguments.select.name_prefix(),
        inventory: inventory.as_ref(),
        policy: policy.as_ref(),
        state: StateFile::new(arguments.state.as_deref(), to),
    };
    let planned = planned::read(&promotion).await?;
    check_primary_regions(to, &planned.plan)?;
    let mut report = Report::new(&promotion, &planned);
    if arguments.dry_run {
        report.dry_run = true;
    } else {
        carry_out(arguments, &promotion, &planned, &mut report).await?;
    }
    output(arguments, &report)
}

/// Promotes the replicas of a plan after a confirmation, and records it. The record of the plan is on the disk before
/// the first call.
async fn carry_out(
    arguments: &Arguments,
    promotion: &Promotion<'_>,
    planned: &Planned,
    report: &mut Report,
) -> anyhow::Result<()> {
    let Planned { plan, path, .. } = planned;
    let open = || match path {
        Some(path) => PromotionLog::open(path, promotion.to),
        None => bail!("no secret says which account it is; name the state file with `--state`"),
    };
    if plan.promote.is_empty() {
        if planned.is_unsettled {
            open()?.settle(plan)?;
        }
        return Ok(());
    }
    anstream::eprint!("{}", text::plan(report));
    let promotions = Promotions {
        number: plan.promote.len(),
        to: promotion.to.clone(),
    };
    let Some(confirmed) = confirm::ask(&promotions, arguments.yes)? else {
        bail!("not confirmed; the account is unchanged");
    };
    let mut log = open()?;
    log.settle(plan)?;
    log.plan(plan)?;
    interrupt::begin_writes();
    let promoter = promotion.access.promoter(&confirmed);
    work::promote(&promoter, &plan.promote, |candidate, outcome| {
        report.add(candidate, outcome);
        log.note(candidate, outcome)
    })
    .await
    .context("the promotions stopped, because a record failed; run the command again with another `--state`")?;
    report.interrupted = interrupt::is_requested();
    Ok(())
}

fn selection(arguments: &Arguments) -> Selection {
    Selection {
        from: arguments.from.clone(),
        only: arguments.only.iter().cloned().collect(),
        name: arguments.select.name.clone(),
        tags: arguments.select.tag.clone(),
        limit: arguments.limit,
    }
}

/// Refuses a promotion of the replicas of several primary Regions: one of them may work, and its replication would
/// end.
fn check_primary_regions(to: &Region, plan: &PromotionPlan) -> anyhow::Result<()> {
    let regions = &plan.primary_regions;
    if regions.len() < 2 {
        return Ok(());
    }
    let numbers = regions.iter();
    let numbers =
        numbers.map(|(region, number)| format!("{region} ({})", count(*number, "replica")));
    let numbers: Vec<String> = numbers.collect();
    let first = regions.keys().next().map_or("REGION", Region::as_str);
    bail!(
        "the replicas in {to} have primary secrets in {}, and a promotion ends the replication from each; name \
         the Region that failed, for example `--from {first}`",
        numbers.join(" and ")
    );
}

fn output(arguments: &Arguments, report: &Report) -> anyhow::Result<CommandOutput> {
    let stdout = match arguments.output {
        Format::Text => text::text(report),
        Format::Json => json(report)?,
    };
    let exit = if report.interrupted {
        Exit::Interrupted
    } else if report.has_findings() {
        Exit::Findings
    } else {
        Exit::Success
    };
    let region = &report.region;
    let incomplete = report.incomplete.as_ref();
    let incomplete =
        incomplete.map(|error| format!("warning: the list of {region} is incomplete: {error}\n"));
    let nothing = report.selects_nothing().then(|| {
        format!(
            "warning: nothing is selected: no replica in {region} fits `--from`, `--only`, `--name`, `--tag` and the \
             inventory\n"
        )
    });
    Ok(CommandOutput {
        stdout: stdout.into(),
        stderr: options::unknown_regions("--to: ", [&arguments.to])
            + &incomplete.unwrap_or_default()
            + &nothing.unwrap_or_default(),
        exit,
    })
}
