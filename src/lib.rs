//! x
pub mod plan;
pub mod policy;
pub mod reason;
pub mod secret;
pub mod settings;
pub mod trigger;
