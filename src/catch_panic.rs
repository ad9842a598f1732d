//! Catches panics, so that a bug leaves a record and does not stop the work on other secrets.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

/// Runs a future to completion and catches its panic.
///
/// # Errors
/// The panic's message, if the future panics.
pub async fn catch_panic<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let end = AssertUnwindSafe(work).catch_unwind().await;
    end.map_err(|panic| message(panic.as_ref()))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_its_message() {
        assert_eq!(catch_panic(async { 1 }).await, Ok(1));
        let number = 2;
        let end: Result<(), String> = catch_panic(async move { panic!("number {number}") }).await;
        assert_eq!(end, Err("number 2".to_owned()));
        let end: Result<(), String> = catch_panic(async { panic!("plain") }).await;
        assert_eq!(end, Err("plain".to_owned()));
    }
}
