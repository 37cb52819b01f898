//! Sets of templates that can call each other.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use foldhash::fast::RandomState;

use crate::{
    error::{ExecError, ParseError},
    exec,
    func::{Context, Funcs},
    parallel::each,
    parse::{self, Tree},
    session::Session,
    value::{Str, Value},
};

/// What a missing key of a map gives: text/template's option `missingkey`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingKey {
    /// No value, printed `<no value>`; its fields are no value either (`missingkey=default`).
    #[default]
    Default,
    /// The zero value of the map's elements: nil for `interface {}`, whose fields are errors (`missingkey=zero`).
    Zero,
    /// An error.
    Error,
}

/// Bytes that the trees of one text, and of all texts given at once, may take, about.
const MAX_TREE: usize = 16 << 20;
const MAX_TREES: usize = 48 << 20;

type Trees = BTreeMap<Arc<str>, Tree>;

/// A set of parsed templates with a name of its own.
#[derive(Clone, Debug)]
pub struct Templates {
    name: Arc<str>,
    missing_key: MissingKey,
    delims: (Arc<str>, Arc<str>),
    shared: Arc<Trees>,
    own: Trees,
}

impl Templates {
    /// An empty set.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            missing_key: MissingKey::default(),
            delims: ("{{".into(), "}}".into()),
            shared: Arc::default(),
            own: Trees::new(),
        }
    }

    /// Sets what a missing key gives.
    #[must_use]
    pub fn missing_key(mut self, missing_key: MissingKey) -> Self {
        self.missing_key = missing_key;
        self
    }

    /// Sets the delimiters of templates parsed from here on; an empty one stands for the default.
    #[must_use]
    pub fn delims(mut self, left: &str, right: &str) -> Self {
        let or = |text: &str, default: &str| if text.is_empty() { default.into() } else { text.into() };
        self.delims = (or(left, "{{"), or(right, "}}"));
        self
    }

    /// The set's own name, which errors about unknown templates state.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Parses a text as the template `name`, and every template that it defines. A later definition replaces an
    /// earlier one, unless it is empty.
    ///
    /// # Errors
    /// In Go's words, with the line. Functions must be known already. When the trees of the text need more than 16 MiB.
    pub fn parse(&mut self, name: &str, text: &str, funcs: &Funcs) -> Result<(), ParseError> {
        let known = |function: &str| funcs.get(function).is_some();
        let trees = parse::parse(name, text, (&self.delims.0, &self.delims.1), &known, MAX_TREE);
        self.add(trees.map_err(|error| *error)?);
        Ok(())
    }

    /// As [`parse`](Self::parse) of one text (`(name, text)`) after the other, on at most `threads` threads.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), of the first text that is wrong; with its place among the texts. None of them is added
    /// after it. When the trees of all texts need more than 48 MiB.
    pub fn parse_all(
        &mut self,
        texts: &[(&str, &str)],
        funcs: &Funcs,
        threads: usize,
    ) -> Result<(), (usize, ParseError)> {
        let names: HashSet<&str, RandomState> = funcs.names().into_iter().collect();
        let delims = (self.delims.0.clone(), self.delims.1.clone());
        let known = |function: &str| names.contains(function);
        let taken = AtomicUsize::new(0);
        let parse = |(name, text): &(&str, &str)| {
            let room = MAX_TREES.saturating_sub(taken.load(Ordering::Relaxed)).min(MAX_TREE);
            let trees = parse::parse(name, text, (&delims.0, &delims.1), &known, room)?;
            let bytes = trees.first().map_or(0, |(_, tree)| tree.held.bytes());
            taken.fetch_add(bytes, Ordering::Relaxed);
            Ok(trees)
        };
        for (at, parsed) in each(texts, threads, parse).into_iter().enumerate() {
            self.add(parsed.map_err(|error: Box<ParseError>| (at, *error))?);
        }
        Ok(())
    }

    fn add(&mut self, parsed: Vec<(Arc<str>, Tree)>) {
        for (name, tree) in parsed {
            if !tree.is_empty() || self.tree(&name).is_none() {
                self.own.insert(name, tree);
            }
        }
    }

    /// Makes clones cheap: call it after the last [`parse`](Self::parse) of a large set.
    pub fn freeze(&mut self) {
        if !self.own.is_empty() {
            Arc::make_mut(&mut self.shared).append(&mut self.own);
        }
    }

    /// Whether there is a template of that name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.tree(name).is_some()
    }

    /// The names of all templates, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.own.keys().chain(self.shared.keys()).map(|name| &**name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Executes a template.
    ///
    /// # Errors
    /// In Go's words, with file, line, column and the piece of template; at a limit of the session.
    pub fn execute(
        &self,
        name: &str,
        data: &Value,
        funcs: &Funcs,
        session: &Session,
    ) -> Result<Str, ExecError> {
        exec::execute(&Context { templates: self, funcs, session, depth: 0 }, name, data)
    }

    pub(crate) fn tree(&self, name: &str) -> Option<&Tree> {
        self.own.get(name).or_else(|| self.shared.get(name))
    }

    pub(crate) fn missing(&self) -> MissingKey {
        self.missing_key
    }
}
