//! Where the pieces of trees stand: kind by kind, one after the other, so that a piece is a few bytes, is made without
//! an allocation of its own, and none is freed alone.

use std::{fmt, marker::PhantomData};

use super::{
    Number,
    tree::{Branch, Call, Command, Expr, Node, Pipe, Span},
};
use crate::value::Str;

/// The pieces of all trees of one text.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    nodes: Vec<Node>,
    branches: Vec<Branch>,
    calls: Vec<Call>,
    pipes: Vec<Pipe>,
    variables: Vec<Span>,
    commands: Vec<Command>,
    words: Vec<Expr>,
    numbers: Vec<Number>,
    strings: Vec<Str>,
}

/// What stands in [`Pieces`].
pub(crate) trait Piece: Sized {
    fn all(pieces: &Pieces) -> &Vec<Self>;
    fn all_mut(pieces: &mut Pieces) -> &mut Vec<Self>;
}

macro_rules! pieces {
    ($($kind:ident => $place:ident),+) => {$(
        impl Piece for $kind {
            fn all(pieces: &Pieces) -> &Vec<Self> {
                &pieces.$place
            }
            fn all_mut(pieces: &mut Pieces) -> &mut Vec<Self> {
                &mut pieces.$place
            }
        }
    )+};
}

pieces!(
    Node => nodes, Branch => branches, Call => calls, Pipe => pipes, Span => variables, Command => commands,
    Expr => words, Number => numbers, Str => strings
);

/// The place of one piece.
pub(crate) struct Id<T> {
    at: u32,
    kind: PhantomData<fn() -> T>,
}

/// The place of pieces that follow each other.
pub(crate) struct Run<T> {
    from: u32,
    to: u32,
    kind: PhantomData<fn() -> T>,
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a text has no more pieces than bytes, which are less than 4 GiB"
)]
fn place(at: usize) -> u32 {
    at as u32
}

impl Pieces {
    pub(super) fn add<T: Piece>(&mut self, piece: T) -> Id<T> {
        let all = T::all_mut(self);
        all.push(piece);
        Id { at: place(all.len() - 1), kind: PhantomData }
    }

    pub(super) fn add_all<T: Piece>(&mut self, pieces: impl Iterator<Item = T>) -> Run<T> {
        let all = T::all_mut(self);
        let from = place(all.len());
        all.extend(pieces);
        Run { from, to: place(all.len()), kind: PhantomData }
    }

    pub(crate) fn one<T: Piece>(&self, id: Id<T>) -> &T {
        &T::all(self)[id.at as usize]
    }

    pub(crate) fn run<T: Piece>(&self, run: Run<T>) -> &[T] {
        &T::all(self)[run.from as usize..run.to as usize]
    }

    /// Gives back what was kept free for more.
    pub(super) fn shrink(&mut self) {
        fn fit<T: Piece>(pieces: &mut Pieces) {
            T::all_mut(pieces).shrink_to_fit();
        }
        fit::<Node>(self);
        fit::<Expr>(self);
        fit::<Command>(self);
        fit::<Pipe>(self);
    }
}

impl<T> Run<T> {
    pub(crate) fn len(self) -> usize {
        (self.to - self.from) as usize
    }

    /// The first, and those after it.
    pub(super) fn split_first(self) -> Option<(Id<T>, Self)> {
        (self.from < self.to)
            .then_some((Id { at: self.from, kind: PhantomData }, Self { from: self.from + 1, ..self }))
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> Clone for Run<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Run<T> {}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.at)
    }
}

impl<T> fmt::Debug for Run<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}..{}", self.from, self.to)
    }
}
