use manifest::yaml::Node;

use super::Resource;
use crate::origin::{ORIGIN, TRANSFORMATIONS};

impl Resource {
    /// Lays down what is recorded where the reference tool keeps it: in annotations, so that a patch which replaces all
    /// annotations also takes the record away.
    pub(crate) fn show_history(&mut self) {
        let shown = [(ORIGIN, self.origin.is_some()), (TRANSFORMATIONS, !self.transformations.is_empty())];
        for (key, _) in shown.into_iter().filter(|(_, there)| *there) {
            let annotations = self.metadata_mut().entry("annotations", Node::mapping);
            if annotations.is_null() {
                *annotations = Node::mapping();
            }
            if let Some(annotations) = annotations.as_mapping_mut() {
                annotations.set(key, Node::string(""));
            }
        }
    }

    /// Forgets what was taken away, and takes away what is still shown.
    pub(crate) fn check_history(&mut self) {
        let annotations = self.node.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
        let mut annotations = annotations.and_then(Node::as_mapping_mut);
        let mut there =
            |key| annotations.as_mut().is_some_and(|annotations| annotations.remove(key).is_some());
        let (origin, transformations) = (there(ORIGIN), there(TRANSFORMATIONS));
        if !origin {
            self.origin = None;
        }
        if !transformations {
            self.transformations.clear();
        }
        if annotations.is_some_and(|annotations| annotations.is_empty()) && (origin || transformations) {
            self.metadata_mut().remove("annotations");
        }
    }
}
