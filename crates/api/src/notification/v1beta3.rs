//! Version v1beta3.

mod alert;
mod provider;

pub use self::alert::{Alert, AlertSpec, EventSeverity};
pub use self::provider::{Provider, ProviderSpec, ProviderType};
