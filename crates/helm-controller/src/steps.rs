//! One step a file: what must be there before the release is looked at.

pub(crate) mod accept;
pub(crate) mod chart_template;
pub(crate) mod dependencies;
pub(crate) mod fetch;
pub(crate) mod source;
pub(crate) mod values;
