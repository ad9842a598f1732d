//! `secret-replicator export`: prints the guardrails that follow from a policy.

use std::collections::BTreeSet;

use anyhow::{bail, ensure};
use clap::{Args, ValueEnum, ValueHint};
use secret_replicator_core::limits::{Limits, Overwrite, RemovalLimit};
use secret_replicator_core::policy::Policy;
use secret_replicator_core::secret::Region;
use serde_json::{Map, Value, json};

use crate::document::Document;
use crate::options::{Format, LimitsOptions};
use crate::output::{CommandOutput, Exit, json};
use crate::policy;

/// The options of `export`.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  secret-replicator export scp policy.yaml --allowed-replica-regions \"eu-west-1 us-west-2\" > scp.json
  secret-replicator export tag-policy policy.yaml > tag-policy.json
  secret-replicator export iam policy.yaml --allowed-replica-regions eu-west-1 --allow-removal

Exit codes:
  0  printed
  2  a policy with errors, an unreadable file, or Regions that the policy does not name")]
pub(crate) struct Arguments {
    /// The document to print
    #[arg(value_enum, value_name = "DOCUMENT")]
    guardrail: Guardrail,
    /// The policy file, YAML or JSON; `-` reads standard input
    #[arg(value_hint = ValueHint::FilePath)]
    policy: String,
    #[command(flatten)]
    limits: LimitsOptions,
}

/// A document that follows from a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Guardrail {
    /// The service control policy that denies replicas outside the allowed Regions to every principal
    Scp,
    /// The tag policy that fixes the spelling of the tags that the rules read
    TagPolicy,
    /// The identity policy that lets a role replicate to the allowed Regions
    Iam,
}

/// The maximum length of a service control policy in characters (AWS Organizations user guide, "Quotas").
const MAX_SCP: usize = 5120;

/// The maximum length of a tag policy in characters (AWS Organizations user guide, "Quotas").
const MAX_TAG_POLICY: usize = 10_000;

/// Prints a document that follows from a policy.
///
/// # Errors
/// The file cannot be read, the policy does not name the Regions, or the document is too long for AWS.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<CommandOutput> {
    let limits = arguments.limits.get();
    let loaded = match policy::load(Document::read(&arguments.policy)?, &limits) {
        Ok(loaded) => loaded,
        Err(rejected) => return rejected.output(Format::Text),
    };
    let policy = &loaded.policy;
    let stdout = match arguments.guardrail {
        Guardrail::Scp => limited(&scp(&regions(policy, &limits)?), MAX_SCP)?,
        Guardrail::TagPolicy => limited(&tag_policy(policy)?, MAX_TAG_POLICY)?,
        Guardrail::Iam => json(&iam(&regions(policy, &limits)?, &limits))?,
    };
    Ok(CommandOutput {
        stdout: stdout.into(),
        stderr: arguments.limits.note() + &loaded.note(),
        exit: Exit::Success,
    })
}

/// Formats a document whose length AWS limits. AWS counts the spaces, unless a console removes them.
fn limited(document: &Value, limit: usize) -> anyhow::Result<String> {
    let length = document.to_string().chars().count();
    ensure!(
        length <= limit,
        "the document has {length} characters, and AWS accepts {limit}; name fewer Regions or tags"
    );
    let text = json(document)?;
    Ok(if text.chars().count() <= limit {
        text
    } else {
        format!("{document}\n")
    })
}

/// Returns the allowed Regions: those of the option, or those that the policy names.
fn regions(policy: &Policy, limits: &Limits) -> anyhow::Result<BTreeSet<Region>> {
    let allowed = limits.allowed_regions.named_regions();
    if !allowed.is_empty() {
        return Ok(allowed);
    }
    let of_tags = policy
        .rules()
        .iter()
        .find_map(|rule| rule.tag_with_regions());
    if let Some(key) = of_tags {
        bail!(
            "the policy reads Regions from the tag `{key}`, so it does not limit them; name the allowed Regions \
             with --allowed-replica-regions"
        );
    }
    let named = policy.named_regions();
    ensure!(
        !named.is_empty(),
        "the policy names no Region; name the allowed Regions with --allowed-replica-regions"
    );
    Ok(named)
}

/// Denies replicas outside the Regions. Both calls can create replicas, and only they have the condition key
/// (Service Authorization Reference). A request without replicas does not have it, so the deny does not apply.
fn scp(regions: &BTreeSet<Region>) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "ReplicateSecretsToAllowedRegions",
            "Effect": "Deny",
            "Action": ["secretsmanager:CreateSecret", "secretsmanager:ReplicateSecretToRegions"],
            "Resource": "*",
            "Condition": {
                "ForAnyValue:StringNotEquals": { "secretsmanager:AddReplicaRegions": regions }
            }
        }]
    })
}

/// Fixes the spelling of the tags' keys. The rules do not say which values are right: a value that no rule
/// matches is a secret that needs no replica.
fn tag_policy(policy: &Policy) -> anyhow::Result<Value> {
    let keys = policy.tag_keys();
    ensure!(
        !keys.is_empty(),
        "the policy reads no tag, so there is no tag to fix"
    );
    let mut tags = Map::new();
    for key in keys {
        // The name of the entry is the key, without regard to case (AWS Organizations user guide, "Tag policy syntax").
        let name = key.to_lowercase();
        let tag = json!({
            "tag_key": { "@@assign": key },
            "enforced_for": { "@@assign": ["secretsmanager:secret"] }
        });
        let same = tags.insert(name, tag);
        ensure!(
            same.is_none(),
            "the policy reads two spellings of the tag `{key}`, and a tag policy allows one; use one in the policy"
        );
    }
    Ok(json!({ "tags": tags }))
}

/// Allows the calls of the template's role, in every primary Region. Customer managed keys need further statements.
fn iam(regions: &BTreeSet<Region>, limits: &Limits) -> Value {
    let partition = regions.first().map_or("aws", |region| region.partition());
    let secrets = format!("arn:{partition}:secretsmanager:*:*:secret:*");
    let mut replicate = json!({
        "ForAllValues:StringEquals": { "secretsmanager:AddReplicaRegions": regions },
        // `ForAllValues` is true for a request without Regions.
        "Null": { "secretsmanager:AddReplicaRegions": "false" }
    });
    if limits.overwrite == Overwrite::Never {
        let no_overwrite = json!({ "secretsmanager:ForceOverwriteReplicaSecret": "false" });
        replicate["BoolIfExists"] = no_overwrite;
    }
    let mut statements = vec![
        json!({
            "Sid": "ReadTagsAndReplicationStatus",
            "Effect": "Allow",
            "Action": "secretsmanager:DescribeSecret",
            "Resource": secrets
        }),
        json!({
            "Sid": "ListSecrets",
            "Effect": "Allow",
            "Action": "secretsmanager:ListSecrets",
            "Resource": "*"
        }),
        json!({
            "Sid": "ReplicateToAllowedRegions",
            "Effect": "Allow",
            "Action": "secretsmanager:ReplicateSecretToRegions",
            "Resource": secrets,
            "Condition": replicate
        }),
    ];
    if limits.removal == RemovalLimit::Allowed {
        statements.push(json!({
            "Sid": "RemoveReplicas",
            "Effect": "Allow",
            "Action": "secretsmanager:RemoveRegionsFromReplication",
            "Resource": secrets
        }));
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}
