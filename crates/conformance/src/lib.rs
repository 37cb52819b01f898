//! Runs conformance corpora: one trial a case, gaps listed, unexpected passes fail.
