//! Text to tree. The tree is a value: parsing needs only the names of functions.

mod lexer;
mod number;
mod parser;
mod pieces;
mod tree;
mod unquote;

pub(crate) use self::{
    number::Number,
    parser::parse,
    pieces::{Id, Piece, Run},
    tree::{Branch, Call, Command, Expr, Node, Pipe, Source, Span, Tree, template_text},
};
