//! A local AWS for demos, tests and benchmarks of secret-replicator.
//!
//! * [`world`]: a multi-Region Secrets Manager as a pure state machine. Callers pass
//!   the time; it uses no clock and no network.
//! * [`server`]: the same over HTTP (AWS JSON 1.1), for SDKs and the AWS CLI, with scripted faults
//!   and a log of calls.
//! * [`lambda`]: the Lambda Runtime API around a real `bootstrap` process.
//!
//! Comments grade the evidence for AWS's behavior: `[doc]` documented, `[real]` recorded,
//! `[verified]` asserted by another project's test that also runs on AWS, `[field]` reported by
//! users, `[infer]` inferred, `[gap]` no evidence, therefore usually a setting.
//!
//! ```
//! use std::time::Duration;
//!
//! use secret_replicator_emulator::{SecretSeed, Time, World, WorldSettings};
//! use serde_json::json;
//!
//! let mut world = World::new(WorldSettings::default());
//! let now = Time(0);
//! world.seed(now, SecretSeed::new("us-east-1", "app"));
//! let body = json!({"SecretId": "app", "AddReplicaRegions": [{"Region": "eu-west-1"}]});
//! world.handle(now, "us-east-1", "ReplicateSecretToRegions", &body)?;
//! assert_eq!(world.replicas(now, "us-east-1", "app")[0].status, "InProgress");
//! let later = now + Duration::from_secs(1);
//! assert_eq!(world.replicas(later, "us-east-1", "app")[0].status, "InSync");
//! # Ok::<(), secret_replicator_emulator::ApiError>(())
//! ```

mod http;
pub mod lambda;
pub mod server;
pub mod world;

pub use lambda::{Answer, InitFailure, Invocation, Lambda, LambdaSettings};
pub use server::{Call, Disturbance, Emulator, Execution, Fault, FaultKind, Outcome, Service};
pub use world::{
    ApiError, Collation, Denial, FailedReplicas, KeyState, KnownReplica, NamedStates,
    PromotedReplicas, ReadLags, RegionNotEnabled, RemovedReplicas, ReplicaView, SecretSeed,
    SecretSeries, SecretView, SecretWithoutValue, Time, World, WorldSettings,
};
