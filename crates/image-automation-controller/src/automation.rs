//! ImageUpdateAutomation: writes the images that policies chose to a Git repository.

mod files;
mod message;
mod policies;
mod prepare;
mod reconciler;
mod signing;
mod source;
mod table;

pub(crate) use self::reconciler::{ImageUpdateAutomations, watch_repositories};
