//! Control: text, if, with, range, template.

use super::{At, Done, Exec, Held, RED_ZONE, STACK};
use crate::{
    func::Context,
    parse::{Branch, Call, Expr, Id, Node, Pipe, Run},
    printf::{self, quote},
    value::{Kind, Str, Type, Value},
};

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Break,
    Continue,
}

impl<'t> Exec<'t, '_> {
    pub(super) fn walk_list(&mut self, dot: &Held, nodes: Run<Node>) -> Done<Flow> {
        for node in self.all(nodes) {
            let flow = self.walk(dot, *node)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn walk(&mut self, dot: &Held, node: Node) -> Done<Flow> {
        self.step()?;
        match node {
            Node::Text(text) => self.write(self.text(text).as_bytes())?,
            Node::Action(pipe) => self.action(dot, self.one(pipe))?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
            Node::Template(call) => self.template(dot, self.one(call))?,
            Node::If(branch) => return self.grow(|exec| exec.if_or_with(dot, branch, false)),
            Node::With(branch) => return self.grow(|exec| exec.if_or_with(dot, branch, true)),
            Node::Range(branch) => return self.grow(|exec| exec.range(dot, exec.one(branch))),
        }
        Ok(Flow::Next)
    }

    pub(super) fn grow<T>(&mut self, inner: impl FnOnce(&mut Self) -> Done<T>) -> Done<T> {
        stacker::maybe_grow(RED_ZONE, STACK, || inner(self))
    }

    fn action(&mut self, dot: &Held, pipe: &'t Pipe) -> Done<()> {
        self.at = At::Action(pipe);
        let value = self.pipeline(dot, pipe)?;
        if pipe.variables.len() == 0 { self.print(pipe, &value) } else { Ok(()) }
    }

    fn print(&mut self, pipe: &'t Pipe, value: &Value) -> Done<()> {
        self.at = At::Action(pipe);
        if let Value::Object(object) = value
            && self.has_address(pipe)
            && let Some(text) = object.addressed_text()
        {
            return self.write(text.as_bytes());
        }
        match value {
            Value::Nil | Value::Absent => self.write(b"<no value>"),
            Value::String(text) => self.write(text),
            Value::Func(_) => {
                let pipe = self.tree.show(pipe);
                self.fail(format!("can't print {{{{{pipe}}}}} of type {}", value.type_name()))
            }
            value => {
                let text = printf::sprint(std::slice::from_ref(value)).or_else(|limit| self.limit(limit))?;
                self.write(&text)
            }
        }
    }

    fn if_or_with(&mut self, dot: &Held, branch: Id<Branch>, with: bool) -> Done<Flow> {
        let branch = self.one(branch);
        let mark = self.variables.len();
        let value = self.pipeline(dot, self.one(branch.pipe))?;
        let flow = match (value.truth(), branch.otherwise) {
            (true, _) if with => self.walk_list(&Held::bare(value), branch.list),
            (true, _) => self.walk_list(dot, branch.list),
            (false, Some(otherwise)) => self.walk_list(dot, otherwise),
            (false, None) => Ok(Flow::Next),
        };
        self.variables.truncate(mark);
        flow
    }

    fn range(&mut self, dot: &Held, branch: &'t Branch) -> Done<Flow> {
        let mark = self.variables.len();
        let value = self.pipeline(dot, self.one(branch.pipe))?;
        let result = self.range_over(branch, &value);
        let flow = match result {
            Ok(false) => match branch.otherwise {
                Some(otherwise) => self.walk_list(dot, otherwise),
                None => Ok(Flow::Next),
            },
            Ok(true) => Ok(Flow::Next),
            Err(error) => Err(error),
        };
        self.variables.truncate(mark);
        flow
    }

    /// Whether there was anything to go through.
    fn range_over(&mut self, branch: &'t Branch, value: &Value) -> Done<bool> {
        match value {
            Value::Nil | Value::Absent => Ok(false),
            Value::List(list) => {
                let boxed = list.kind().element() == Type::Any;
                let items = list.iter().enumerate().map(|(n, item)| (index(n), item.clone()));
                self.iterate(branch, boxed, items)
            }
            Value::Bytes(bytes) => {
                let bytes = bytes.clone();
                let items = bytes.iter().enumerate().map(|(n, byte)| (index(n), Value::Uint8(*byte)));
                self.iterate(branch, false, items)
            }
            Value::Map(map) => {
                let boxed = map.kind().element() == Type::Any;
                self.context.session.step(map.len() as u64 / 32).or_else(|error| self.limit(error))?;
                self.iterate(branch, boxed, map.entries().into_iter().map(key))
            }
            Value::Object(object) if object.kind() == Kind::Map => {
                let boxed = object.element() == Type::Any;
                match object.pairs() {
                    Some(pairs) => self.iterate(branch, boxed, pairs.into_iter()),
                    None => self.iterate(branch, boxed, object.entries().into_iter().map(key)),
                }
            }
            Value::Object(object) if object.kind() == Kind::Slice => {
                let boxed = object.element() == Type::Any;
                let items = object.entries().into_iter().enumerate().map(|(n, (_, item))| (index(n), item));
                self.iterate(branch, boxed, items)
            }
            value => self.range_over_number(branch, value),
        }
    }

    fn range_over_number(&mut self, branch: &'t Branch, value: &Value) -> Done<bool> {
        let shown = || printf::shown(b"%v", value);
        if !matches!(value.kind(), Kind::Int | Kind::Uint) {
            return self.fail(format!("range can't iterate over {}", shown()));
        }
        if self.one(branch.pipe).variables.len() > 1 {
            return self.fail(format!("can't use {} to iterate over more than one variable", shown()));
        }
        match (value.signed(), value.unsigned()) {
            (Some(end), _) => {
                let like = value.clone();
                self.iterate(branch, false, (0..end).map(move |n| (Value::Absent, like.signed_like(n))))
            }
            (_, end) => {
                let like = value.clone();
                let end = end.unwrap_or_default();
                self.iterate(branch, false, (0..end).map(move |n| (Value::Absent, like.unsigned_like(n))))
            }
        }
    }

    fn iterate(
        &mut self,
        branch: &'t Branch,
        boxed: bool,
        items: impl Iterator<Item = (Value, Value)>,
    ) -> Done<bool> {
        let mark = self.variables.len();
        let mut any = false;
        for (index, value) in items {
            any = true;
            self.step()?;
            let item = Held { value, boxed };
            self.set_loop_variables(self.one(branch.pipe), index, &item)?;
            let flow = self.walk_list(&item, branch.list)?;
            self.variables.truncate(mark);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(any)
    }

    fn set_loop_variables(&mut self, pipe: &'t Pipe, index: Value, item: &Held) -> Done<()> {
        let top = self.variables.len();
        match (self.all(pipe.variables), pipe.assign) {
            ([], _) => {}
            ([one], true) => self.set_variable(self.text(*one), item.clone())?,
            ([first, second, ..], true) => {
                self.set_variable(self.text(*first), Held::bare(index))?;
                self.set_variable(self.text(*second), item.clone())?;
            }
            ([_], false) => self.variables[top - 1].1 = item.clone(),
            (_, false) => {
                self.variables[top - 1].1 = item.clone();
                self.variables[top - 2].1 = Held::bare(index);
            }
        }
        Ok(())
    }

    fn template(&mut self, dot: &Held, call: &'t Call) -> Done<()> {
        let name = &call.name;
        self.at = At::Template(call);
        let Some(tree) = self.context.templates.tree(name) else {
            return self.fail(format!("template {} not defined", quote(name.as_bytes())));
        };
        let limit = self.context.session.limits().depth;
        if self.context.depth >= limit {
            return self.limit(crate::LimitError::Depth(limit));
        }
        let value = match call.pipe {
            Some(pipe) => self.pipeline(dot, self.one(pipe))?,
            None => Value::Absent,
        };
        let context = Context { depth: self.context.depth + 1, ..self.context };
        let mut inner = Exec { context, tree, name, variables: Vec::new(), out: self.out, at: At::Nothing };
        inner.run(Held::bare(value))
    }

    /// Whether a pipeline ends with what Go can take the address of: not with what a function returned.
    fn has_address(&self, pipe: &Pipe) -> bool {
        let word = self.all(pipe.commands).last().map(|command| self.one(command.word));
        matches!(word, Some(Expr::Dot(_) | Expr::Field(..) | Expr::Variable(..) | Expr::Chain { .. }))
    }
}

fn index(n: usize) -> Value {
    Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

fn key((key, value): (Str, Value)) -> (Value, Value) {
    (Value::String(key), value)
}
