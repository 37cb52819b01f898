//! ImageRepository: the tags of an image, read from its registry.

mod due;
mod reconciler;
mod registry;
mod tags;

pub(crate) use self::reconciler::ImageRepositories;
pub(crate) use self::registry::Registries;
pub(crate) use self::tags::TagStore;
