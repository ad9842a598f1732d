//! The file with the secrets that a failover Region should have.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};
use chrono::Utc;
use secret_replicator_core::failover::inventory::{Inventory, NotAnInventory, SavedPolicy};
use secret_replicator_core::policy::Policy;
use secret_replicator_core::secret::Region;

use super::Drill;
use super::report::Report;
use crate::document::Document;
use crate::html::HtmlReport;
use crate::output::json;
use crate::output_file::OutputFile;
use crate::select::SelectOptions;

/// Loads an inventory of this Region.
///
/// # Errors
/// The file is not an inventory, or it is that of another Region.
pub(crate) fn load(path: &str, to: &Region) -> anyhow::Result<Inventory> {
    let document = Document::read(path)?;
    let inventory = Inventory::parse(&document.text).with_context(|| {
        format!("failed to read the inventory `{path}`; `drill --to {to} --save FILE` saves one")
    })?;
    if inventory.region != *to {
        bail!(
            "the inventory `{path}` is that of {}, not of {to}; `drill --to {to} --save FILE` saves one",
            inventory.region
        );
    }
    Ok(inventory)
}

/// Checks that the file of `--save` can be written, and that no selection of secrets replaces others.
pub(super) fn check(
    path: Option<&PathBuf>,
    select: &SelectOptions,
    page: Option<&HtmlReport>,
) -> anyhow::Result<Option<OutputFile>> {
    let Some(path) = path else {
        return Ok(None);
    };
    let selection = select.words();
    let former = fs::read_to_string(path).ok();
    let former = former.and_then(|text| Inventory::parse(&text).ok());
    if let Some(former) = former
        && !selection.is_empty()
        && former.selection != selection
    {
        bail!(
            "`{}` is an inventory of other secrets than those of `{}`, and would lose them; name another file with \
             `--save`, or save without the selection",
            path.display(),
            selection.join(" ")
        );
    }
    let is_inventory =
        |text: &str| !matches!(Inventory::parse(text), Err(NotAnInventory::Malformed(_)));
    let file = OutputFile::check("--save", "inventory.json", path, is_inventory)?;
    if page.is_some_and(|page| page.is_written_to(&file)) {
        bail!("`--save` and `--html` name the same file; name another one for `--html`");
    }
    Ok(Some(file))
}

/// Saves the inventory. The former file stays if the new one would be incomplete.
/// Returns whether the file was written, and a note for standard error.
pub(super) fn save(
    file: &OutputFile,
    drill: &Drill<'_>,
    report: &Report,
) -> anyhow::Result<(bool, String)> {
    let name = file.name();
    if let Some(reason) = report.incomplete() {
        let note = format!("warning: `{name}` was not written, because {reason}\n");
        return Ok((false, note));
    }
    let keys = tag_keys(&drill.source.policy, drill.select);
    let inventory = Inventory::new(drill.to.clone(), Utc::now(), keys, report.entries());
    let policy = SavedPolicy::new(&drill.source.text, &drill.source.limits);
    let inventory = inventory
        .with_policy(policy)
        .with_selection(drill.select.words());
    let text = json(&inventory)?;
    file.write(|to| to.write_all(text.as_bytes()))?;
    Ok((true, format!("wrote the inventory to `{name}`\n")))
}

/// Returns the keys of the tags that filters need: those of the policy and of `--tag`.
fn tag_keys(policy: &Policy, select: &SelectOptions) -> BTreeSet<String> {
    let of_policy = policy.tag_keys().into_iter().map(str::to_owned);
    let of_options = select.tag.iter().map(|(key, _)| key.clone());
    of_policy.chain(of_options).collect()
}
