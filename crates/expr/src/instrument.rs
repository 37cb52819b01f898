//! Makes an expression pay for its work: operands of calls, ranges of loops and elements of lists are
//! wrapped in a function that charges for their size, and functions that can make more than they are given
//! are replaced by bounded ones.

use cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, operators},
};

use crate::functions::{CHARGED, DOUBLE, FORMAT, GOING, JOIN, MATCHES, REPLACE};

/// Bytes of an expression.
pub const MAX_TEXT: usize = 16 << 10;
/// Levels of an expression once its macros are expanded.
pub const MAX_DEPTH: usize = 64;

/// Whether no branch is longer than [`MAX_DEPTH`].
pub(crate) fn is_shallow(expr: &IdedExpr) -> bool {
    let mut open = vec![(expr, 0)];
    while let Some((expr, depth)) = open.pop() {
        if depth > MAX_DEPTH {
            return false;
        }
        open.extend(children(&expr.expr).into_iter().map(|child| (child, depth + 1)));
    }
    true
}

/// The expressions right below one.
pub(crate) fn children(expr: &Expr) -> Vec<&IdedExpr> {
    match expr {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::Comprehension(loop_) => {
            vec![&loop_.iter_range, &loop_.accu_init, &loop_.loop_cond, &loop_.loop_step, &loop_.result]
        }
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map.entries.iter().flat_map(entry).collect(),
        Expr::Struct(fields) => fields.entries.iter().flat_map(entry).collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Vec::new(),
    }
}

fn entry(entry: &IdedEntryExpr) -> Vec<&IdedExpr> {
    match &entry.expr {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    }
}

/// Puts the charges in.
pub(crate) fn instrument(expr: &mut IdedExpr) {
    match &mut expr.expr {
        Expr::Call(call) => of_call(call),
        Expr::Comprehension(loop_) => of_loop(loop_),
        Expr::List(list) => list.elements.iter_mut().for_each(charged),
        Expr::Map(map) => map.entries.iter_mut().for_each(of_entry),
        Expr::Struct(fields) => fields.entries.iter_mut().for_each(of_entry),
        Expr::Select(select) => instrument(&mut select.operand),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
    }
}

fn of_entry(entry: &mut IdedEntryExpr) {
    match &mut entry.expr {
        EntryExpr::StructField(field) => charged(&mut field.value),
        EntryExpr::MapEntry(entry) => {
            instrument(&mut entry.key);
            charged(&mut entry.value);
        }
    }
}

fn of_loop(loop_: &mut ComprehensionExpr) {
    charged(&mut loop_.iter_range);
    [&mut loop_.accu_init, &mut loop_.loop_cond, &mut loop_.loop_step, &mut loop_.result]
        .into_iter()
        .for_each(instrument);
    wrap(&mut loop_.loop_cond, GOING);
}

fn of_call(call: &mut CallExpr) {
    if is_free(&call.func_name) {
        call.target.as_deref_mut().into_iter().chain(&mut call.args).for_each(instrument);
        return;
    }
    // The name of a qualified function (`base64.encode`) stands where a target does; it is no value.
    match call.target.as_deref_mut() {
        Some(target) if is_namespace(target) => {}
        Some(target) => charged(target),
        None => {}
    }
    call.args.iter_mut().for_each(charged);
    bound(call);
}

/// Operators that neither walk nor copy their operands.
fn is_free(function: &str) -> bool {
    matches!(
        function,
        operators::CONDITIONAL
            | operators::LOGICAL_AND
            | operators::LOGICAL_OR
            | operators::LOGICAL_NOT
            | operators::INDEX
            | operators::OPT_INDEX
            | operators::OPT_SELECT
            | operators::NOT_STRICTLY_FALSE
    )
}

fn is_namespace(target: &IdedExpr) -> bool {
    matches!(&target.expr, Expr::Ident(name) if matches!(name.as_str(), "base64" | "sets" | "strings" | "optional"))
}

/// Replaces member functions by bounded ones, and has doubles printed as CEL in Go prints them.
fn bound(call: &mut CallExpr) {
    let name = match call.func_name.as_str() {
        "replace" => REPLACE,
        "join" => JOIN,
        "matches" => MATCHES,
        "string" if call.target.is_none() => return call.args.iter_mut().for_each(|arg| wrap(arg, DOUBLE)),
        "format" => return call.target.as_deref_mut().into_iter().for_each(|target| wrap(target, FORMAT)),
        _ => return,
    };
    if let Some(target) = call.target.take() {
        call.args.insert(0, *target);
    }
    name.clone_into(&mut call.func_name);
}

/// Instruments an operand and charges for its value. Literals are bounded by the text, lists and mappings are
/// charged for by their elements, and so is the accumulator of a loop (whose name cannot be written in CEL).
/// The library appends to an accumulator in place only as long as it sees `@result + [element]`.
fn charged(expr: &mut IdedExpr) {
    instrument(expr);
    let free = match &expr.expr {
        Expr::Literal(_) | Expr::List(_) | Expr::Map(_) => true,
        Expr::Ident(name) => name.starts_with('@'),
        _ => false,
    };
    if !free {
        wrap(expr, CHARGED);
    }
}

fn wrap(expr: &mut IdedExpr, function: &str) {
    let id = expr.id;
    let inner = std::mem::take(expr);
    let call = CallExpr { func_name: function.to_owned(), target: None, args: vec![inner] };
    *expr = IdedExpr { id, expr: Expr::Call(call) };
}
