use std::sync::LazyLock;

use regex::Regex;

use crate::ApiError;

static WORDING: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"is\simmutable|immutable\sfield").expect("a constant pattern"));

/// Whether an apply failed because the object must be recreated, judged as Flux and kubectl do: any conflict
/// or 422, or the wording of webhooks and CEL rules.
pub(crate) fn is_immutable(error: &ApiError) -> bool {
    error.failure().is_some_and(|failure| asks_for_recreation(failure.code, &failure.message))
}

/// The same, of the code and the message of an answer.
#[must_use]
pub fn asks_for_recreation(code: u16, message: &str) -> bool {
    matches!(code, 409 | 422) || WORDING.is_match(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Failure;

    fn check(code: u16, message: &str, expect: bool) {
        let failure = Failure { code, message: message.into(), ..Failure::default() };
        assert_eq!(is_immutable(&ApiError::Status(Box::new(failure))), expect, "{code} {message}");
    }

    #[test]
    fn tells_immutability_by_code_or_wording() {
        check(422, "anything", true);
        check(409, "anything", true);
        check(400, "spec.x is immutable after creation", true);
        check(403, "changing an immutable field", true);
        check(403, "forbidden", false);
    }
}
