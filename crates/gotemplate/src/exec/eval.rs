//! Pipelines, commands, constants, variables.

use super::{At, Done, Exec, Held};
use crate::{
    parse::{Command, Expr, Number, Pipe, Span},
    value::Value,
};

impl<'t> Exec<'t, '_> {
    /// The value of a pipeline, out of its interface: never [`Value::Nil`].
    pub(super) fn pipeline(&mut self, dot: &Held, pipe: &'t Pipe) -> Done<Value> {
        self.at = At::Pipe(pipe);
        let mut last = None;
        for command in self.all(pipe.commands) {
            let value = self.command(dot, command, last.take())?.value;
            last = Some(if matches!(value, Value::Nil) { Value::Absent } else { value });
        }
        let value = last.unwrap_or(Value::Absent);
        for name in self.all(pipe.variables) {
            let (name, held) = (self.text(*name), Held::bare(value.clone()));
            if pipe.assign {
                self.set_variable(name, held)?;
            } else {
                self.variables.push((name, held));
            }
        }
        Ok(value)
    }

    fn command(&mut self, dot: &Held, command: &'t Command, last: Option<Value>) -> Done<Held> {
        let (word, arguments) = (self.one(command.word), self.all(command.arguments));
        match word {
            Expr::Field(_, fields) => self.field(dot, word, *fields, arguments, last),
            Expr::Chain { base, fields, .. } => {
                self.chain(dot, word, self.one(*base), *fields, arguments, last)
            }
            Expr::Function(_, name) => {
                self.at = At::Expr(word);
                let name = self.text(*name);
                self.function(dot, name, At::Command(command), arguments, last).map(Held::bare)
            }
            Expr::Pipe(_, pipe) => {
                self.not_a_function(word, arguments, last.is_some())?;
                self.grow(|exec| exec.pipeline(dot, exec.one(*pipe))).map(Held::bare)
            }
            Expr::Variable(_, name) => self.variable(dot, word, *name, arguments, last),
            constant => {
                self.at = At::Expr(constant);
                self.not_a_function(word, arguments, last.is_some())?;
                self.constant(dot, constant)
            }
        }
    }

    fn not_a_function(&self, word: &Expr, arguments: &[Expr], piped: bool) -> Done<()> {
        if arguments.is_empty() && !piped {
            return Ok(());
        }
        self.fail(format!("can't give argument to non-function {}", self.tree.show(word)))
    }

    fn constant(&mut self, dot: &Held, word: &'t Expr) -> Done<Held> {
        Ok(match word {
            Expr::Dot(_) => dot.clone(),
            Expr::Bool(_, truth) => Held::bare(Value::Bool(*truth)),
            Expr::Number { number, .. } => Held::bare(self.ideal(word, self.one(*number))?),
            Expr::String { text, .. } => Held::bare(Value::String(self.one(*text).clone())),
            _ => return self.fail("nil is not a command"),
        })
    }

    /// A constant whose use does not decide its type.
    pub(super) fn ideal(&mut self, word: &'t Expr, number: &Number) -> Done<Value> {
        self.at = At::Expr(word);
        match (number.float, number.int) {
            (Some(float), _) if number.looks_float => Ok(Value::Float(float)),
            (_, Some(int)) => Ok(Value::Int(int)),
            _ => self.fail(format!("{} overflows int", self.tree.show(word))),
        }
    }

    pub(super) fn variable(
        &mut self,
        dot: &Held,
        word: &'t Expr,
        name: Span,
        arguments: &'t [Expr],
        last: Option<Value>,
    ) -> Done<Held> {
        self.at = At::Expr(word);
        let (name, fields) = match self.text(name).split_once('.') {
            Some((name, fields)) => (name, Some(fields)),
            None => (self.text(name), None),
        };
        let found = self.variables.iter().rev().find(|(known, _)| *known == name);
        let Some((_, held)) = found else {
            return self.fail(format!("undefined variable: {name}"));
        };
        let held = held.clone();
        let Some(fields) = fields else {
            self.not_a_function(word, arguments, last.is_some())?;
            return Ok(held);
        };
        self.field_chain(dot, held, At::Expr(word), fields, arguments, last)
    }

    pub(super) fn set_variable(&mut self, name: &str, held: Held) -> Done<()> {
        match self.variables.iter_mut().rev().find(|(known, _)| *known == name) {
            Some((_, slot)) => {
                *slot = held;
                Ok(())
            }
            None => self.fail(format!("undefined variable: {name}")),
        }
    }
}
