//! `secret-replicator explain`: what a policy does with one secret, and why.

mod event;
pub(crate) mod text;

use std::collections::BTreeMap;

use anyhow::Context;
use clap::Args;
use secret_replicator_core::explain::{Explanation, Skipped, explain};
use secret_replicator_core::limits::{Limits, Overwrite, RemovalLimit};
use secret_replicator_core::reason::SkipReason;
use secret_replicator_core::secret::{KmsKey, Region, Secret};

use crate::document::{Document, STANDARD_INPUT};
use crate::options::{AllowedRegionsOption, Format};
use crate::outcome::{Exit, Outcome, json};
use crate::policy;
use event::Described;

/// The options of `explain`.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  secret-replicator explain --policy policy.yaml --name prod/db --tag tier=1 --region us-east-1
  secret-replicator explain --name prod/db --tag \"replicate-to=eu-west-1 us-west-2\" \\
      --region us-east-1 --kms-key alias/app
  secret-replicator explain --policy policy.yaml --event event.json --tag environment=prod

Exit codes:
  0  explained, whatever is decided
  2  a policy with errors, a file that cannot be read, a wrong option")]
pub(crate) struct Arguments {
    /// The policy, YAML or JSON; `-` reads standard input [default: the policy built into the
    /// function]
    #[arg(long, value_name = "FILE")]
    policy: Option<String>,
    #[command(flatten)]
    secret: SecretArguments,
    #[command(flatten)]
    allowed: AllowedRegionsOption,
    /// Let rules overwrite, as the function's setting `ALLOW_OVERWRITE` does
    #[arg(long)]
    allow_overwrite: bool,
    /// How to answer
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// The options that describe a secret.
#[derive(Args)]
struct SecretArguments {
    /// The secret's name
    #[arg(long, required_unless_present = "event")]
    name: Option<String>,
    /// The Region of the primary secret
    #[arg(long, value_parser = Region::parse, required_unless_present = "event")]
    region: Option<Region>,
    /// A tag of the secret, split at the first `=`; may be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    tags: Vec<(String, String)>,
    /// The key of the primary secret: a key ARN, a key id or an alias [default:
    /// aws/secretsmanager]
    #[arg(long, value_name = "KEY", value_parser = kms_key)]
    kms_key: Option<String>,
    /// A `CreateSecret` event to take the secret from: its name, Region, tags and key; `--tag` and
    /// `--kms-key` add to them or replace them; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "region"])]
    event: Option<String>,
}

/// Explains what is decided about one secret.
///
/// # Errors
/// A file that cannot be read, an event that names no secret, a tag that is given twice.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let inputs = [&arguments.policy, &arguments.secret.event];
    anyhow::ensure!(
        inputs
            .iter()
            .any(|path| path.as_deref() != Some(STANDARD_INPUT)),
        "the policy and the event cannot both come from standard input; name a file for one of them"
    );
    let described = arguments.secret.read()?;
    let document = match &arguments.policy {
        Some(path) => Document::read(path)?,
        None => policy::built_in(),
    };
    let limits = Limits {
        allowed_regions: arguments.allowed.get(),
        overwrite: overwrite(arguments.allow_overwrite),
        // The secret is described without replicas, so there is nothing to remove.
        removal: RemovalLimit::Never,
    };
    let loaded = match policy::load(document, &limits.allowed_regions) {
        Ok(loaded) => loaded,
        Err(rejected) => return rejected.outcome(arguments.output),
    };
    let (head, explanation) = if let Some(reason) = &described.skipped {
        (text::event(&described.name), skip(&described, reason))
    } else {
        let secret = described.secret()?;
        let explanation = explain(&secret, &loaded.policy, &limits);
        let head = format!("{}Policy: {}\n\n", text::secret(&secret), loaded.name);
        (head, explanation)
    };
    let stdout = match arguments.output {
        Format::Text => head + &text::render(&explanation),
        Format::Json => json(&explanation)?,
    };
    Ok(Outcome {
        stdout,
        stderr: loaded.note(),
        exit: Exit::Success,
    })
}

/// What the setting `ALLOW_OVERWRITE` means.
pub(crate) fn overwrite(allowed: bool) -> Overwrite {
    if allowed {
        Overwrite::Allowed
    } else {
        Overwrite::Never
    }
}

/// An event that the function skips before it asks the policy.
fn skip(described: &Described, reason: &SkipReason) -> Explanation {
    Explanation {
        secret_name: described.name.clone(),
        primary_region: described.region.clone(),
        skipped: Some(Skipped {
            reason: reason.code(),
            detail: reason.detail(),
        }),
        rules: Vec::new(),
        regions: Vec::new(),
        calls: Vec::new(),
    }
}

impl SecretArguments {
    fn read(&self) -> anyhow::Result<Described> {
        let mut tags = BTreeMap::new();
        for (key, value) in &self.tags {
            let earlier = tags.insert(key.clone(), value.clone());
            anyhow::ensure!(
                earlier.is_none(),
                "the tag `{key}` is given twice; a secret has each tag once"
            );
        }
        let mut described = match &self.event {
            Some(path) => event::read(&Document::read(path)?)?,
            None => Described {
                name: self.name.clone().context("`--name` is missing")?,
                region: self.region.clone().context("`--region` is missing")?,
                tags: BTreeMap::new(),
                kms_key: None,
                skipped: None,
            },
        };
        described.tags.extend(tags);
        described.kms_key = self.kms_key.clone().or(described.kms_key);
        Ok(described)
    }
}

impl Described {
    fn secret(&self) -> anyhow::Result<Secret> {
        let tags = self.tags.clone();
        let secret = Secret::hypothetical(&self.name, tags, &self.region, self.kms_key.as_deref());
        Ok(secret?)
    }
}

fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write the tag as KEY=VALUE".to_owned()),
    }
}

/// Reads a key as the policy does, so that a slip does not look like a customer key.
///
/// # Errors
/// What is no key, and the forms that are.
pub(crate) fn kms_key(text: &str) -> Result<String, String> {
    match KmsKey::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!(
            "{error}; write a key ARN, a key id, `alias/name` or `aws/secretsmanager`"
        )),
    }
}
