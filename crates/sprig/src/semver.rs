//! Versions and constraints.

use std::cmp::Ordering;

use gotemplate::{Context, FuncError, Funcs, HostObject, Kind, Signature, Type, Value};
use semver_range::{Constraint, Version};

use crate::call::fixed;

pub(crate) fn add(funcs: &mut Funcs) {
    fixed(funcs, "semver", &[Type::String], |call| Ok(Value::object(Semver(parse(&call.text(0))?))));
    fixed(funcs, "semverCompare", &[Type::String, Type::String], |call| {
        let constraint = Constraint::parse(&call.text(0)).map_err(|error| error.to_string())?;
        Ok(Value::Bool(constraint.matches(&parse(&call.text(1))?)))
    });
}

fn parse(text: &str) -> Result<Version, FuncError> {
    Version::parse(text).map_err(|_| "invalid semantic version".into())
}

/// `*semver.Version`.
struct Semver(Version);

impl Semver {
    fn plain(&self) -> String {
        let Version { major, minor, patch, pre, build, .. } = &self.0;
        let pre = if pre.is_empty() { String::new() } else { format!("-{pre}") };
        let build = if build.is_empty() { String::new() } else { format!("+{build}") };
        format!("{major}.{minor}.{patch}{pre}{build}")
    }

    fn bumped(&self, part: usize) -> Value {
        let Version { major, minor, patch, pre, .. } = &self.0;
        let numbers = match part {
            0 => (major + 1, 0, 0),
            1 => (*major, minor + 1, 0),
            _ => (*major, *minor, patch + u64::from(pre.is_empty())),
        };
        let prefix = if self.0.original().starts_with('v') { "v" } else { "" };
        let text = format!("{prefix}{}.{}.{}", numbers.0, numbers.1, numbers.2);
        Version::parse(&text).map_or(Value::Nil, |version| Value::object(Self(version)))
    }
}

impl HostObject for Semver {
    fn type_name(&self) -> &'static str {
        "*semver.Version"
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn text(&self) -> Option<String> {
        Some(self.plain())
    }

    fn json(&self) -> Option<Value> {
        Some(self.plain().into())
    }

    fn method(&self, name: &str) -> Option<Signature> {
        const OTHER: Signature = Signature::fixed(&[Type::Object("*semver.Version")]);
        match name {
            "Major" | "Minor" | "Patch" | "Prerelease" | "Metadata" | "Original" | "String" | "IncMajor"
            | "IncMinor" | "IncPatch" => Some(Signature::fixed(&[])),
            "Compare" | "Equal" | "LessThan" | "GreaterThan" | "LessThanEqual" | "GreaterThanEqual" => {
                Some(OTHER)
            }
            _ => None,
        }
    }

    fn call(&self, name: &str, _: &Context<'_>, arguments: &[Value]) -> Result<Value, FuncError> {
        let version = &self.0;
        if let Some(other) = arguments.first().and_then(Value::downcast::<Self>) {
            let order = version.cmp(&other.0);
            return Ok(match name {
                "Compare" => Value::Int(order as i64),
                "Equal" => Value::Bool(order == Ordering::Equal),
                "LessThan" => Value::Bool(order == Ordering::Less),
                "GreaterThan" => Value::Bool(order == Ordering::Greater),
                "LessThanEqual" => Value::Bool(order != Ordering::Greater),
                _ => Value::Bool(order != Ordering::Less),
            });
        }
        Ok(match name {
            "Major" => Value::Uint64(version.major),
            "Minor" => Value::Uint64(version.minor),
            "Patch" => Value::Uint64(version.patch),
            "Prerelease" => Value::string(&version.pre),
            "Metadata" => Value::string(&version.build),
            "Original" => version.original().into(),
            "String" => self.plain().into(),
            "IncMajor" => self.bumped(0),
            "IncMinor" => self.bumped(1),
            "IncPatch" => self.bumped(2),
            _ => return Err(crate::call::NIL.into()),
        })
    }
}
