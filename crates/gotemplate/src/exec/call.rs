//! Calls: which function, with which arguments of which type.

use std::rc::Rc;

use super::{At, Done, Exec, Held};
use crate::{
    builtin::{self, Builtin},
    func::{Func, FuncError, Signature},
    parse::Expr,
    value::{HostObject, Type, Value},
};

/// What reading an argument costs, in steps.
fn weight(value: &Value) -> u64 {
    match value {
        Value::String(text) | Value::Bytes(text) => text.len() as u64 / 128,
        Value::List(list) => list.len() as u64 / 32,
        _ => 0,
    }
}

impl<'t> Exec<'t, '_> {
    /// Calls a function by name; `node` is what an error of the function names.
    pub(super) fn function(
        &mut self,
        dot: &Held,
        name: &'t str,
        node: At<'t>,
        words: &'t [Expr],
        last: Option<Value>,
    ) -> Done<Value> {
        if let Some(func) = self.context.funcs.get(name) {
            let func = Rc::clone(func);
            let arguments = self.arguments(dot, name, func.signature, words, last)?;
            let context = self.context;
            return self.finish(name, node, func.call(&context, &arguments));
        }
        match builtin::find(name) {
            Some(Builtin::And) => self.and_or(dot, name, false, words, last),
            Some(Builtin::Or) => self.and_or(dot, name, true, words, last),
            Some(Builtin::Call) => self.call(dot, name, node, words, last),
            Some(Builtin::Plain(signature, body)) => {
                let arguments = self.arguments(dot, name, signature, words, last)?;
                self.finish(name, node, body(&arguments))
            }
            None => self.fail(format!("{} is not a defined function", crate::printf::quote(name.as_bytes()))),
        }
    }

    pub(super) fn method(
        &mut self,
        dot: &Held,
        object: &Rc<dyn HostObject>,
        name: &'t str,
        node: At<'t>,
        words: &'t [Expr],
        last: Option<Value>,
    ) -> Done<Value> {
        let signature = object.method(name).unwrap_or(Signature::fixed(&[]));
        let arguments = self.arguments(dot, name, signature, words, last)?;
        let context = self.context;
        self.finish(name, node, object.call(name, &context, &arguments))
    }

    #[expect(clippy::too_many_arguments, reason = "what a call needs, and the map and method it is of")]
    pub(super) fn map_method(
        &mut self,
        dot: &Held,
        receiver: &Held,
        name: &'t str,
        method: &Func,
        node: At<'t>,
        words: &'t [Expr],
        last: Option<Value>,
    ) -> Done<Value> {
        let mut arguments = self.arguments(dot, name, method.signature, words, last)?;
        arguments.insert(0, receiver.value.clone());
        let context = self.context;
        self.finish(name, node, method.call(&context, &arguments))
    }

    /// Charges for the result, or says which function failed.
    fn finish(&mut self, name: &str, node: At<'t>, result: Result<Value, FuncError>) -> Done<Value> {
        let charged = result.and_then(|value| {
            let session = self.context.session;
            session.step(1)?;
            let (new, size) = match &value {
                // One that others hold too was made before, as `index` of a map gives it.
                Value::String(text) | Value::Bytes(text) if text.is_shared() => (0, text.len()),
                Value::String(text) | Value::Bytes(text) => (text.len(), text.len()),
                Value::List(list) => (list.len() * size_of::<Value>(), list.len() * size_of::<Value>()),
                _ => (0, 0),
            };
            session.made(new, size)?;
            Ok(value)
        });
        charged.or_else(|error| {
            self.at = node;
            self.fail_with(name, error)
        })
    }

    fn and_or(
        &mut self,
        dot: &Held,
        name: &str,
        until: bool,
        words: &'t [Expr],
        last: Option<Value>,
    ) -> Done<Value> {
        if words.is_empty() && last.is_none() {
            return self.fail(format!("wrong number of args for {name}: want at least 1 got 0"));
        }
        let mut value = Value::Absent;
        for word in words {
            value = self.argument(dot, Type::Reflect, word)?;
            if value.truth() == until {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    fn call(
        &mut self,
        dot: &Held,
        name: &str,
        node: At<'t>,
        words: &'t [Expr],
        last: Option<Value>,
    ) -> Done<Value> {
        const CALL: Signature = Signature::variadic(&[Type::Reflect], Type::Reflect);
        let callee = words.first().map(|word| self.tree.show(word).to_string()).unwrap_or_default();
        let arguments = self.arguments(dot, name, CALL, words, last)?;
        let context = self.context;
        let result = match &arguments[0] {
            Value::Nil | Value::Absent => Err(FuncError::from("call of nil")),
            Value::Func(func) => builtin::check_call(&callee, func.signature, &arguments[1..])
                .map_err(FuncError::from)
                .and_then(|arguments| func.call(&context, &arguments)),
            other => Err(format!("non-function {callee} of type {}", other.type_name()).into()),
        };
        self.finish(name, node, result)
    }

    fn arguments(
        &mut self,
        dot: &Held,
        name: &str,
        signature: Signature,
        words: &'t [Expr],
        last: Option<Value>,
    ) -> Done<Vec<Value>> {
        let fixed = signature.fixed.len();
        let given = words.len() + usize::from(last.is_some());
        if signature.variadic.is_some() {
            if given < fixed {
                let want =
                    format!("wrong number of args for {name}: want at least {fixed} got {}", words.len());
                return self.fail(want);
            }
        } else if given != fixed {
            return self.fail(format!("wrong number of args for {name}: want {fixed} got {given}"));
        }
        let kind =
            |index: usize| signature.fixed.get(index).copied().or(signature.variadic).unwrap_or(Type::Any);
        let mut arguments = Vec::with_capacity(given);
        for (index, word) in words.iter().enumerate() {
            arguments.push(self.argument(dot, kind(index), word)?);
        }
        if let Some(last) = last {
            arguments.push(self.fit(last, kind(given - 1))?);
        }
        let work = arguments.iter().map(weight).sum();
        self.context.session.step(work).or_else(|error| self.limit(error))?;
        // What is joined of texts is refused before it is made.
        let bytes = arguments.iter().filter_map(Value::as_string).map(|text| text.len() as u64).sum();
        self.context.session.allow(bytes).or_else(|error| self.limit(error))?;
        Ok(arguments)
    }

    fn argument(&mut self, dot: &Held, kind: Type, word: &'t Expr) -> Done<Value> {
        self.at = At::Expr(word);
        let value = match word {
            Expr::Dot(_) => dot.value.clone(),
            Expr::Nil(_) if kind.can_be_nil() => {
                return Ok(if kind == Type::Reflect { Value::Absent } else { Value::zero(kind) });
            }
            Expr::Nil(_) => return self.fail(format!("cannot assign nil to {kind}")),
            Expr::Field(_, fields) => self.field(dot, word, *fields, &[], None)?.value,
            Expr::Variable(_, name) => self.variable(dot, word, *name, &[], None)?.value,
            Expr::Pipe(_, pipe) => self.grow(|exec| exec.pipeline(dot, exec.one(*pipe)))?,
            Expr::Function(_, name) => self.function(dot, self.text(*name), At::Expr(word), &[], None)?,
            Expr::Chain { base, fields, .. } => {
                self.chain(dot, word, self.one(*base), *fields, &[], None)?.value
            }
            Expr::Bool(..) | Expr::Number { .. } | Expr::String { .. } => {
                return self.constant_as(kind, word);
            }
        };
        self.fit(value, kind)
    }

    fn constant_as(&mut self, kind: Type, word: &'t Expr) -> Done<Value> {
        let expected = |what: &str| format!("expected {what}; found {}", self.tree.show(word));
        match (kind, word) {
            (Type::Any | Type::Reflect, Expr::Number { number, .. }) => self.ideal(word, self.one(*number)),
            (Type::Any | Type::Reflect | Type::Bool, Expr::Bool(_, truth)) => Ok(Value::Bool(*truth)),
            (Type::Any | Type::Reflect | Type::String, Expr::String { text, .. }) => {
                Ok(Value::String(self.one(*text).clone()))
            }
            (Type::Bool, _) => self.fail(expected("bool")),
            (Type::String, _) => self.fail(expected("string")),
            (Type::Float64, Expr::Number { number, .. }) => match self.one(*number).float {
                Some(float) => Ok(Value::Float(float)),
                None => self.fail(expected("float")),
            },
            (Type::Float64, _) => self.fail(expected("float")),
            (kind, Expr::Number { number, .. }) if kind.is_signed() => match self.one(*number).int {
                Some(int) => Ok(Value::zero(kind).signed_like(int)),
                None => self.fail(expected("integer")),
            },
            (kind, _) if kind.is_signed() => self.fail(expected("integer")),
            (kind, Expr::Number { number, .. }) if kind.is_unsigned() => match self.one(*number).uint {
                Some(uint) => Ok(Value::zero(kind).unsigned_like(uint)),
                None => self.fail(expected("unsigned integer")),
            },
            (kind, _) if kind.is_unsigned() => self.fail(expected("unsigned integer")),
            (kind, word) => {
                self.fail(format!("can't handle {} for arg of type {kind}", self.tree.show(word)))
            }
        }
    }

    /// Checks a value against a parameter's type.
    fn fit(&self, value: Value, kind: Type) -> Done<Value> {
        match (&value, kind) {
            (_, Type::Reflect) => Ok(value),
            (Value::Nil | Value::Absent, Type::Any) => Ok(Value::Nil),
            (Value::Absent, kind) if kind.can_be_nil() => Ok(Value::zero(kind)),
            (Value::Absent, kind) => self.fail(format!("invalid value; expected {kind}")),
            (Value::Nil, kind) => {
                self.fail(format!("wrong type for value; expected {kind}; got interface {{}}"))
            }
            (value_ref, kind) if builtin::assignable(value_ref, kind) => Ok(builtin::passed(value, kind)),
            _ => self.fail(format!("wrong type for value; expected {kind}; got {}", value.type_name())),
        }
    }
}
