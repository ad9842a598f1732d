use std::collections::BTreeMap;
use std::env;

use aws_sdk_secretsmanager::config::Builder;
use secret_replicator_core::secret::Region;

/// The variable with an endpoint of Secrets Manager, and the prefix of those for single Regions.
const SERVICE: &str = "AWS_ENDPOINT_URL_SECRETS_MANAGER";

/// The variable with an endpoint of all services.
const ALL_SERVICES: &str = "AWS_ENDPOINT_URL";

/// The endpoints for calls to other Regions.
///
/// An endpoint such as `https://vpce-1a2b.secretsmanager.us-east-1.vpce.amazonaws.com` serves one Region
/// only. An endpoint whose host does not contain the function's Region serves all Regions, as those of
/// emulators do.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    is_home_only: bool,
    by_region: BTreeMap<String, String>,
}

impl Endpoints {
    /// Reads the endpoints from the variables of this process, for a client in the Region `home`.
    #[must_use]
    pub fn from_environment(home: &str) -> Self {
        let text = env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self::read(home, text)
    }

    /// Reads the endpoints from environment variables. `AWS_ENDPOINT_URL_SECRETS_MANAGER_EU_WEST_1`, for
    /// instance, is the endpoint for probes of `eu-west-1`.
    #[must_use]
    pub fn read(home: &str, variables: impl Iterator<Item = (String, String)>) -> Self {
        let variables: BTreeMap<String, String> = variables
            .filter(|(name, url)| name.starts_with(ALL_SERVICES) && !url.trim().is_empty())
            .collect();
        let general = variables.get(SERVICE).or(variables.get(ALL_SERVICES));
        let by_region = variables.iter().filter_map(|(name, url)| {
            let region = name.strip_prefix(SERVICE)?.strip_prefix('_')?;
            Some((region.to_ascii_lowercase().replace('_', "-"), url.clone()))
        });
        Self {
            is_home_only: general.is_some_and(|url| !home.is_empty() && url.contains(home)),
            by_region: by_region.collect(),
        }
    }

    /// Sets the endpoint for calls to another Region.
    pub(super) fn configure(&self, region: &Region, config: Builder) -> Builder {
        let mut config = config;
        match self.by_region.get(region.as_str()) {
            Some(url) => config.set_endpoint_url(Some(url.clone())),
            // AWS's endpoint in that Region.
            None if self.is_home_only => config.set_endpoint_url(None),
            None => &mut config,
        };
        config
    }
}
