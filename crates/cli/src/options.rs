//! The options that several commands share.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use secret_replicator_core::limits::AllowedRegions;
use secret_replicator_core::secret::Region;

/// How a command answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// The option that stands for the function's setting `ALLOWED_REPLICA_REGIONS`.
#[derive(Args)]
pub(crate) struct AllowedRegionsOption {
    /// The Regions that replicas may be created in, as in the function's setting
    /// `ALLOWED_REPLICA_REGIONS`; without it, only the policy limits
    #[arg(long, value_name = "REGIONS", value_parser = allowed_regions)]
    allowed_replica_regions: Option<AllowedRegions>,
}

impl AllowedRegionsOption {
    /// What the option allows.
    pub(crate) fn get(&self) -> AllowedRegions {
        self.allowed_replica_regions
            .clone()
            .unwrap_or(AllowedRegions::Any)
    }
}

/// Reads a list of Regions as the function's setting writes it. An empty one limits nothing, as
/// there.
///
/// # Errors
/// What is no Region, and how to write the list.
pub(crate) fn allowed_regions(text: &str) -> Result<AllowedRegions, String> {
    let tokens = text
        .split([' ', ',', '\t', '\n'])
        .filter(|token| !token.is_empty());
    let regions: Result<BTreeSet<Region>, _> = tokens.map(Region::parse).collect();
    match regions {
        Ok(regions) if !regions.is_empty() => Ok(AllowedRegions::Only(regions)),
        Ok(_) if text.trim().is_empty() => Ok(AllowedRegions::Any),
        Ok(_) => Err("names no Region; leave it empty to limit nothing".to_owned()),
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
