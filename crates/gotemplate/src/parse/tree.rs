//! What a template is once parsed, and how its pieces print in error texts.

use std::{fmt, sync::Arc};

use super::Number;
use crate::{
    printf::quote,
    value::{Str, account::Entry},
};

/// One template of a set.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The name under which the text was parsed.
    pub(crate) file: Arc<str>,
    /// The whole text, for places in errors.
    pub(crate) text: Arc<str>,
    pub(crate) root: Box<[Node]>,
    /// What it takes, about, with its part of the text.
    pub(crate) held: Entry,
}

/// A node of a list; positions are byte offsets in the text.
#[derive(Debug)]
pub(crate) enum Node {
    Text(Span),
    Action(Pipe),
    If(Box<Branch>),
    With(Box<Branch>),
    Range(Box<Branch>),
    Template { at: u32, name: Arc<str>, pipe: Option<Box<Pipe>> },
    Break,
    Continue,
}

#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) pipe: Pipe,
    pub(crate) list: Box<[Node]>,
    pub(crate) otherwise: Option<Box<[Node]>>,
}

/// A piece of the tree's text: names and constants are not copied out of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    from: u32,
    to: u32,
}

impl Span {
    /// From byte `from` to before byte `to`.
    pub(super) fn new(from: u32, to: u32) -> Self {
        Self { from, to }
    }

    /// The same piece, longer: to before byte `to`.
    pub(super) fn up_to(self, to: u32) -> Self {
        Self { to, ..self }
    }

    /// The piece of `text`, the text of the span's tree.
    pub(crate) fn of(self, text: &str) -> &str {
        text.get(self.from as usize..self.to as usize).unwrap_or_default()
    }
}

/// Commands, each given the value of the one before.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) at: u32,
    /// `=` instead of `:=`.
    pub(crate) assign: bool,
    pub(crate) variables: Box<[Span]>,
    pub(crate) first: Command,
    pub(crate) more: Box<[Command]>,
}

#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) at: u32,
    pub(crate) word: Expr,
    pub(crate) arguments: Box<[Expr]>,
}

/// An operand; spans hold it as it is written.
#[derive(Debug)]
pub(crate) enum Expr {
    Dot(u32),
    Nil(u32),
    Bool(u32, bool),
    Number {
        at: u32,
        text: Span,
        number: Box<Number>,
    },
    String {
        at: u32,
        quoted: Span,
        text: Str,
    },
    /// `.a.b`
    Field(u32, Span),
    /// `$`, `$x` or `$x.a.b`
    Variable(u32, Span),
    Function(u32, Span),
    /// A word in front of `.a.b`.
    Chain {
        at: u32,
        base: Box<Expr>,
        fields: Span,
    },
    Pipe(Box<Pipe>),
}

impl Tree {
    /// Whether it prints nothing: only blank text and comments.
    pub(crate) fn is_empty(&self) -> bool {
        self.root.iter().all(|node| match node {
            Node::Text(text) => text.of(&self.text).trim().is_empty(),
            _ => false,
        })
    }

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
            | Self::Chain { at, .. } => *at,
            Self::Pipe(pipe) => pipe.at,
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

impl Pipe {
    /// The commands, in the order they run.
    pub(crate) fn commands(&self) -> impl Iterator<Item = &Command> {
        std::iter::once(&self.first).chain(&self.more)
    }
}

/// A piece of a tree as error texts print it.
pub(crate) struct Shown<'t, T> {
    text: &'t str,
    piece: &'t T,
}

impl Tree {
    /// A piece of this tree, to be printed.
    pub(crate) fn show<'t, T>(&'t self, piece: &'t T) -> Shown<'t, T> {
        show(&self.text, piece)
    }
}

/// A piece of the tree of `text`, to be printed.
pub(super) fn show<'t, T>(text: &'t str, piece: &'t T) -> Shown<'t, T> {
    Shown { text, piece }
}

impl fmt::Display for Shown<'_, Expr> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.piece {
            Expr::Dot(_) => f.write_str("."),
            Expr::Nil(_) => f.write_str("nil"),
            Expr::Bool(_, truth) => write!(f, "{truth}"),
            Expr::Number { text: span, .. }
            | Expr::String { quoted: span, .. }
            | Expr::Field(_, span)
            | Expr::Variable(_, span)
            | Expr::Function(_, span) => f.write_str(span.of(self.text)),
            Expr::Chain { base, fields, .. } => {
                show(self.text, &InList(base)).fmt(f)?;
                f.write_str(fields.of(self.text))
            }
            Expr::Pipe(pipe) => show(self.text, &**pipe).fmt(f),
        }
    }
}

/// A word among others, where a pipeline keeps its parentheses.
struct InList<'t>(&'t Expr);

impl fmt::Display for Shown<'_, InList<'_>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = show(self.text, self.piece.0);
        if let Expr::Pipe(_) = self.piece.0 { write!(f, "({word})") } else { word.fmt(f) }
    }
}

impl fmt::Display for Shown<'_, Command> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self.text, &InList(&self.piece.word)).fmt(f)?;
        self.piece.arguments.iter().try_for_each(|word| write!(f, " {}", show(self.text, &InList(word))))
    }
}

impl fmt::Display for Shown<'_, Pipe> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pipe = self.piece;
        for (index, variable) in pipe.variables.iter().enumerate() {
            write!(f, "{}{}", if index > 0 { ", " } else { "" }, variable.of(self.text))?;
        }
        if !pipe.variables.is_empty() {
            f.write_str(if pipe.assign { " = " } else { " := " })?;
        }
        show(self.text, &pipe.first).fmt(f)?;
        pipe.more.iter().try_for_each(|command| write!(f, " | {}", show(self.text, command)))
    }
}

/// A `{{ template }}` node as errors print it.
pub(crate) fn template_text(tree: &Tree, name: &str, pipe: Option<&Pipe>) -> String {
    let argument = pipe.map(|pipe| format!(" {}", tree.show(pipe))).unwrap_or_default();
    format!("{{{{template {}{argument}}}}}", quote(name.as_bytes()))
}
