//! Options that several commands share.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use secret_replicator_core::known_regions::{self, UnknownRegion};
use secret_replicator_core::limits::{AllowedRegions, Limits};
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

/// The options that correspond to the function's settings that limit a policy.
#[derive(Args, Debug, Default)]
pub(crate) struct LimitsOptions {
    /// The allowed Regions, as in the function's setting `ALLOWED_REPLICA_REGIONS`; without this
    /// option, only the policy limits the Regions
    #[arg(long, value_name = "REGIONS", value_parser = allowed_regions)]
    allowed_replica_regions: Option<AllowedRegions>,
    /// Allow rules to overwrite, as with the function's setting `ALLOW_OVERWRITE`
    #[arg(long)]
    allow_overwrite: bool,
    /// Allow the policy's removal, as with the function's setting `ALLOW_REMOVAL`
    #[arg(long)]
    allow_removal: bool,
}

impl LimitsOptions {
    /// Returns the limits.
    pub(crate) fn get(&self) -> Limits {
        let allowed = self.allowed_replica_regions.clone();
        limits(
            allowed.unwrap_or(AllowedRegions::Any),
            self.allow_overwrite,
            self.allow_removal,
        )
    }

    /// Returns whether no option sets a limit.
    #[cfg(feature = "aws")]
    pub(crate) fn is_default(&self) -> bool {
        self.allowed_replica_regions.is_none() && !self.allow_overwrite && !self.allow_removal
    }

    /// Formats a warning for each allowed Region that is not a known one, for standard error.
    pub(crate) fn note(&self) -> String {
        let regions = self.get().allowed_regions.named_regions();
        unknown_regions("--allowed-replica-regions: ", &regions)
    }
}

/// Formats a warning for each Region that is not a known one, for standard error. `place` says what names it.
pub(crate) fn unknown_regions<'a>(
    place: &str,
    regions: impl IntoIterator<Item = &'a Region>,
) -> String {
    let unknown = regions.into_iter().filter_map(UnknownRegion::check);
    let lines = unknown.map(|unknown| format!("warning: {place}{unknown}\n"));
    lines.collect()
}

/// Returns limits from the values of the function's settings.
pub(crate) fn limits(
    allowed_regions: AllowedRegions,
    allow_overwrite: bool,
    allow_removal: bool,
) -> Limits {
    Limits {
        allowed_regions,
        overwrite: allow_overwrite.into(),
        removal: allow_removal.into(),
    }
}

/// Parses a Region code.
///
/// # Errors
/// The invalid code, with the Region that it may mean.
pub(crate) fn region(text: &str) -> Result<Region, String> {
    Region::parse(text).map_err(|error| match known_regions::did_you_mean(text) {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    })
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
    let regions: Result<BTreeSet<Region>, String> = tokens.map(region).collect();
    match regions {
        Ok(regions) if !regions.is_empty() => Ok(AllowedRegions::Only(regions)),
        Ok(_) if text.trim().is_empty() => Ok(AllowedRegions::Any),
        Ok(_) => {
            Err("must name at least one Region; leave it empty to allow every Region".to_owned())
        }
        Err(error) if error.ends_with('?') => Err(error),
        Err(error) => Err(format!(
            "{error}; list Regions separated by spaces or commas"
        )),
    }
}

/// Parses the name or the ARN of a stack. AWS answers an empty name with all stacks.
///
/// # Errors
/// The name is empty.
#[cfg(feature = "aws")]
pub(crate) fn stack(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("must be the name of a stack; a variable of the shell may be empty".to_owned()),
        name => Ok(name.to_owned()),
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
