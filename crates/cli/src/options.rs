//! Options that several commands share.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use secret_replicator_core::limits::AllowedRegions;
use secret_replicator_core::secret::Region;

/// The output format of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text for people
    #[default]
    Text,
    /// JSON for programs
    Json,
}

/// The option that corresponds to the function's setting `ALLOWED_REPLICA_REGIONS`.
#[derive(Args)]
pub(crate) struct AllowedRegionsOption {
    /// The allowed Regions, as in the function's setting `ALLOWED_REPLICA_REGIONS`; without this
    /// option, only the policy limits the Regions
    #[arg(long, value_name = "REGIONS", value_parser = allowed_regions)]
    allowed_replica_regions: Option<AllowedRegions>,
}

impl AllowedRegionsOption {
    /// Returns the allowed Regions.
    pub(crate) fn get(&self) -> AllowedRegions {
        self.allowed_replica_regions
            .clone()
            .unwrap_or(AllowedRegions::Any)
    }
}

/// Parses a list of Regions in the format of the function's setting. An empty list allows every Region,
/// as in the setting.
///
/// # Errors
/// The invalid Region and the expected format.
pub(crate) fn allowed_regions(text: &str) -> Result<AllowedRegions, String> {
    let tokens = text
        .split([' ', ',', '\t', '\n'])
        .filter(|token| !token.is_empty());
    let regions: Result<BTreeSet<Region>, _> = tokens.map(Region::parse).collect();
    match regions {
        Ok(regions) if !regions.is_empty() => Ok(AllowedRegions::Only(regions)),
        Ok(_) if text.trim().is_empty() => Ok(AllowedRegions::Any),
        Ok(_) => {
            Err("must name at least one Region; leave it empty to allow every Region".to_owned())
        }
        Err(error) => Err(format!(
            "{error}; list Regions separated by spaces or commas"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allowed_regions_are_read_as_the_function_reads_them() {
        let two = ["eu-west-1", "us-west-2"].map(|code| Region::parse(code).unwrap());
        let two = AllowedRegions::Only(two.into());
        for text in ["eu-west-1 us-west-2", " us-west-2,eu-west-1,\n"] {
            assert_eq!(allowed_regions(text).as_ref(), Ok(&two), "{text}");
        }
        assert_eq!(allowed_regions(" "), Ok(AllowedRegions::Any));
        assert!(allowed_regions(",").is_err());
        assert!(
            allowed_regions("eu-west-1 frankfurt")
                .unwrap_err()
                .contains("`frankfurt`")
        );
    }
}
