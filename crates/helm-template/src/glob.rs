//! Two pattern languages: Go's `path.Match`, and that of `.Files.Glob`.
mod files;
mod path;

pub(crate) use self::{
    files::FilesPattern,
    path::{path_match, valid_path_pattern},
};
