//! The measurements, one module each.

pub(crate) mod build;
pub(crate) mod events;
pub(crate) mod instructions;
pub(crate) mod policy;
pub(crate) mod process;
pub(crate) mod profile;
pub(crate) mod sizes;
