//! Panics turned into messages: for the shapes that a layer refuses, and for other people's code on files that nobody can trust.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether panics on this thread are caught, so that nothing about them belongs on stderr.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// What a job returns, or the message of its panic, which is then not printed.
///
/// # Errors
/// The message of a panic.
pub fn caught<R>(job: impl FnOnce() -> R) -> Result<R, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !CAUGHT.get() {
                previous(panic);
            }
        }));
    });
    let outer = CAUGHT.replace(true);
    // The job's own data is dropped with it; what it borrows is only read.
    let result = panic::catch_unwind(AssertUnwindSafe(job));
    CAUGHT.set(outer);
    result.map_err(|payload| message(payload.as_ref()))
}

fn message(payload: &(dyn Any + Send)) -> String {
    let literal = payload.downcast_ref::<&str>().map(|text| text.to_string());
    literal.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_string())
}

#[cfg(test)]
mod tests {
    use super::caught;

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(caught(|| 7), Ok(7));
        assert_eq!(caught::<()>(|| panic!("plain")), Err("plain".to_string()));
        let seven = 7;
        assert_eq!(caught::<()>(|| panic!("with {seven}")), Err("with 7".to_string()));
        // One inside another leaves the outer one working.
        let nested = caught(|| {
            let inner = caught::<()>(|| panic!("inner"));
            panic!("outer after {}", inner.unwrap_err());
        });
        assert_eq!(nested, Err("outer after inner".to_string()));
    }
}
