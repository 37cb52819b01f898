//! Functions that templates call, and what a running template lends them.

use std::{collections::HashMap, fmt, rc::Rc};

use foldhash::fast::RandomState;

use crate::{
    error::{ExecError, ParseError},
    session::{LimitError, Session},
    template::Templates,
    value::{Str, Type, Value},
};

/// The parameters of a function, as Go's reflection knows them: they decide the texts of errors about arguments
/// and how constants are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The fixed parameters.
    pub fixed: &'static [Type],
    /// The type of any number of further arguments.
    pub variadic: Option<Type>,
}

impl Signature {
    /// Exactly these parameters.
    #[must_use]
    pub const fn fixed(fixed: &'static [Type]) -> Self {
        Self { fixed, variadic: None }
    }

    /// These parameters, then any number of one more type.
    #[must_use]
    pub const fn variadic(fixed: &'static [Type], rest: Type) -> Self {
        Self { fixed, variadic: Some(rest) }
    }
}

type Body = dyn Fn(&Context<'_>, &[Value]) -> Result<Value, FuncError>;

/// A function with its signature. It is called with as many arguments as the signature asks for, each of its type.
pub struct Func {
    /// Its parameters.
    pub signature: Signature,
    body: Box<Body>,
}

impl Func {
    /// A function.
    #[must_use]
    pub fn new(
        signature: Signature,
        body: impl Fn(&Context<'_>, &[Value]) -> Result<Value, FuncError> + 'static,
    ) -> Self {
        Self { signature, body: Box::new(body) }
    }

    /// Calls it; the arguments must fit the signature.
    ///
    /// # Errors
    /// What the function reports.
    pub fn call(&self, context: &Context<'_>, arguments: &[Value]) -> Result<Value, FuncError> {
        (self.body)(context, arguments)
    }
}

/// The functions a template may call beside text/template's own, which they override, and the methods of named maps.
/// Cloning shares the functions.
#[derive(Clone, Default)]
pub struct Funcs {
    functions: HashMap<&'static str, Rc<Func>, RandomState>,
    methods: Vec<(&'static str, &'static str, Rc<Func>)>,
}

impl Funcs {
    /// No functions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a function.
    pub fn insert(
        &mut self,
        name: &'static str,
        signature: Signature,
        body: impl Fn(&Context<'_>, &[Value]) -> Result<Value, FuncError> + 'static,
    ) {
        self.functions.insert(name, Rc::new(Func::new(signature, body)));
    }

    /// Adds a method to maps of type [`Type::NamedMap`] with this name. Its first argument is the map, which the
    /// signature leaves out. A method wins over a key of its name, as in Go.
    pub fn insert_method(
        &mut self,
        map: &'static str,
        name: &'static str,
        signature: Signature,
        body: impl Fn(&Context<'_>, &[Value]) -> Result<Value, FuncError> + 'static,
    ) {
        self.methods.push((map, name, Rc::new(Func::new(signature, body))));
    }

    /// A method of maps of a type.
    #[must_use]
    pub fn method(&self, map: Type, name: &str) -> Option<&Rc<Func>> {
        let Type::NamedMap(map) = map else { return None };
        let found = self.methods.iter().find(|(owner, method, _)| *owner == map && *method == name);
        found.map(|(_, _, func)| func)
    }

    /// Takes a function away.
    pub fn remove(&mut self, name: &str) {
        self.functions.remove(name);
    }

    /// A function by name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Rc<Func>> {
        self.functions.get(name)
    }

    /// All names, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.functions.keys().copied().collect();
        names.sort_unstable();
        names
    }
}

/// Why a function failed. Its text is what Go prints after `error calling NAME: `.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FuncError {
    /// In its own words.
    #[error("{0}")]
    Message(String),
    /// A template that it executed failed.
    #[error("{0}")]
    Template(Box<ExecError>),
    /// A template that it parsed is wrong.
    #[error("{0}")]
    Parse(ParseError),
    /// A limit of the session is reached.
    #[error("{0}")]
    Limit(LimitError),
}

impl From<String> for FuncError {
    fn from(text: String) -> Self {
        Self::Message(text)
    }
}

impl From<&str> for FuncError {
    fn from(text: &str) -> Self {
        Self::Message(text.to_owned())
    }
}

impl From<ExecError> for FuncError {
    fn from(error: ExecError) -> Self {
        Self::Template(Box::new(error))
    }
}

impl From<ParseError> for FuncError {
    fn from(error: ParseError) -> Self {
        Self::Parse(error)
    }
}

impl From<LimitError> for FuncError {
    fn from(error: LimitError) -> Self {
        Self::Limit(error)
    }
}

/// What a running template lends to the functions it calls.
#[derive(Clone, Copy)]
pub struct Context<'e> {
    pub(crate) templates: &'e Templates,
    pub(crate) funcs: &'e Funcs,
    pub(crate) session: &'e Session,
    pub(crate) depth: usize,
}

impl<'e> Context<'e> {
    /// The set that the running template belongs to.
    #[must_use]
    pub fn templates(&self) -> &'e Templates {
        self.templates
    }

    /// The functions of the running template.
    #[must_use]
    pub fn funcs(&self) -> &'e Funcs {
        self.funcs
    }

    /// The limits and what is used of them.
    #[must_use]
    pub fn session(&self) -> &'e Session {
        self.session
    }

    /// Executes a template of the running set, as Helm's `include` does.
    ///
    /// # Errors
    /// When there is no such template, when it fails, or at a limit.
    pub fn execute(&self, name: &str, data: &Value) -> Result<Str, FuncError> {
        self.execute_in(self.templates, name, data)
    }

    /// Executes a template of another set with the same functions and limits, as Helm's `tpl` does with a clone of
    /// the running set.
    ///
    /// # Errors
    /// When there is no such template, when it fails, or at a limit.
    pub fn execute_in(&self, templates: &Templates, name: &str, data: &Value) -> Result<Str, FuncError> {
        let inner = Context { templates, depth: self.depth + 1, ..*self };
        Ok(crate::exec::execute(&inner, name, data)?)
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("depth", &self.depth).finish_non_exhaustive()
    }
}
