//! The functions that Helm adds to Sprig's.
use std::{cell::RefCell, collections::HashMap, rc::Rc};

use gotemplate::{Context, FuncError, Funcs, Numbers, Signature, Str, Type, Value, sprintf};

use super::{HelmMajor, Host, RenderOptions, error::warn, table::add_table_methods, without_no_value};

/// How often a template may include itself, directly or not.
const NESTED: usize = 1_000;

type Included = Rc<RefCell<HashMap<Str, usize>>>;

/// All functions a chart may call.
pub(super) fn functions(host: Rc<dyn Host>, options: &RenderOptions, helm: HelmMajor) -> Funcs {
    let mut funcs = Funcs::new();
    sprig::add_functions(&mut funcs, host.clone());
    sprig::add_encodings(&mut funcs);
    funcs.remove("env");
    funcs.remove("expandenv");
    if helm == HelmMajor::Three {
        funcs.remove("mustToYaml");
        funcs.remove("mustToToml");
    }
    if !options.dns {
        funcs.insert("getHostByName", Signature::fixed(&[Type::String]), |_, _| Ok(Value::string("")));
    }
    let included = Included::default();
    funcs.insert("include", Signature::fixed(&[Type::String, Type::Any]), move |context, arguments| {
        include(context, arguments, &included)
    });
    funcs.insert("tpl", Signature::fixed(&[Type::String, Type::Any]), tpl);
    funcs
        .insert("required", Signature::fixed(&[Type::String, Type::Any]), |_, arguments| required(arguments));
    funcs.insert("fail", Signature::fixed(&[Type::String]), |_, arguments| {
        Err(FuncError::from(warn(&text(arguments, 0))))
    });
    funcs.insert("lookup", Signature::fixed(&[Type::String; 4]), move |_, arguments| {
        let [version, kind, namespace, name] = [0, 1, 2, 3].map(|at| text(arguments, at));
        let found = host.lookup(&version, &kind, &namespace, &name)?;
        Ok(Value::from_json(&found, Numbers::Keep))
    });
    add_table_methods(&mut funcs, helm);
    funcs
}

fn text(arguments: &[Value], at: usize) -> String {
    arguments.get(at).and_then(Value::as_string).map(|text| text.text().into_owned()).unwrap_or_default()
}

fn include(context: &Context<'_>, arguments: &[Value], included: &Included) -> Result<Value, FuncError> {
    let [Value::String(name), data] = arguments else { return Ok(Value::string("")) };
    let times = *included.borrow().get(name).unwrap_or(&0);
    if times > NESTED {
        let name = name.text();
        let text = "rendering template has a nested reference name";
        return Err(FuncError::from(format!("{text}: {name}: unable to execute template")));
    }
    included.borrow_mut().insert(name.clone(), times + 1);
    let result = context.execute(&name.text(), data);
    included.borrow_mut().insert(name.clone(), times);
    result.map(Value::String)
}

/// Renders a text as a template of the running set, with everything that is defined there.
fn tpl(context: &Context<'_>, arguments: &[Value]) -> Result<Value, FuncError> {
    let [Value::String(source), data] = arguments else { return Ok(Value::string("")) };
    let text = source.text();
    if !text.contains("{{") {
        return Ok(Value::string(without_no_value(&text)));
    }
    let quoted = || sprintf(b"%q", &arguments[..1]).map(|text| text.text().into_owned()).unwrap_or_default();
    let mut templates = context.templates().clone();
    let name = templates.name().to_owned();
    templates
        .parse(&name, &text, context.funcs())
        .map_err(|error| FuncError::from(format!("cannot parse template {}: {error}", quoted())))?;
    match context.execute_in(&templates, &name, data) {
        Ok(rendered) => Ok(Value::string(without_no_value(&rendered.text()))),
        Err(limit @ FuncError::Limit(_)) => Err(limit),
        Err(error) => {
            Err(FuncError::from(format!("error during tpl function execution for {}: {error}", quoted())))
        }
    }
}

fn required(arguments: &[Value]) -> Result<Value, FuncError> {
    let value = arguments.get(1).cloned().unwrap_or_default();
    let missing = value.is_nil() || value.as_string().is_some_and(|text| text.is_empty());
    if missing { Err(FuncError::from(warn(&text(arguments, 0)))) } else { Ok(value) }
}
