//! The server over HTTP. `tests/black_box` and `tests/independent` call it with the SDKs for Rust
//! and Python, and with the AWS CLI.

mod events;
mod faults;
mod log;
mod support;
mod wire;
