//! The accounts of a command.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use clap::Args;
use secret_replicator_core::secret::Region;

use crate::access::Access;
use crate::document::Document;

/// The options for several accounts.
#[derive(Args, Debug, Default)]
pub(crate) struct AccountOptions {
    /// The accounts to read: IDs separated by commas, or a file with one ID per line
    #[arg(long, value_name = "IDS|FILE", requires = "role_name")]
    accounts: Option<String>,
    /// The role to assume in each account
    #[arg(long, value_name = "NAME", value_parser = role_name, requires = "accounts")]
    role_name: Option<String>,
    /// The external ID that the role requires
    #[arg(long, value_name = "ID", requires = "accounts")]
    external_id: Option<String>,
}

/// An account to read.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The account's ID. `None` is the account of the credentials.
    pub(crate) account: Option<String>,
    /// The access to it.
    pub(crate) access: Access,
}

/// Parses the name of a role, with or without its path.
fn role_name(text: &str) -> Result<String, String> {
    let is_valid = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-/".contains(c);
    if text.is_empty() || !text.chars().all(is_valid) {
        let form =
            "must be the name of the role, which is the same in each account, without `arn:`";
        return Err(form.to_owned());
    }
    Ok(text.to_owned())
}

impl AccountOptions {
    /// Returns the accounts. An account whose role cannot be assumed fails at its first call.
    ///
    /// # Errors
    /// An ID is invalid, or the credentials are.
    pub(super) async fn targets(
        &self,
        access: Access,
        regions: &[Region],
    ) -> anyhow::Result<Vec<Target>> {
        let (Some(accounts), Some(role)) = (&self.accounts, &self.role_name) else {
            return Ok(vec![Target {
                account: None,
                access,
            }]);
        };
        let accounts = parse(accounts)?;
        let first = regions.first().context("no Region is configured")?;
        let access = access.in_region(first);
        // Every role would fail for the same reason.
        let own = access.account().await?;
        let mut targets = Vec::new();
        for account in accounts {
            let access = if account == own {
                access.clone()
            } else {
                let arn = format!("arn:{}:iam::{account}:role/{role}", first.partition());
                access.assume(&arn, self.external_id.as_deref()).await
            };
            targets.push(Target {
                account: Some(account),
                access,
            });
        }
        Ok(targets)
    }
}

/// Parses the IDs, or the file that contains them.
fn parse(text: &str) -> anyhow::Result<BTreeSet<String>> {
    let is_list = text.chars().all(|c| c.is_ascii_digit() || ", ".contains(c));
    let text = if is_list {
        text.to_owned()
    } else {
        let file = Document::read(text).context("`--accounts` names neither IDs nor a file")?;
        let lines = file.text.lines().map(|line| match line.split_once('#') {
            Some((ids, _)) => ids.to_owned(),
            None => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let ids = text.split(|c: char| c == ',' || c.is_whitespace());
    let ids: BTreeSet<String> = ids.filter(|id| !id.is_empty()).map(str::to_owned).collect();
    if ids.is_empty() {
        bail!("`--accounts` names no account; name IDs of 12 digits, separated by commas");
    }
    let is_id = |id: &&String| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit());
    match ids.iter().find(|id| !is_id(id)) {
        Some(invalid) => {
            bail!("`{invalid}` in `--accounts` is not an account ID; an ID has 12 digits")
        }
        None => Ok(ids),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_ids_or_a_file_with_ids() {
        let ids = parse("222222222222, 111111111111").unwrap();
        assert_eq!(ids.len(), 2);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "# production\n111111111111 # main\n\n222222222222\n").unwrap();
        assert_eq!(parse(file.path().to_str().unwrap()).unwrap(), ids);
        for wrong in ["1234", "", "no-such-file", "1111111111111"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
