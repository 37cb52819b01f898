use manifest::Object;

use crate::spec::CommonMetadata;

/// Sets labels and annotations on every object, over its own.
pub(crate) fn set(objects: &mut [Object], common: &CommonMetadata) {
    for object in objects {
        common.labels.iter().for_each(|(key, value)| object.set_label(key, value));
        common.annotations.iter().for_each(|(key, value)| object.set_annotation(key, value));
    }
}
