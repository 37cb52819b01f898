//! As whom an object acts (decision D8).

use ssa::Identity;

use crate::args::Options;

/// The ServiceAccount that the spec names, the one of `--default-service-account`, or the controller itself. An account
/// is always one of the object's own namespace.
#[must_use]
pub fn identity(options: &Options, namespace: Option<&str>, named: Option<&str>) -> Identity {
    let named = named.filter(|name| !name.is_empty()).map(str::to_owned);
    match named.or_else(|| options.default_service_account.clone()) {
        Some(name) => Identity::ServiceAccount { namespace: namespace.unwrap_or_default().to_owned(), name },
        None => Identity::Controller,
    }
}
