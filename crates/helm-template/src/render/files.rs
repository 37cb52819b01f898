//! `.Files`: the files of a chart that are no templates.
use std::{collections::BTreeMap, rc::Rc};

use base64::{Engine, engine::general_purpose::STANDARD};
use gotemplate::{Context, FuncError, HostObject, Kind, Signature, Str, Type, Value};
use manifest::yaml::to_yaml;
use serde_json::Value as Json;

use crate::{capabilities::HelmMajor, chart::File, glob::FilesPattern};

/// The value of `.Files`.
pub(super) struct FilesObject {
    files: Rc<BTreeMap<Str, File>>,
    helm: HelmMajor,
}

impl FilesObject {
    pub(super) fn new(files: &[File], helm: HelmMajor) -> Self {
        Self::of(files.iter().cloned(), helm)
    }

    fn of(files: impl Iterator<Item = File>, helm: HelmMajor) -> Self {
        Self { files: Rc::new(files.map(|file| (Str::from(&file.name), file)).collect()), helm }
    }

    fn data(&self, name: &str) -> Str {
        self.files.get(name.as_bytes()).map(|file| file.data.clone()).unwrap_or_default()
    }

    fn bytes(&self, name: &[u8]) -> Option<Value> {
        self.files.get(name).map(|file| Value::Bytes(file.data.clone()))
    }

    fn glob(&self, pattern: &str) -> Self {
        let pattern = FilesPattern::new(pattern);
        Self::of(self.files.values().filter(|file| pattern.matches(&file.name)).cloned(), self.helm)
    }

    /// A YAML mapping from file name to content; of two files of a name, in several folders, one wins.
    fn config(&self, content: impl Fn(&File) -> String) -> Value {
        let entries = self.files.values().map(|file| {
            let name = file.name.rsplit('/').next().unwrap_or(&file.name);
            (name.to_owned(), Json::String(content(file)))
        });
        let yaml = to_yaml(&Json::Object(entries.collect()));
        Value::string(yaml.strip_suffix('\n').unwrap_or(&yaml))
    }

    fn lines(&self, name: &str) -> Result<Value, FuncError> {
        let Some(file) = self.files.get(name.as_bytes()) else { return Ok(Value::strings::<&str>([])) };
        if file.data.is_empty() {
            if self.helm == HelmMajor::Three {
                return Ok(Value::strings::<&str>([]));
            }
            return Err(FuncError::from("runtime error: index out of range [-1]"));
        }
        let text = file.text();
        Ok(Value::strings(text.strip_suffix('\n').unwrap_or(&text).split('\n')))
    }
}

impl HostObject for FilesObject {
    fn type_name(&self) -> &'static str {
        "engine.files"
    }

    fn kind(&self) -> Kind {
        Kind::Map
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.bytes(name.as_bytes())
    }

    fn method(&self, name: &str) -> Option<Signature> {
        match name {
            "Get" | "GetBytes" | "Glob" | "Lines" => Some(Signature::fixed(&[Type::String])),
            "AsConfig" | "AsSecrets" => Some(Signature::fixed(&[])),
            _ => None,
        }
    }

    fn call(&self, name: &str, context: &Context<'_>, arguments: &[Value]) -> Result<Value, FuncError> {
        let argument = arguments.first().and_then(Value::as_string).map(Str::text).unwrap_or_default();
        context.session().step(1 + self.files.len() as u64 / 16)?;
        match name {
            "Get" => Ok(Value::String(self.data(&argument))),
            "GetBytes" => Ok(Value::Bytes(self.data(&argument))),
            "Glob" => Ok(Value::object(self.glob(&argument))),
            "Lines" => self.lines(&argument),
            "AsConfig" => Ok(self.config(|file| file.text().into_owned())),
            _ => Ok(self.config(|file| STANDARD.encode(&*file.data))),
        }
    }

    fn entries(&self) -> Vec<(Str, Value)> {
        self.files.iter().map(|(name, file)| (name.clone(), Value::Bytes(file.data.clone()))).collect()
    }

    fn count(&self) -> usize {
        self.files.len()
    }

    fn entry(&self, key: &Str) -> Option<Value> {
        self.bytes(key)
    }

    fn element(&self) -> Type {
        Type::Bytes
    }
}
