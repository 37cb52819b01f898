//! Text to tree. The tree is a value: parsing needs only the names of functions.

mod lexer;
mod number;
mod parser;
mod tree;
mod unquote;

pub(crate) use self::{
    number::Number,
    parser::parse,
    tree::{Branch, Command, Expr, Node, Pipe, Span, Tree, template_text},
};
