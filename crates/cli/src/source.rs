//! The policy, the limits and the accounts of the commands that read secrets.

mod accounts;
mod stack;

use std::collections::BTreeSet;

use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueHint};
use secret_replicator_core::failover::inventory::SavedPolicy;
use secret_replicator_core::limits::Limits;
use secret_replicator_core::policy::Policy;
use secret_replicator_core::secret::Region;

use crate::access::{Access, AccessOptions};
use crate::document::Document;
use crate::options::{self, Format, LimitsOptions};
use crate::output::CommandOutput;
use crate::policy;
pub(crate) use accounts::{AccountOptions, Target};

/// The options of a policy and its limits.
#[derive(Args, Debug)]
pub(crate) struct PolicyOptions {
    /// The policy file, YAML or JSON; `-` reads standard input; without it, the built-in policy
    #[arg(value_name = "POLICY", value_hint = ValueHint::FilePath)]
    policy: Option<String>,
    /// Use the policy and the settings of a deployed stack in the first Region
    #[arg(
        long,
        value_name = "STACK",
        value_parser = options::stack,
        conflicts_with_all = ["policy", "allowed_replica_regions", "allow_overwrite", "allow_removal"]
    )]
    from_stack: Option<String>,
    #[command(flatten)]
    limits: LimitsOptions,
}

/// The options that `plan` and `status` share.
#[derive(Args, Debug)]
pub(crate) struct SourceOptions {
    #[command(flatten)]
    policy: PolicyOptions,
    /// The Regions of the primary secrets; without this option, the Region of the environment or the profile
    #[arg(long, value_name = "REGIONS", value_parser = options::region, value_delimiter = ',')]
    region: Vec<Region>,
    #[command(flatten)]
    access: AccessOptions,
    #[command(flatten)]
    accounts: AccountOptions,
    /// Describe every covered secret, as a thorough sweep does
    #[arg(long)]
    pub(crate) thorough: bool,
}

/// A policy with its limits.
#[derive(Debug)]
pub(crate) struct PolicySource {
    /// The policy.
    pub(crate) policy: Policy,
    /// The text of the policy.
    pub(crate) text: String,
    /// The limits.
    pub(crate) limits: Limits,
    /// Notes for standard error.
    pub(crate) note: String,
}

/// What a command reads, and how it judges.
#[derive(Debug)]
pub(crate) struct Source {
    /// The policy.
    pub(crate) policy: Policy,
    /// The limits.
    pub(crate) limits: Limits,
    /// The primary Regions.
    pub(crate) regions: Vec<Region>,
    /// The accounts.
    pub(crate) targets: Vec<Target>,
    /// Notes for standard error.
    pub(crate) note: String,
    /// The Regions of the options and of the stack. The notes name those that are not known.
    pub(crate) named_regions: BTreeSet<Region>,
}

/// Why there is no source.
pub(crate) enum NoSource {
    /// The policy has errors.
    Rejected(Box<policy::Rejected>),
    /// Any other error.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for NoSource {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl NoSource {
    /// Returns the output of the command.
    ///
    /// # Errors
    /// The error.
    pub(crate) fn output(self, format: Format) -> anyhow::Result<CommandOutput> {
        match self {
            Self::Rejected(rejected) => rejected.output(format),
            Self::Failed(error) => Err(error),
        }
    }
}

impl PolicyOptions {
    /// Returns the options of a command whose policy has an option of its own.
    pub(crate) fn named(policy: Option<&str>, from_stack: Option<&str>) -> Self {
        Self {
            policy: policy.map(str::to_owned),
            from_stack: from_stack.map(str::to_owned),
            limits: LimitsOptions::default(),
        }
    }

    /// Returns the origin of the policy, for people.
    pub(crate) fn name(&self) -> String {
        match (&self.from_stack, self.policy.as_deref()) {
            (Some(stack), _) => format!("the stack {stack}"),
            (None, Some("-")) => "standard input".to_owned(),
            (None, Some(path)) => path.to_owned(),
            (None, None) => "the built-in policy".to_owned(),
        }
    }

    /// Returns whether an option names a policy.
    pub(crate) fn is_given(&self) -> bool {
        self.policy.is_some() || self.from_stack.is_some()
    }

    /// Returns whether no option names a policy or a limit.
    pub(crate) fn is_default(&self) -> bool {
        !self.is_given() && self.limits.is_default()
    }

    /// Loads the policy of a file, which needs no access. `None` if it is that of a stack.
    pub(crate) fn of_file(&self) -> Result<Option<PolicySource>, NoSource> {
        if self.from_stack.is_some() {
            return Ok(None);
        }
        let document = match &self.policy {
            Some(path) => Document::read(path).map_err(anyhow::Error::from)?,
            None => policy::built_in(),
        };
        let source = load(document, self.limits.get(), &self.limits.note())?;
        Ok(Some(source))
    }

    /// Loads the policy that an option names, if one does. The stack is in the Region of the access.
    pub(crate) async fn of_option(
        &self,
        access: &Access,
    ) -> Result<Option<PolicySource>, NoSource> {
        if !self.is_given() {
            return Ok(None);
        }
        match self.of_file()? {
            Some(source) => Ok(Some(source)),
            None => self.of_stack(access).await.map(Some),
        }
    }

    /// Loads the policy of the stack in the Region of the access.
    pub(crate) async fn of_stack(&self, access: &Access) -> Result<PolicySource, NoSource> {
        let name = self.from_stack.as_deref().unwrap_or_default();
        let stack = stack::read(access, name).await?;
        let allowed = stack.limits.allowed_regions.named_regions();
        let note = options::unknown_regions(&format!("the stack {name}: "), &allowed);
        load(stack.policy, stack.limits, &note)
    }
}

impl SourceOptions {
    /// Returns the origin of the policy, for people.
    pub(crate) fn policy_name(&self) -> String {
        self.policy.name()
    }

    /// Loads the policy and the limits, and finds the accounts and the Regions.
    pub(crate) async fn load(&self) -> Result<Source, NoSource> {
        // An error of the policy needs no access.
        let of_file = self.policy.of_file()?;
        let access = Access::load(&self.access, self.region.first()).await?;
        let regions = self.regions(&access)?;
        let source = match of_file {
            Some(source) => source,
            None => self.policy.of_stack(&access).await?,
        };
        let targets = self.accounts.targets(access, &regions).await?;
        let allowed = source.limits.allowed_regions.named_regions();
        let of_region = options::unknown_regions("--region: ", &regions);
        Ok(Source {
            note: format!("{of_region}{}", source.note),
            named_regions: allowed.into_iter().chain(regions.iter().cloned()).collect(),
            policy: source.policy,
            limits: source.limits,
            regions,
            targets,
        })
    }

    /// Returns the primary Regions without duplicates.
    fn regions(&self, access: &Access) -> anyhow::Result<Vec<Region>> {
        let mut regions = self.region.clone();
        if regions.is_empty() {
            regions.push(access.region()?);
        }
        of_one_partition(regions)
    }
}

/// Returns the Regions, sorted and without duplicates.
///
/// # Errors
/// The Regions are in several partitions.
pub(crate) fn of_one_partition(mut regions: Vec<Region>) -> anyhow::Result<Vec<Region>> {
    regions.sort();
    regions.dedup();
    let first = regions.first().context("no Region is configured")?;
    let partition = first.partition();
    if let Some(other) = regions
        .iter()
        .find(|region| region.partition() != partition)
    {
        bail!(
            "{first} and {other} are in different partitions, which need different credentials; run the \
             command once for each partition"
        );
    }
    Ok(regions)
}

impl PolicySource {
    /// Loads the policy of an inventory. `path` names the inventory.
    pub(crate) fn of_inventory(saved: &SavedPolicy, path: &str) -> Result<Self, NoSource> {
        let allowed = options::allowed_regions(&saved.allowed_replica_regions);
        let allowed =
            allowed.map_err(|error| anyhow!("the allowed Regions of `{path}`: {error}"))?;
        let limits = options::limits(allowed, saved.allow_overwrite, saved.allow_removal);
        let document = Document::new(format!("the policy of `{path}`"), &saved.text);
        load(document, limits, "")
    }
}

/// Checks a policy. `note` precedes the note about its warnings.
fn load(document: Document, limits: Limits, note: &str) -> Result<PolicySource, NoSource> {
    let text = document.text.clone();
    let loaded = policy::load(document, &limits)
        .map_err(|rejected| NoSource::Rejected(Box::new(rejected)))?;
    Ok(PolicySource {
        text,
        note: format!("{note}{}", loaded.note()),
        policy: loaded.policy,
        limits,
    })
}
