//! Stepping into values: fields, keys, methods.

use std::{rc::Rc, sync::Arc};

use super::{At, Done, Exec, Held};
use crate::{
    parse::Expr,
    template::MissingKey,
    value::{HostObject, Kind, Type, Value},
};

impl<'t> Exec<'t, '_> {
    pub(super) fn field(
        &mut self,
        dot: &Held,
        word: &'t Expr,
        words: Option<&'t [Expr]>,
        last: Option<Value>,
    ) -> Done<Held> {
        let Expr::Field(_, fields) = word else { return Ok(Held::bare(Value::Absent)) };
        self.at = At::Expr(word);
        self.field_chain(dot, dot.clone(), At::Expr(word), fields, words, last)
    }

    pub(super) fn chain(
        &mut self,
        dot: &Held,
        word: &'t Expr,
        words: Option<&'t [Expr]>,
        last: Option<Value>,
    ) -> Done<Held> {
        let Expr::Chain { base, fields, .. } = word else { return Ok(Held::bare(Value::Absent)) };
        self.at = At::Expr(word);
        let receiver = match &**base {
            Expr::Pipe(pipe) => {
                self.at = At::Expr(base);
                Held::bare(self.grow(|exec| exec.pipeline(dot, pipe))?)
            }
            Expr::Function(_, name) => {
                self.at = At::Expr(base);
                Held::bare(self.function(dot, name, At::Expr(base), &[], None)?)
            }
            _ => return self.fail(format!("indirection through explicit nil in {word}")),
        };
        self.field_chain(dot, receiver, At::Expr(word), fields, words, last)
    }

    pub(super) fn field_chain(
        &mut self,
        dot: &Held,
        mut receiver: Held,
        node: At<'t>,
        fields: &'t [Arc<str>],
        words: Option<&'t [Expr]>,
        last: Option<Value>,
    ) -> Done<Held> {
        let Some((name, before)) = fields.split_last() else { return Ok(receiver) };
        for name in before {
            receiver = self.step_into(dot, name, node, None, None, &receiver)?;
        }
        self.step_into(dot, name, node, words, last, &receiver)
    }

    fn step_into(
        &mut self,
        dot: &Held,
        name: &'t str,
        node: At<'t>,
        words: Option<&'t [Expr]>,
        last: Option<Value>,
        receiver: &Held,
    ) -> Done<Held> {
        let arguments = words.is_some_and(|words| words.len() > 1) || last.is_some();
        match &receiver.value {
            Value::Absent if self.context.templates.missing() == MissingKey::Error => {
                self.fail(format!("nil data; no entry for key {}", crate::printf::quote(name.as_bytes())))
            }
            Value::Absent => Ok(Held::bare(Value::Absent)),
            Value::Nil => self.fail(format!("nil pointer evaluating interface {{}}.{name}")),
            Value::Map(map) => {
                if let Some(method) = self.context.funcs.method(map.kind(), name) {
                    let words = words.map_or(&[][..], |words| &words[1..]);
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
                    let words = words.map_or(&[][..], |words| &words[1..]);
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
