use std::sync::{Arc, LazyLock};

use cel::{DeclarationError, extensions};

use crate::functions;

/// What a compiled expression may refer to, and what it has to give.
#[derive(Clone, Debug, Default)]
pub struct Env {
    pub(crate) variables: Option<Vec<String>>,
    pub(crate) output: Option<Output>,
}

/// Type that an expression has to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// `bool`.
    Bool,
    /// `string`.
    String,
}

impl Output {
    /// The name CEL gives the type.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::String => "string",
        }
    }
}

impl Env {
    /// Any variable may be named, and is looked up when the expression is evaluated: Flux's
    /// `healthCheckExprs`, whose variables are the top-level fields of any object.
    #[must_use]
    pub fn open() -> Self {
        Self::default()
    }

    /// Only these variables, and known functions, may be named: Flux's `readyExpr` (`self`, `dep`) and the
    /// filters. Anything else is a compile error.
    #[must_use]
    pub fn with_variables(names: &[&str]) -> Self {
        Self { variables: Some(names.iter().map(|name| (*name).to_owned()).collect()), output: None }
    }

    /// The same, for expressions that have to give this type. What can be told without the variables is
    /// checked when compiled, the rest when evaluated.
    #[must_use]
    pub fn giving(mut self, output: Output) -> Self {
        self.output = Some(output);
        self
    }
}

/// The functions of all expressions, built once.
pub(crate) fn library() -> &'static Arc<cel::Env> {
    static LIBRARY: LazyLock<Arc<cel::Env>> =
        LazyLock::new(|| Arc::new(build().expect("names of extensions and of our functions do not collide")));
    &LIBRARY
}

fn build() -> Result<cel::Env, DeclarationError> {
    let mut env = cel::Env::stdlib();
    env.add_extension(extensions::strings)?;
    env.add_extension(extensions::encoders)?;
    functions::register(&mut env)?;
    // As cel-go: the last of two equal keys wins.
    env.set_error_on_duplicate_map_keys(false);
    Ok(env)
}
