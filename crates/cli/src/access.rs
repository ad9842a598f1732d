//! Access to an AWS account: credentials, Region, endpoint, and the remediation of errors.
//!
//! Credentials and Region come from the usual chain of the AWS CLI: environment, profile, IAM Identity
//! Center, container and instance. `--profile` wins over the credentials of the environment.

mod remediation;

use std::env;
use std::io::ErrorKind;
use std::time::Duration;

use anyhow::{Context, bail};
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::{self, ProfileFileCredentialsProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_sdk_sts::config::SharedCredentialsProvider;
use aws_types::os_shim_internal::{Env, Fs};
use clap::Args;
use secret_replicator_aws::{
    Endpoints, FailbackClient, Promoter, Reader, SecretsManager, https_client,
};
use secret_replicator_core::secret::Region;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::confirm::{Confirmed, Promotions, SafeCalls};
use crate::{interrupt, options};
pub(crate) use remediation::ApiError;

/// The maximum number of attempts of a read, including the first one. There is no deadline, and throttling is
/// likely in a large account.
const ATTEMPTS: u32 = 8;

/// The maximum number of attempts of a read in a Region that may be unavailable.
const IMPATIENT_ATTEMPTS: u32 = 2;

/// The time for the connection to an endpoint of the options.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The time for which the credentials of an assumed role are valid.
const ROLE_SESSION: Duration = Duration::from_hours(1);

/// The name of the tool in the `User-Agent` of each call, for CloudTrail.
const APP_NAME: &str = "secret-replicator-cli";

/// The options of the commands that read an AWS account.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct AccessOptions {
    /// The profile in the AWS configuration files; without this option, `AWS_PROFILE` or `default`
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The endpoint of every AWS service, for a local AWS
    #[arg(long, value_name = "URL", value_parser = endpoint)]
    pub(crate) endpoint_url: Option<String>,
}

/// Access to an AWS account.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    config: SdkConfig,
    /// Whether `--endpoint-url` serves every Region, so that the variables of the environment have no effect.
    has_endpoint: bool,
}

impl Access {
    /// Loads the configuration. `region` wins over the Region of the environment and the profile. Makes no
    /// call to a service, but connects to an endpoint of this computer.
    ///
    /// # Errors
    /// Nothing listens at the endpoint of the options, or the profile does not exist.
    pub(crate) async fn load(
        options: &AccessOptions,
        region: Option<&Region>,
    ) -> anyhow::Result<Self> {
        if let Some(url) = &options.endpoint_url {
            connect(url).await?;
        }
        check_profile(options).await?;
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(https_client())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(SecretsManager::timeout_config());
        if let Ok(name) = AppName::new(APP_NAME) {
            loader = loader.app_name(name);
        }
        if let Some(profile) = &options.profile {
            loader = loader.profile_name(profile);
            remediation::use_profile(profile);
        }
        if let Some(url) = &options.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(region) = region {
            loader = loader.region(sdk_region(region));
        }
        let mut config = loader.load().await;
        if let Some(profile) = &options.profile {
            config = with_profile(config, profile);
        }
        Ok(Self {
            config,
            has_endpoint: options.endpoint_url.is_some(),
        })
    }

    /// Returns the Region of the option, the environment or the profile.
    ///
    /// # Errors
    /// None of them names a valid Region.
    pub(crate) fn region(&self) -> anyhow::Result<Region> {
        let Some(region) = self.config.region() else {
            bail!(
                "no Region is configured; add `--region us-east-1`, set AWS_REGION, or run `aws configure \
                 set region us-east-1`"
            );
        };
        let parsed = options::region(region.as_ref()).map_err(anyhow::Error::msg);
        parsed.context("the configured Region is invalid; add `--region us-east-1`")
    }

    /// Returns the configuration for the clients of the SDK.
    pub(crate) fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// Returns a client of Secrets Manager that cannot write.
    pub(crate) fn reader(&self) -> Reader {
        Reader::new(&self.secrets_manager())
    }

    /// Returns the client that promotes replicas. Only the confirmation of `promote` leads to it.
    pub(crate) fn promoter(&self, confirmed: &Confirmed<Promotions>) -> Promoter {
        Promoter::new(&self.secrets_manager(), confirmed.writes_per_second())
    }

    /// Returns the client that makes the calls of a way back that destroy nothing. Only the confirmation of
    /// `failback --perform` leads to it.
    pub(crate) fn failback_client(&self, confirmed: &Confirmed<SafeCalls>) -> FailbackClient {
        FailbackClient::new(&self.secrets_manager(), confirmed.writes_per_second())
    }

    /// Returns the same access for a Region that may be unavailable: few attempts instead of many.
    pub(crate) fn impatient(&self) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(IMPATIENT_ATTEMPTS);
        let builder = self.config.to_builder();
        Self {
            config: builder.retry_config(retries).build(),
            ..*self
        }
    }

    fn secrets_manager(&self) -> SecretsManager {
        let client = SecretsManager::from_config(&self.config);
        match self.config.region() {
            Some(home) if !self.has_endpoint => {
                client.with_endpoints(Endpoints::from_environment(home.as_ref()))
            }
            _ => client,
        }
    }

    /// Returns the same access for another Region.
    pub(crate) fn in_region(&self, region: &Region) -> Self {
        let builder = self.config.to_builder();
        Self {
            config: builder.region(sdk_region(region)).build(),
            ..*self
        }
    }

    /// Returns the access of a role, with the credentials of this access. The role is assumed at the first
    /// call.
    pub(crate) async fn assume(&self, role_arn: &str, external_id: Option<&str>) -> Self {
        let role = AssumeRoleProvider::builder(role_arn)
            .configure(&self.config)
            .session_name(APP_NAME)
            .session_length(ROLE_SESSION);
        let role = match external_id {
            Some(id) => role.external_id(id),
            None => role,
        };
        let provider = role.build().await;
        let provider = SharedCredentialsProvider::new(provider);
        let builder = self.config.to_builder();
        Self {
            config: builder.credentials_provider(provider).build(),
            ..*self
        }
    }

    /// Returns the ID of the account to which the credentials belong.
    ///
    /// # Errors
    /// There are no credentials, or they are not valid.
    pub(crate) async fn account(&self) -> Result<String, ApiError> {
        let client = aws_sdk_sts::Client::new(&self.config);
        let identity = client.get_caller_identity().send().await;
        let identity = identity.map_err(|error| ApiError::new("sts:GetCallerIdentity", &error))?;
        Ok(identity.account.unwrap_or_default())
    }
}

/// Checks that the profile of `--profile` or `AWS_PROFILE` exists, as the AWS CLI does. The chain of the SDK would go
/// on with the credentials of a container or an instance, which can belong to another account.
///
/// # Errors
/// The profile does not exist, or the configuration files cannot be read.
async fn check_profile(options: &AccessOptions) -> anyhow::Result<()> {
    let of_environment = env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty());
    let (source, name) = match (&options.profile, of_environment) {
        (Some(name), _) => ("--profile", name.clone()),
        (None, Some(name)) => ("AWS_PROFILE", name),
        (None, None) => return Ok(()),
    };
    #[expect(
        clippy::default_trait_access,
        reason = "the name of the type in this crate of the SDK is deprecated"
    )]
    let files = Default::default();
    let profiles = profile::load(&Fs::real(), &Env::real(), &files, None).await;
    let profiles = profiles.context("failed to read the AWS configuration files")?;
    if profiles.get_profile(&name).is_none() {
        bail!(
            "the profile `{name}` of `{source}` does not exist; `aws configure list-profiles` shows the profiles"
        );
    }
    Ok(())
}

/// Takes the credentials from an existing profile, a container or an instance, as the AWS CLI does. In the chain of the
/// SDK, those of the environment win, which can belong to another account.
fn with_profile(config: SdkConfig, name: &str) -> SdkConfig {
    let of_providers = ProviderConfig::without_region()
        .with_region(config.region().cloned())
        .with_use_fips(config.use_fips())
        .with_use_dual_stack(config.use_dual_stack())
        .with_http_client(https_client());
    let profile = ProfileFileCredentialsProvider::builder()
        .configure(&of_providers)
        .profile_name(name)
        .build();
    let container = EcsCredentialsProvider::builder().configure(&of_providers);
    let instance = ImdsCredentialsProvider::builder().configure(&of_providers);
    let chain = CredentialsProviderChain::first_try("Profile", profile)
        .or_else("Container", container.build())
        .or_else("Instance", instance.build());
    let provider = SharedCredentialsProvider::new(chain);
    config.into_builder().credentials_provider(provider).build()
}

fn sdk_region(region: &Region) -> aws_config::Region {
    aws_config::Region::new(region.to_string())
}

/// Connects to an endpoint of this computer. Calls would repeat a refused connection for most of a minute.
///
/// # Errors
/// The connection is refused. Other errors are left to the calls.
async fn connect(url: &str) -> anyhow::Result<()> {
    let (_, rest) = url.split_once("://").unwrap_or(("http", url));
    let authority = rest.split('/').next().unwrap_or_default();
    let is_local = ["127.0.0.1:", "localhost:", "[::1]:"];
    if !is_local.iter().any(|host| authority.starts_with(host)) {
        return Ok(());
    }
    match timeout(CONNECT_TIMEOUT, TcpStream::connect(authority)).await {
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => {
            bail!("nothing listens at `{url}`: start the local AWS, or correct `--endpoint-url`")
        }
        _ => Ok(()),
    }
}

/// Checks the URL of an endpoint.
fn endpoint(text: &str) -> Result<String, String> {
    let is_url = ["http://", "https://"]
        .iter()
        .any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
    if is_url {
        Ok(text.to_owned())
    } else {
        Err("must be a URL, for example `http://127.0.0.1:5005`".to_owned())
    }
}

/// Runs the calls of a command. An interruption ends the process.
///
/// # Errors
/// The error of the command, or no runtime could be started.
pub(crate) fn run_async<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    interrupt::watch();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime for AWS calls")?;
    runtime.block_on(command)
}
