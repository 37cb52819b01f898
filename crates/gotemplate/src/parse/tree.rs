//! What a template is once parsed, and how its pieces print in error texts.

use std::{fmt, ops::Deref, sync::Arc};

use super::{
    Number,
    pieces::{Id, Pieces, Run},
};
use crate::{
    printf::quote,
    value::{Str, account::Entry},
};

/// A text once parsed, with the pieces of every template that it defines.
#[derive(Debug)]
pub(crate) struct Source {
    /// The name under which the text was parsed.
    pub(crate) file: Arc<str>,
    /// The whole text, for places in errors.
    pub(crate) text: Box<str>,
    pub(crate) pieces: Pieces,
    /// What it takes, about.
    pub(crate) held: Entry,
}

/// One template of a set.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) source: Arc<Source>,
    pub(crate) root: Run<Node>,
}

impl Deref for Tree {
    type Target = Source;
    fn deref(&self) -> &Source {
        &self.source
    }
}

/// A node of a list; positions are byte offsets in the text.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(crate) enum Node {
    Text(Span),
    Action(Id<Pipe>),
    If(Id<Branch>),
    With(Id<Branch>),
    Range(Id<Branch>),
    Template(Id<Call>),
    Break,
    Continue,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Branch {
    pub(crate) pipe: Id<Pipe>,
    pub(crate) list: Run<Node>,
    pub(crate) otherwise: Option<Run<Node>>,
}

/// `{{ template }}`, or where a `{{ block }}` stands.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) at: u32,
    pub(crate) name: Arc<str>,
    pub(crate) pipe: Option<Id<Pipe>>,
}

/// A piece of the tree's text: names and constants are not copied out of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    from: u32,
    to: u32,
}

impl Span {
    /// From byte `from` to before byte `to`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the text is shorter than 4 GiB: parse() of larger is not offered"
    )]
    pub(super) fn new(from: usize, to: usize) -> Self {
        Self { from: from as u32, to: to as u32 }
    }

    /// The first byte's place.
    pub(super) fn at(self) -> u32 {
        self.from
    }

    /// This piece and all up to the end of a later one.
    pub(super) fn up_to(self, later: Self) -> Self {
        Self { to: later.to, ..self }
    }

    /// What stands before a later piece.
    pub(super) fn before(self, later: Self) -> Self {
        Self { to: later.from, ..self }
    }

    /// The piece of `text`, the text of the span's tree.
    pub(crate) fn of(self, text: &str) -> &str {
        text.get(self.from as usize..self.to as usize).unwrap_or_default()
    }
}

/// Commands, each given the value of the one before; at least one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pipe {
    pub(crate) at: u32,
    /// `=` instead of `:=`.
    pub(crate) assign: bool,
    pub(crate) variables: Run<Span>,
    pub(crate) commands: Run<Command>,
}

/// A word and its arguments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Command {
    pub(crate) at: u32,
    pub(crate) word: Id<Expr>,
    pub(crate) arguments: Run<Expr>,
}

/// An operand; spans hold it as it is written.
// The tag as wide as what follows: it is read as it was written, without a wait of the processor.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(crate) enum Expr {
    Dot(u32),
    Nil(u32),
    Bool(u32, bool),
    Number {
        at: u32,
        text: Span,
        number: Id<Number>,
    },
    String {
        at: u32,
        quoted: Span,
        text: Id<Str>,
    },
    /// `.a.b`
    Field(u32, Span),
    /// `$`, `$x` or `$x.a.b`
    Variable(u32, Span),
    Function(u32, Span),
    /// A word in front of `.a.b`.
    Chain {
        at: u32,
        base: Id<Expr>,
        fields: Span,
    },
    /// In parentheses; where the pipeline begins.
    Pipe(u32, Id<Pipe>),
}

/// Whether nodes print nothing: only blank text and comments.
pub(super) fn print_nothing(nodes: &[Node], text: &str) -> bool {
    nodes.iter().all(|node| match node {
        Node::Text(piece) => piece.of(text).trim().is_empty(),
        _ => false,
    })
}

impl Tree {
    /// Whether it prints nothing: only blank text and comments.
    pub(crate) fn is_empty(&self) -> bool {
        print_nothing(self.pieces.run(self.root), &self.text)
    }
}

impl Source {
    /// Line from 1, and column as Go counts it: from 0 on the first line, from 1 on others.
    pub(crate) fn place(&self, at: u32) -> (usize, usize) {
        let before = &self.text.as_bytes()[..(at as usize).min(self.text.len())];
        let lines = before.iter().filter(|byte| **byte == b'\n').count();
        let column = match before.iter().rposition(|byte| *byte == b'\n') {
            Some(newline) => before.len() - newline - 1,
            None => before.len(),
        };
        (lines + 1, column)
    }

    /// A piece of this text, to be printed.
    pub(crate) fn show<'t, T>(&'t self, piece: &'t T) -> Shown<'t, T> {
        Shown { source: self, piece }
    }
}

impl Expr {
    pub(crate) fn at(&self) -> u32 {
        match self {
            Self::Dot(at)
            | Self::Nil(at)
            | Self::Bool(at, _)
            | Self::Number { at, .. }
            | Self::String { at, .. }
            | Self::Field(at, _)
            | Self::Variable(at, _)
            | Self::Function(at, _)
            | Self::Chain { at, .. }
            | Self::Pipe(at, _) => *at,
        }
    }

    /// Constants and dot, which cannot follow a `|`.
    pub(crate) fn is_constant(&self) -> bool {
        matches!(
            self,
            Self::Bool(..) | Self::Dot(_) | Self::Nil(_) | Self::Number { .. } | Self::String { .. }
        )
    }
}

/// A piece of a tree as error texts print it.
pub(crate) struct Shown<'t, T> {
    source: &'t Source,
    piece: &'t T,
}

impl fmt::Display for Shown<'_, Expr> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Source { text, pieces, .. } = self.source;
        match self.piece {
            Expr::Dot(_) => f.write_str("."),
            Expr::Nil(_) => f.write_str("nil"),
            Expr::Bool(_, truth) => write!(f, "{truth}"),
            Expr::Number { text: span, .. }
            | Expr::String { quoted: span, .. }
            | Expr::Field(_, span)
            | Expr::Variable(_, span)
            | Expr::Function(_, span) => f.write_str(span.of(text)),
            Expr::Chain { base, fields, .. } => {
                self.source.show(&InList(pieces.one(*base))).fmt(f)?;
                f.write_str(fields.of(text))
            }
            Expr::Pipe(_, pipe) => self.source.show(pieces.one(*pipe)).fmt(f),
        }
    }
}

/// A word among others, where a pipeline keeps its parentheses.
struct InList<'t>(&'t Expr);

impl fmt::Display for Shown<'_, InList<'_>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.source.show(self.piece.0);
        if let Expr::Pipe(..) = self.piece.0 { write!(f, "({word})") } else { word.fmt(f) }
    }
}

impl fmt::Display for Shown<'_, Command> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (source, Command { word, arguments, .. }) = (self.source, *self.piece);
        source.show(&InList(source.pieces.one(word))).fmt(f)?;
        source.pieces.run(arguments).iter().try_for_each(|word| write!(f, " {}", source.show(&InList(word))))
    }
}

impl fmt::Display for Shown<'_, Pipe> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (source, pipe) = (self.source, self.piece);
        let variables = source.pieces.run(pipe.variables);
        for (index, variable) in variables.iter().enumerate() {
            write!(f, "{}{}", if index > 0 { ", " } else { "" }, variable.of(&source.text))?;
        }
        if !variables.is_empty() {
            f.write_str(if pipe.assign { " = " } else { " := " })?;
        }
        for (index, command) in source.pieces.run(pipe.commands).iter().enumerate() {
            write!(f, "{}{}", if index > 0 { " | " } else { "" }, source.show(command))?;
        }
        Ok(())
    }
}

/// A `{{ template }}` node as errors print it.
pub(crate) fn template_text(source: &Source, call: &Call) -> String {
    let argument = call.pipe.map(|pipe| format!(" {}", source.show(source.pieces.one(pipe))));
    format!("{{{{template {}{}}}}}", quote(call.name.as_bytes()), argument.unwrap_or_default())
}
