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

#[cfg(test)]
mod tests {
    use crate::yaml::{
        Dialect, DuplicateKeys, Limits, YamlCause, YamlError, outline, parse_nodes, parse_value,
    };

    /// A text in lists, so many levels.
    fn nested(levels: usize) -> String {
        format!("{}x{}", "[".repeat(levels), "]".repeat(levels))
    }

    fn is_limit<T>(read: Result<T, YamlError>) -> bool {
        read.is_err_and(|error| matches!(error.cause, YamlCause::Limit { limit: 3, unit: "levels" }))
    }

    #[test]
    fn as_many_levels_as_allowed_are_read_and_one_more_is_refused_by_each_reader() {
        let limits = Limits { depth: 3, ..Limits::default() };
        assert!(parse_value("f", &nested(3), DuplicateKeys::Refuse, &limits).is_ok());
        assert!(is_limit(parse_value("f", &nested(4), DuplicateKeys::Refuse, &limits)));
        assert!(parse_nodes("f", &nested(3), Dialect::Kyaml, &limits).is_ok());
        assert!(is_limit(parse_nodes("f", &nested(4), Dialect::Kyaml, &limits)));
        assert!(outline(&nested(3), &limits).is_ok());
        assert!(is_limit(outline(&nested(5), &limits)), "what is far too deep is refused too");
    }
}
