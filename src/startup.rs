//! Sets up the log, and writes the lines of the start.

use tracing::level_filters::STATIC_MAX_LEVEL;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::record::ErrorType;
use crate::settings::{Settings, SettingsInvalid};
use secret_replicator_core::environment;
use secret_replicator_core::known_regions::UnknownRegion;
use secret_replicator_core::limits::{Overwrite, RemovalLimit};

/// The message of a start outside Lambda, which has no Runtime API to get events from.
pub const OUTSIDE_LAMBDA: &str = "bootstrap: AWS_LAMBDA_RUNTIME_API is not set: this program is an AWS Lambda function and \
    runs only in Lambda; `make demo` runs it on a local Lambda";

/// Sets up the log of all lines except the records. A line is a JSON object with `timestamp` and an
/// upper-case `level`, from which Lambda takes the line's level (Lambda developer guide, "Log and
/// application log levels"). `AWS_LAMBDA_LOG_LEVEL` sets the level. The default is `INFO`.
pub fn log() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_filter(filter(&level));
    tracing_subscriber::registry().with(lines).init();
}

// Below `INFO`, the SDK and the runtime log whole responses and events, tags included. A feature of any
// dependency could enable these levels again.
const _: () = assert!(matches!(STATIC_MAX_LEVEL, LevelFilter::INFO));

/// Drops the runtime's line for an error that the handler returns, because the record contains it.
fn filter(level: &str) -> Targets {
    let level = match level.to_ascii_uppercase().as_str() {
        "" => LevelFilter::INFO,
        "FATAL" => LevelFilter::ERROR,
        other => other.parse().unwrap_or(LevelFilter::INFO),
    };
    Targets::new()
        .with_default(level)
        .with_target("lambda_runtime::layers::panic", LevelFilter::OFF)
}

/// Logs the settings in force and the policy warnings, once per sandbox. The settings explain the
/// records that follow.
pub fn announce(settings: &Settings) {
    let Settings {
        policy,
        policy_document,
        limits,
        allow_promotion,
        dry_run,
        replication_wait,
        ..
    } = settings;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        region = %settings.region,
        rules = policy.rules().len(),
        policy_source = policy_document.source,
        policy_sha256 = policy_document.sha256,
        allowed_regions = %limits.allowed_regions,
        allow_overwrite = limits.overwrite == Overwrite::Allowed,
        allow_removal = limits.removal == RemovalLimit::Allowed,
        allow_promotion,
        dry_run,
        replication_wait_seconds = replication_wait.as_secs(),
        "ready"
    );
    let allowed = limits.allowed_regions.named_regions();
    for unknown in allowed.iter().filter_map(UnknownRegion::check) {
        tracing::warn!(
            code = "unknown-region",
            "ALLOWED_REPLICA_REGIONS: {unknown}"
        );
    }
    warn_of_size();
    for warning in &settings.policy_warnings {
        tracing::warn!(code = warning.code, "policy warning: {warning}");
    }
}

/// Warns about settings that Lambda would not accept as environment variables, which can start elsewhere, for
/// instance under a local emulator.
fn warn_of_size() {
    let names = environment::OTHER_VARIABLES.map(|(name, _)| name);
    let names = ["REPLICATION_POLICY", "ALLOWED_REPLICA_REGIONS"]
        .into_iter()
        .chain(names);
    let variables: Vec<(&str, String)> = names
        .filter_map(|name| Some((name, std::env::var(name).ok()?)))
        .collect();
    let size = environment::size(variables.iter().map(|(name, text)| (*name, text.as_str())));
    if size > environment::MAX_SIZE {
        tracing::warn!(
            size,
            limit = environment::MAX_SIZE,
            "the environment variables are too large for Lambda: {}",
            environment::REMEDIATION
        );
    }
}

/// Logs the problems of invalid settings, once per sandbox. Each invocation then fails with them.
pub fn report(invalid: &SettingsInvalid) {
    tracing::error!(
        version = env!("CARGO_PKG_VERSION"),
        error_type = ?ErrorType::from(invalid),
        "every event fails until this is fixed: {invalid}"
    );
}
