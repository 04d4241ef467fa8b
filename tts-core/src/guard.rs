//! Panics of code that is not ours (strategies, scorers, generators) as errors of the one problem or
//! call that they belong to: what others have computed is not lost with them.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs foreign code; the message of its panic as an error.
pub(crate) fn guarded<T>(who: &str, code: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        format!("the {who} panicked: {}", text.unwrap_or("without a message"))
    })
}
