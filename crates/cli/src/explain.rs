//! `secret-replicator explain`: explains what a policy does with one secret.

mod event;
pub(crate) mod text;

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use clap::Args;
use secret_replicator_core::explain::{Explanation, Skipped, explain};
use secret_replicator_core::known_regions::UnknownRegion;
use secret_replicator_core::limits::Limits;
use secret_replicator_core::policy::Policy;
use secret_replicator_core::reason::{Refusal, SkipReason};
use secret_replicator_core::secret::{Encryption, KmsKey, Region, Secret, SecretArn};

use crate::document::{Document, STANDARD_INPUT};
use crate::options::{self, Format, LimitsOptions};
use crate::output::{CommandOutput, Exit, json};
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
  0  explained
  2  a policy with errors, an unreadable file, or an invalid option")]
pub(crate) struct Arguments {
    /// The policy file, YAML or JSON; `-` reads standard input [default: the function's built-in
    /// policy]
    #[arg(long, value_name = "FILE")]
    policy: Option<String>,
    #[command(flatten)]
    secret: SecretArguments,
    #[command(flatten)]
    limits: LimitsOptions,
    /// The output format
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// The options that describe a secret.
#[derive(Args)]
struct SecretArguments {
    /// The secret's name
    #[arg(long, value_parser = name, required_unless_present = "event")]
    name: Option<String>,
    /// The Region of the primary secret
    #[arg(long, value_parser = options::region, required_unless_present = "event")]
    region: Option<Region>,
    /// A tag of the secret, split at the first `=`; can be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    tags: Vec<(String, String)>,
    /// The primary secret's KMS key: a key ARN, a key ID or an alias [default:
    /// aws/secretsmanager]
    #[arg(long, value_name = "KEY", value_parser = kms_key)]
    kms_key: Option<String>,
    /// A `CreateSecret` event with the secret's name, Region, tags, key and replicas; `--tag` and
    /// `--kms-key` add to these values or replace them; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "region"])]
    event: Option<String>,
}

/// The warning about an event without tags. CloudTrail does not record them.
const NO_TAGS: &str = "the event has no tags, and the function reads those of the secret; add them with `--tag KEY=VALUE`";

/// Explains the decision about one secret.
///
/// # Errors
/// A file cannot be read, an event does not name a secret, or a tag is given twice.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<CommandOutput> {
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
    let limits = arguments.limits.get();
    let loaded = match policy::load(document, &limits) {
        Ok(loaded) => loaded,
        Err(rejected) => return rejected.output(arguments.output),
    };
    let mut key_note = None;
    let (head, explanation) = if let Some(reason) = &described.skipped {
        (text::event(&described.name), skip(&described, reason))
    } else {
        let secret = described.secret()?;
        let explanation = explain(&secret, &loaded.policy, &limits);
        if !described.is_key_known {
            key_note = customer_key_note(secret.clone(), &loaded.policy, &limits);
        }
        let head = format!("{}Policy: {}\n\n", text::secret(&secret), loaded.name);
        (head, explanation)
    };
    let stdout = match arguments.output {
        Format::Text => head + &text::render(&explanation),
        Format::Json => json(&explanation)?,
    };
    Ok(CommandOutput {
        stdout: stdout.into(),
        stderr: arguments.limits.note()
            + &described.note()
            + &loaded.note()
            + &key_note.unwrap_or_default(),
        exit: Exit::Success,
    })
}

/// Returns a note about the Regions in which a customer managed key would be refused. `None` if there are none.
fn customer_key_note(secret: Secret, policy: &Policy, limits: &Limits) -> Option<String> {
    let key = KmsKey::new("alias/customer-key");
    let weaker = Refusal::WeakerEncryption(key.clone()).code();
    let other = Secret {
        encryption: Encryption::CustomerKey(key),
        ..secret
    };
    let regions = explain(&other, policy, limits).regions.into_iter();
    let refused = regions.filter(|region| region.reason == Some(weaker));
    let refused: Vec<String> = refused.map(|region| region.region).collect();
    (!refused.is_empty()).then(|| {
        format!(
            "note: without `--kms-key`, the key is assumed to be aws/secretsmanager; with a customer managed key that \
             is not a multi-Region key, the function refuses {} ({weaker})\n",
            refused.join(", ")
        )
    })
}

/// Explains an event that the function skips before it evaluates the policy.
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
                "the tag `{key}` is given twice; give each tag once"
            );
        }
        let mut described = match &self.event {
            Some(path) => event::read(&Document::read(path)?)?,
            None => Described {
                name: self.name.clone().context("`--name` is missing")?,
                region: self.region.clone().context("`--region` is missing")?,
                tags: BTreeMap::new(),
                kms_key: None,
                is_key_known: false,
                replicas: BTreeMap::new(),
                warnings: Vec::new(),
                skipped: None,
            },
        };
        described.warnings.extend(two_tags(&self.tags));
        if self.event.is_some() && described.tags.is_empty() && tags.is_empty() {
            described.warnings.push(NO_TAGS.to_owned());
        }
        described.tags.extend(tags);
        described.is_key_known |= self.kms_key.is_some();
        described.kms_key = self.kms_key.clone().or(described.kms_key);
        Ok(described)
    }
}

impl Described {
    fn secret(&self) -> anyhow::Result<Secret> {
        let key = self.kms_key.as_deref();
        if let Some(error) = key.and_then(|key| key_of_another_region(key, &self.region)) {
            bail!("{error}; name the secret's own key");
        }
        let secret = Secret::hypothetical(&self.name, self.tags.clone(), &self.region, key)?;
        Ok(Secret {
            replicas: self.replicas.clone(),
            ..secret
        })
    }

    /// Formats warnings about the description, for standard error.
    fn note(&self) -> String {
        let region = UnknownRegion::check(&self.region).map(|unknown| unknown.to_string());
        let warnings = region.iter().chain(&self.warnings);
        let lines: Vec<String> = warnings
            .map(|warning| format!("warning: {warning}\n"))
            .collect();
        lines.concat()
    }
}

/// Returns the error for a key ARN in another Region than the secret that it encrypts.
pub(crate) fn key_of_another_region(key: &str, region: &Region) -> Option<String> {
    let other = KmsKey::new(key).other_region(region)?;
    Some(format!(
        "the key is in {other}, but the secret is in {region}"
    ))
}

/// Accepts every name except an ARN, which is often at hand instead of the name.
fn name(text: &str) -> Result<String, String> {
    match SecretArn::parse(text) {
        Ok(arn) => Err(format!(
            "this is an ARN; write the name, `{}`",
            event::name_in(&arn)
        )),
        Err(_) => Ok(text.to_owned()),
    }
}

/// Returns warnings about values that contain a second tag.
fn two_tags(tags: &[(String, String)]) -> impl Iterator<Item = String> {
    let values = tags.iter().filter(|(_, value)| {
        let mut parts = value.split(',').skip(1);
        parts.any(|part| part.contains('='))
    });
    values.map(|(key, value)| {
        format!("`{value}` is one value of the tag `{key}`; repeat `--tag` for each tag")
    })
}

fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, _)) if key.chars().count() > 128 => {
            Err("the tag key is too long: AWS allows 128 characters".to_owned())
        }
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write the tag as KEY=VALUE".to_owned()),
    }
}

/// Parses a key as the policy does, so that a typo does not count as a customer key.
///
/// # Errors
/// The invalid key and the valid forms.
pub(crate) fn kms_key(text: &str) -> Result<String, String> {
    match KmsKey::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!(
            "{error}; write a key ARN, a key ID, `alias/name` or `aws/secretsmanager`"
        )),
    }
}
