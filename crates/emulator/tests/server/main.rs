//! The server, as clients see it.

mod faults;
mod sdk;
mod support;
mod wire;
