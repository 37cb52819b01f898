//! Executes a tree over values.
//!
//! `walk` handles control, `eval` pipelines, `call` functions and their arguments, `field` steps into values.

mod call;
mod eval;
mod field;
mod walk;

use crate::{
    error::{ExecError, Place},
    func::{Context, FuncError},
    parse::{Call, Command, Expr, Id, Piece, Pipe, Run, Source, Span, Tree, template_text},
    session::LimitError,
    value::{Str, Value, account::Entry},
};

/// Stack kept free, and how much is added, where execution recurses.
const RED_ZONE: usize = 96 << 10;
const STACK: usize = 1 << 20;

type Done<T> = Result<T, Box<ExecError>>;

/// Executes the template `name` of the context's set.
pub(crate) fn execute(context: &Context<'_>, name: &str, data: &Value) -> Result<Str, ExecError> {
    let Some(tree) = context.templates.tree(name) else {
        return Err(no_template(context, name));
    };
    let tree = tree.clone();
    let bytes = Vec::with_capacity(tree.text.len().min(1 << 16));
    let mut out = Output { bytes, held: Entry::default() };
    let root = Held { value: if data.is_nil() { Value::Absent } else { data.clone() }, boxed: false };
    let mut exec =
        Exec { context: *context, tree: &tree, name, variables: Vec::new(), out: &mut out, at: At::Nothing };
    exec.check_depth().map_err(|error| *error)?;
    exec.run(root).map_err(|error| *error)?;
    Ok(out.bytes.into())
}

fn no_template(context: &Context<'_>, name: &str) -> ExecError {
    let set = context.templates.name();
    let (quoted, set) = (crate::printf::quote(name.as_bytes()), crate::printf::quote(set.as_bytes()));
    let text = format!("template: no template {quoted} associated with template {set}");
    ExecError { text, name: name.to_owned(), place: None, limit: None }
}

/// A value as Go holds it: in an `interface {}` (an element of a list or map of any) or as itself. The difference
/// shows only in error texts.
#[derive(Clone)]
struct Held {
    value: Value,
    boxed: bool,
}

impl Held {
    fn bare(value: Value) -> Self {
        Self { value, boxed: false }
    }
}

/// The node that an error names.
#[derive(Clone, Copy)]
enum At<'t> {
    Nothing,
    Expr(&'t Expr),
    Pipe(&'t Pipe),
    Command(&'t Command),
    Action(&'t Pipe),
    Template(&'t Call),
}

/// What a template has printed so far.
struct Output {
    bytes: Vec<u8>,
    held: Entry,
}

/// One template being executed.
struct Exec<'t, 'o> {
    context: Context<'t>,
    tree: &'t Tree,
    name: &'t str,
    variables: Vec<(&'t str, Held)>,
    out: &'o mut Output,
    at: At<'t>,
}

impl<'t> Exec<'t, '_> {
    fn run(&mut self, dot: Held) -> Done<()> {
        self.variables.push(("$", dot.clone()));
        let root = self.tree.root;
        stacker::maybe_grow(RED_ZONE, STACK, || self.walk_list(&dot, root))?;
        Ok(())
    }

    fn one<T: Piece>(&self, id: Id<T>) -> &'t T {
        self.tree.source.pieces.one(id)
    }

    fn all<T: Piece>(&self, run: Run<T>) -> &'t [T] {
        self.tree.source.pieces.run(run)
    }

    /// A piece of the template's text.
    fn text(&self, span: Span) -> &'t str {
        span.of(&self.tree.text)
    }

    fn check_depth(&self) -> Done<()> {
        let limit = self.context.session.limits().depth;
        if self.context.depth > limit { self.limit(LimitError::Depth(limit)) } else { Ok(()) }
    }

    fn step(&self) -> Done<()> {
        self.context.session.step(1).or_else(|error| self.limit(error))
    }

    fn write(&mut self, bytes: &[u8]) -> Done<()> {
        self.out.held.grow(bytes.len());
        let total = self.out.bytes.len() + bytes.len();
        self.context.session.made(bytes.len(), total).or_else(|error| self.limit(error))?;
        self.out.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn limit<T>(&self, limit: LimitError) -> Done<T> {
        let mut error = self.error_at(limit.to_string());
        error.limit = Some(limit);
        Err(error)
    }

    fn fail<T>(&self, message: impl Into<String>) -> Done<T> {
        Err(self.error_at(message.into()))
    }

    fn fail_with<T>(&self, name: &str, error: FuncError) -> Done<T> {
        let mut outer = self.error_at(format!("error calling {name}: {error}"));
        outer.limit = match error {
            FuncError::Limit(limit) => Some(limit),
            FuncError::Template(inner) => inner.limit,
            _ => None,
        };
        Err(outer)
    }

    fn error_at(&self, message: String) -> Box<ExecError> {
        let name = self.name.to_owned();
        let Some((at, context)) = self.at.describe(self.tree) else {
            let text = format!("template: {name}: {message}");
            return Box::new(ExecError { text, name, place: None, limit: None });
        };
        let (line, column) = self.tree.place(at);
        let file = self.tree.file.to_string();
        let quoted = crate::printf::quote(name.as_bytes());
        let text = format!("template: {file}:{line}:{column}: executing {quoted} at <{context}>: {message}");
        Box::new(ExecError {
            text,
            name,
            place: Some(Box::new(Place { file, line, column, context, message })),
            limit: None,
        })
    }
}

impl At<'_> {
    fn describe(&self, source: &Source) -> Option<(u32, String)> {
        Some(match self {
            Self::Nothing => return None,
            Self::Expr(expr) => (expr.at(), source.show(*expr).to_string()),
            Self::Pipe(pipe) => (pipe.at, source.show(*pipe).to_string()),
            Self::Command(command) => (command.at, source.show(*command).to_string()),
            Self::Action(pipe) => (pipe.at, format!("{{{{{}}}}}", source.show(*pipe))),
            Self::Template(call) => (call.at, template_text(source, call)),
        })
    }
}
