/// How much one text may cost. Every limit is a clear error, never a panic or an exhausted machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text.
    pub bytes: usize,
    /// Nesting of mappings and lists.
    pub depth: usize,
    /// Scalars, lists and mappings of all documents together.
    pub nodes: usize,
    /// Weight that aliases may add, in nodes (a long scalar weighs one node for each 32 bytes).
    pub alias_nodes: usize,
}

impl Default for Limits {
    /// 64 MiB, 256 levels, 8 million nodes, 400 000 nodes from aliases (go-yaml's own bound on alias work).
    fn default() -> Self {
        Self { bytes: 64 << 20, depth: 256, nodes: 8_000_000, alias_nodes: 400_000 }
    }
}
