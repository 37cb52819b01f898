//! Pipelines, commands, constants, variables.

use super::{At, Done, Exec, Held};
use crate::{
    parse::{Command, Expr, Number, Pipe},
    value::Value,
};

impl<'t> Exec<'t, '_> {
    /// The value of a pipeline, out of its interface: never [`Value::Nil`].
    pub(super) fn pipeline(&mut self, dot: &Held, pipe: &'t Pipe) -> Done<Value> {
        self.at = At::Pipe(pipe);
        let mut last = None;
        for command in &pipe.commands {
            let value = self.command(dot, command, last.take())?.value;
            last = Some(if matches!(value, Value::Nil) { Value::Absent } else { value });
        }
        let value = last.unwrap_or(Value::Absent);
        for name in &pipe.variables {
            if pipe.assign {
                self.set_variable(name, Held::bare(value.clone()))?;
            } else {
                self.variables.push((name, Held::bare(value.clone())));
            }
        }
        Ok(value)
    }

    fn command(&mut self, dot: &Held, command: &'t Command, last: Option<Value>) -> Done<Held> {
        let first = &command.words[0];
        match first {
            Expr::Field(..) => self.field(dot, first, Some(&command.words), last),
            Expr::Chain { .. } => self.chain(dot, first, Some(&command.words), last),
            Expr::Function(_, name) => {
                self.at = At::Expr(first);
                self.function(dot, name, At::Command(command), &command.words[1..], last).map(Held::bare)
            }
            Expr::Pipe(pipe) => {
                self.not_a_function(Some(&command.words), last.is_some())?;
                self.grow(|exec| exec.pipeline(dot, pipe)).map(Held::bare)
            }
            Expr::Variable(..) => self.variable(dot, first, Some(&command.words), last),
            constant => {
                self.at = At::Expr(constant);
                self.not_a_function(Some(&command.words), last.is_some())?;
                self.constant(dot, constant)
            }
        }
    }

    fn not_a_function(&self, words: Option<&[Expr]>, piped: bool) -> Done<()> {
        match words {
            Some(words) if words.len() > 1 || piped => {
                let shown = match &words[0] {
                    Expr::Pipe(pipe) => pipe.to_string(),
                    word => word.to_string(),
                };
                self.fail(format!("can't give argument to non-function {shown}"))
            }
            _ => Ok(()),
        }
    }

    fn constant(&mut self, dot: &Held, word: &'t Expr) -> Done<Held> {
        Ok(match word {
            Expr::Dot(_) => dot.clone(),
            Expr::Bool(_, truth) => Held::bare(Value::Bool(*truth)),
            Expr::Number(_, number) => Held::bare(self.ideal(word, number)?),
            Expr::String { text, .. } => Held::bare(Value::String(text.clone())),
            _ => return self.fail("nil is not a command"),
        })
    }

    /// A constant whose use does not decide its type.
    pub(super) fn ideal(&mut self, word: &'t Expr, number: &Number) -> Done<Value> {
        self.at = At::Expr(word);
        match (number.float, number.int) {
            (Some(float), _) if number.looks_float() => Ok(Value::Float(float)),
            (_, Some(int)) => Ok(Value::Int(int)),
            _ => self.fail(format!("{} overflows int", number.text)),
        }
    }

    pub(super) fn variable(
        &mut self,
        dot: &Held,
        word: &'t Expr,
        words: Option<&'t [Expr]>,
        last: Option<Value>,
    ) -> Done<Held> {
        let Expr::Variable(_, variable) = word else { return Ok(Held::bare(Value::Absent)) };
        self.at = At::Expr(word);
        let found = self.variables.iter().rev().find(|(name, _)| *name == &*variable.name);
        let Some((_, held)) = found else {
            return self.fail(format!("undefined variable: {}", variable.name));
        };
        let held = held.clone();
        if variable.fields.is_empty() {
            self.not_a_function(words, last.is_some())?;
            return Ok(held);
        }
        self.field_chain(dot, held, At::Expr(word), &variable.fields, words, last)
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
