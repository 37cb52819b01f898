//! Version v1beta1.

mod artifact_generator;

pub use self::artifact_generator::{
    ArtifactGenerator, ArtifactGeneratorSpec, ArtifactGeneratorStatus, CopyOperation, CopyStrategy,
    GeneratedArtifact, GeneratorSource, GeneratorSourceKind, OutputArtifact,
};
