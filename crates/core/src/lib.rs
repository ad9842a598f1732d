//! Decides which secrets are replicated to which Regions. Pure: no clock, no network, no environment.
//!
//! ```text
//! event (JSON) ─► request    DescribeSecret ─► secret ─► policy ─► plan
//! ```
//!
//! | module | content |
//! |---|---|
//! | [`request`] | parses events and actions into requests |
//! | [`secret`] | the metadata of a secret, in strict types |
//! | [`limits`] | the limits that the settings impose, independent of the policy |
//! | [`policy`] | the policy language: which secrets are replicated, and where |
//! | [`plan`] | the steps for one secret, Region by Region |
//! | [`explain`] | explains the plan, rule by rule |
//! | [`reason`] | the stable codes of the record, each with its remediation |
//! | [`outcome`] | the outcomes of the record, ordered by severity |
//! | [`known_regions`] | the Regions of AWS, for warnings and hints |
//! | [`spelling`] | corrections of misspelled words, for hints |
//! | [`environment`] | the size of the function's environment |
//! | [`comparison`] | compares the lists of secrets of several Regions |
//! | [`failover`] | drills, promotions and the way back, when a primary Region fails |
//! | [`sweep`] | the state of a sweep between two slices |

#![forbid(unsafe_code)]

pub mod comparison;
pub mod environment;
pub mod explain;
pub mod failover;
pub mod known_regions;
pub mod limits;
pub mod outcome;
pub mod plan;
pub mod policy;
pub mod reason;
pub mod request;
pub mod secret;
pub mod spelling;
pub mod sweep;
