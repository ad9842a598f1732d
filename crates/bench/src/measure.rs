//! The measurements.

pub(crate) mod events;
pub(crate) mod instructions;
pub(crate) mod memory;
pub(crate) mod policy;
pub(crate) mod process;
pub(crate) mod sizes;
