//! Stepping into values: fields, keys, methods.

use std::rc::Rc;

use super::{At, Done, Exec, Held};
use crate::{
    parse::{Expr, Span},
    template::MissingKey,
    value::{HostObject, Kind, Type, Value},
};

impl<'t> Exec<'t, '_> {
    /// The value of `.a.b`, a word, under the dot.
    pub(super) fn field(
        &mut self,
        dot: &Held,
        word: &'t Expr,
        fields: Span,
        arguments: &'t [Expr],
        last: Option<Value>,
    ) -> Done<Held> {
        self.at = At::Expr(word);
        self.field_chain(dot, dot.clone(), At::Expr(word), without_dot(self.text(fields)), arguments, last)
    }

    /// The value of `.a.b` of what stands in front of it.
    pub(super) fn chain(
        &mut self,
        dot: &Held,
        word: &'t Expr,
        base: &'t Expr,
        fields: Span,
        arguments: &'t [Expr],
        last: Option<Value>,
    ) -> Done<Held> {
        self.at = At::Expr(word);
        let receiver = match base {
            Expr::Pipe(_, pipe) => {
                self.at = At::Expr(base);
                Held::bare(self.grow(|exec| exec.pipeline(dot, exec.one(*pipe)))?)
            }
            Expr::Function(_, name) => {
                self.at = At::Expr(base);
                Held::bare(self.function(dot, self.text(*name), At::Expr(base), &[], None)?)
            }
            _ => return self.fail(format!("indirection through explicit nil in {}", self.tree.show(word))),
        };
        self.field_chain(dot, receiver, At::Expr(word), without_dot(self.text(fields)), arguments, last)
    }

    /// Steps into one field after the other (`a.b`); the last may take arguments.
    pub(super) fn field_chain(
        &mut self,
        dot: &Held,
        mut receiver: Held,
        node: At<'t>,
        fields: &'t str,
        arguments: &'t [Expr],
        last: Option<Value>,
    ) -> Done<Held> {
        let mut rest = fields;
        while let Some((name, more)) = rest.split_once('.') {
            receiver = self.step_into(dot, name, node, &[], None, &receiver)?;
            rest = more;
        }
        self.step_into(dot, rest, node, arguments, last, &receiver)
    }

    fn step_into(
        &mut self,
        dot: &Held,
        name: &'t str,
        node: At<'t>,
        words: &'t [Expr],
        last: Option<Value>,
        receiver: &Held,
    ) -> Done<Held> {
        let arguments = !words.is_empty() || last.is_some();
        match &receiver.value {
            Value::Absent if self.context.templates.missing() == MissingKey::Error => {
                self.fail(format!("nil data; no entry for key {}", crate::printf::quote(name.as_bytes())))
            }
            Value::Absent => Ok(Held::bare(Value::Absent)),
            Value::Nil => self.fail(format!("nil pointer evaluating interface {{}}.{name}")),
            Value::Map(map) => {
                if let Some(method) = self.context.funcs.method(map.kind(), name) {
                    return self.map_method(dot, receiver, name, method, node, words, last).map(Held::bare);
                }
                if arguments {
                    return self.fail(format!("{name} is not a method but has arguments"));
                }
                self.entry(map.get(name), map.kind().element(), name)
            }
            Value::Object(object) => {
                let object = Rc::clone(object);
                if object.method(name).is_some() {
                    return self.method(dot, &object, name, node, words, last).map(Held::bare);
                }
                self.object_field(&object, name, arguments, receiver)
            }
            _ => self.no_field(name, receiver),
        }
    }

    fn no_field(&self, name: &str, receiver: &Held) -> Done<Held> {
        let kind = if receiver.boxed { Type::Any.name() } else { receiver.value.type_name() };
        self.fail(format!("can't evaluate field {name} in type {kind}"))
    }

    fn entry(&self, found: Option<Value>, element: Type, name: &str) -> Done<Held> {
        let boxed = element == Type::Any;
        let value = match (found, self.context.templates.missing()) {
            (Some(value), _) => value,
            (None, MissingKey::Default) => return Ok(Held::bare(Value::Absent)),
            (None, MissingKey::Zero) => Value::zero(element),
            (None, MissingKey::Error) => {
                return self
                    .fail(format!("map has no entry for key {}", crate::printf::quote(name.as_bytes())));
            }
        };
        Ok(Held { value, boxed })
    }

    fn object_field(
        &self,
        object: &Rc<dyn HostObject>,
        name: &str,
        arguments: bool,
        receiver: &Held,
    ) -> Done<Held> {
        if object.kind() == Kind::Map {
            if arguments {
                return self.fail(format!("{name} is not a method but has arguments"));
            }
            return self.entry(object.field(name), object.element(), name);
        }
        match object.field(name) {
            Some(_) if arguments => {
                self.fail(format!("{name} has arguments but cannot be invoked as function"))
            }
            Some(value) => Ok(Held::bare(value)),
            None => self.no_field(name, receiver),
        }
    }
}

/// `a.b` of `.a.b`.
fn without_dot(fields: &str) -> &str {
    fields.strip_prefix('.').unwrap_or(fields)
}
