use std::fs;
use std::path::PathBuf;

use anyhow::bail;
use secret_replicator_core::secret::Region;

/// The name of the state file without `--state`, in the current directory. It contains the account and both Regions,
/// so that the runs in a directory do not mix them.
#[derive(Debug)]
pub(crate) struct DefaultPath<'a> {
    /// The failover Region.
    region: &'a Region,
}

/// What is known about the secrets. Their ARNs show it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known<'a> {
    /// The ID of the account.
    pub(crate) account: Option<&'a str>,
    /// The primary Region.
    pub(crate) primary: Option<&'a Region>,
}

impl<'a> DefaultPath<'a> {
    pub(crate) fn new(region: &'a Region) -> Self {
        Self { region }
    }

    /// Returns the path, or without the account or the primary Region the path of the only file that fits.
    ///
    /// # Errors
    /// Several files fit.
    pub(crate) fn find(&self, known: &Known<'_>) -> anyhow::Result<Option<PathBuf>> {
        if let Known {
            account: Some(account),
            primary: Some(primary),
        } = known
        {
            let name = format!("promotion-{account}-{primary}-{}.jsonl", self.region);
            return Ok(Some(name.into()));
        }
        let files = fs::read_dir(".").into_iter().flatten().flatten();
        let names = files.filter_map(|file| file.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| self.fits(name, known)).collect();
        names.sort();
        match &names[..] {
            [] => Ok(None),
            [name] => Ok(Some(name.into())),
            _ => bail!(
                "this directory has several state files for {}: {}; name one with `--state`",
                self.region,
                names.join(", ")
            ),
        }
    }

    /// Returns whether a file can have the name of the state file.
    fn fits(&self, name: &str, known: &Known<'_>) -> bool {
        let parts = || {
            let name = name.strip_prefix("promotion-")?.strip_suffix(".jsonl")?;
            let (account, regions) = name.split_once('-')?;
            let primary = regions.strip_suffix(self.region.as_str())?;
            Some((account, primary.strip_suffix('-')?))
        };
        parts().is_some_and(|(account, primary)| {
            known.account.is_none_or(|known| known == account)
                && known.primary.is_none_or(|known| known.as_str() == primary)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_contains_the_account_and_both_regions() {
        let region = |code| Region::parse(code).unwrap();
        let (to, from) = (region("eu-west-1"), region("us-east-1"));
        let known = Known {
            account: Some("123456789012"),
            primary: Some(&from),
        };
        let path = DefaultPath::new(&to);
        let name = "promotion-123456789012-us-east-1-eu-west-1.jsonl";
        assert_eq!(path.find(&known).unwrap(), Some(name.into()));
        for known in [Known::default(), known] {
            assert!(path.fits(name, &known), "{known:?}");
        }
        let other = Known {
            account: Some("210987654321"),
            primary: None,
        };
        assert!(!path.fits(name, &other));
        assert!(!DefaultPath::new(&from).fits(name, &Known::default()));
    }
}
