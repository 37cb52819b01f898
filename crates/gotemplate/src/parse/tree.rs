//! What a template is once parsed, and how its pieces print in error texts.

use std::{fmt, ops::Range, sync::Arc};

use super::Number;
use crate::{printf::quote, value::Str};

/// One template of a set.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The name under which the text was parsed.
    pub(crate) file: Arc<str>,
    /// The whole text, for places in errors.
    pub(crate) text: Arc<str>,
    pub(crate) root: Box<[Node]>,
}

/// A node of a list; positions are byte offsets in the text.
#[derive(Debug)]
pub(crate) enum Node {
    /// Bytes of the tree's text.
    Text(Range<usize>),
    Action(Pipe),
    If(Box<Branch>),
    With(Box<Branch>),
    Range(Box<Branch>),
    Template {
        at: u32,
        name: Arc<str>,
        pipe: Option<Box<Pipe>>,
    },
    Break,
    Continue,
}

#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) pipe: Pipe,
    pub(crate) list: Box<[Node]>,
    pub(crate) otherwise: Option<Box<[Node]>>,
}

#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) at: u32,
    /// `=` instead of `:=`.
    pub(crate) assign: bool,
    pub(crate) variables: Box<[Arc<str>]>,
    pub(crate) commands: Box<[Command]>,
}

#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) at: u32,
    /// Never empty.
    pub(crate) words: Box<[Expr]>,
}

/// A variable with the fields behind it.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) name: Arc<str>,
    pub(crate) fields: Box<[Arc<str>]>,
}

#[derive(Debug)]
pub(crate) enum Expr {
    Dot(u32),
    Nil(u32),
    Bool(u32, bool),
    Number(u32, Box<Number>),
    String { at: u32, quoted: Arc<str>, text: Str },
    Field(u32, Box<[Arc<str>]>),
    Variable(u32, Variable),
    Function(u32, Arc<str>),
    Chain { at: u32, base: Box<Expr>, fields: Box<[Arc<str>]> },
    Pipe(Box<Pipe>),
}

impl Tree {
    /// Whether it prints nothing: only blank text and comments.
    pub(crate) fn is_empty(&self) -> bool {
        self.root.iter().all(|node| match node {
            Node::Text(range) => self.text[range.clone()].trim().is_empty(),
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
            | Self::Number(at, _)
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
        matches!(self, Self::Bool(..) | Self::Dot(_) | Self::Nil(_) | Self::Number(..) | Self::String { .. })
    }
}

fn dotted(f: &mut fmt::Formatter<'_>, fields: &[Arc<str>]) -> fmt::Result {
    fields.iter().try_for_each(|field| write!(f, ".{field}"))
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dot(_) => f.write_str("."),
            Self::Nil(_) => f.write_str("nil"),
            Self::Bool(_, truth) => write!(f, "{truth}"),
            Self::Number(_, number) => f.write_str(&number.text),
            Self::String { quoted, .. } => f.write_str(quoted),
            Self::Field(_, fields) => dotted(f, fields),
            Self::Variable(_, variable) => {
                f.write_str(&variable.name)?;
                dotted(f, &variable.fields)
            }
            Self::Function(_, name) => f.write_str(name),
            Self::Chain { base, fields, .. } => {
                match &**base {
                    Self::Pipe(pipe) => write!(f, "({pipe})")?,
                    base => write!(f, "{base}")?,
                }
                dotted(f, fields)
            }
            Self::Pipe(pipe) => write!(f, "{pipe}"),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in self.words.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            match word {
                Expr::Pipe(pipe) => write!(f, "({pipe})")?,
                word => write!(f, "{word}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            write!(f, "{} {} ", self.variables.join(", "), if self.assign { "=" } else { ":=" })?;
        }
        for (index, command) in self.commands.iter().enumerate() {
            write!(f, "{}{command}", if index > 0 { " | " } else { "" })?;
        }
        Ok(())
    }
}

/// A `{{ template }}` node as errors print it.
pub(crate) fn template_text(name: &str, pipe: Option<&Pipe>) -> String {
    let argument = pipe.map(|pipe| format!(" {pipe}")).unwrap_or_default();
    format!("{{{{template {}{argument}}}}}", quote(name.as_bytes()))
}
