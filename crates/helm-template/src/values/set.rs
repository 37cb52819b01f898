//! The grammars of `--set`, `--set-string`, `--set-file`, `--set-json` and `--set-literal`.
mod parser;

use serde_json::{Map, Value};

use self::parser::{Grammar, Parser};
use super::{Values, floats, merge_maps};

/// Why an expression of `--set` and its kin cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// Nothing follows the key.
    #[error("key {0:?} has no value")]
    NoValue(String),
    /// A comma follows the key.
    #[error("key {0:?} has no value (cannot end with ,)")]
    Comma(String),
    /// A key that ends with a dot.
    #[error("key map {0:?} has no value")]
    EmptyMap(String),
    /// More than 30 names in a row.
    #[error("value name nested level is greater than maximum supported nested level of {0}")]
    Depth(usize),
    /// `[` without a number in it.
    #[error("error parsing index: {0}")]
    Index(String),
    /// `[-1]`.
    #[error("negative {0} index not allowed")]
    Negative(i64),
    /// An index over 65536.
    #[error("index of {0} is greater than maximum supported index of {1}")]
    LargeIndex(i64, i64),
    /// Text between `]` and what must follow it.
    #[error("unexpected data at end of array index: {0:?}")]
    AfterIndex(String),
    /// `{` without `}`.
    #[error("list must terminate with '}}'")]
    OpenList,
    /// The expression ends too early.
    #[error("unexpected end of the expression")]
    End,
    /// The path goes through a value of another kind.
    #[error("unable to parse key: interface conversion: interface {{}} is {found}, not {wanted}")]
    Kind {
        /// Go's name of the kind that is there.
        found: &'static str,
        /// Go's name of the kind that the path needs.
        wanted: &'static str,
    },
    /// The value of `--set-json` is no JSON.
    #[error("{0}")]
    Json(String),
    /// The reader of `--set-file` failed.
    #[error("{0}")]
    File(String),
}

impl Values {
    /// `--set a.b=1,c[0]=x,d={x,y}`: words become booleans, null and integers where they look so.
    ///
    /// # Errors
    /// When the expression cannot be read; the values may then be half set.
    pub fn set(&mut self, expression: &str) -> Result<(), SetError> {
        Parser::new(expression, Grammar::Typed).run(&mut self.0)
    }

    /// `--set-string`: as [`Values::set`], every word a string.
    ///
    /// # Errors
    /// As [`Values::set`].
    pub fn set_string(&mut self, expression: &str) -> Result<(), SetError> {
        Parser::new(expression, Grammar::Text).run(&mut self.0)
    }

    /// `--set-file a=path`: `read` is given the path and returns the content.
    ///
    /// # Errors
    /// As [`Values::set`], and what `read` returns.
    pub fn set_file(
        &mut self,
        expression: &str,
        read: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<(), SetError> {
        Parser::new(expression, Grammar::File(read)).run(&mut self.0)
    }

    /// `--set-json`: either one JSON object, or `a.b=<json>,c=<json>`.
    ///
    /// # Errors
    /// As [`Values::set`], and for what is no JSON.
    pub fn set_json(&mut self, expression: &str) -> Result<(), SetError> {
        let trimmed = expression.trim();
        if trimmed.starts_with('{') {
            let bad = || SetError::Json(format!("JSON: {expression}"));
            let mut value: Value = serde_json::from_str(trimmed).map_err(|_| bad())?;
            floats(&mut value);
            merge_maps(&mut self.0, value.as_object().unwrap_or(&Map::new()));
            return Ok(());
        }
        self.set_json_pairs(expression)
    }

    /// `--set-json` of Helm 3: `a.b=<json>,c=<json>` only.
    ///
    /// # Errors
    /// As [`Values::set_json`].
    pub fn set_json_pairs(&mut self, expression: &str) -> Result<(), SetError> {
        Parser::new(expression, Grammar::Json)
            .run(&mut self.0)
            .map_err(|_| SetError::Json(expression.to_owned()))
    }

    /// `--set-literal a.b=text`: everything behind the first `=` is the text, no escapes.
    ///
    /// # Errors
    /// As [`Values::set`].
    pub fn set_literal(&mut self, expression: &str) -> Result<(), SetError> {
        Parser::new(expression, Grammar::Literal).run(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{SetError, Values};

    fn check(expression: &str, expect: &Value) {
        let mut values = Values::new();
        values.set(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
        assert_eq!(&Value::Object(values.into_map()), expect, "{expression}");
    }

    fn fails(expression: &str, expect: &str) {
        assert_eq!(Values::new().set(expression).unwrap_err().to_string(), expect, "{expression}");
    }

    #[test]
    fn words_get_their_kind() {
        check(
            "a=1,b=true,c=null,d=x,e=,f=01,g=0,h=-5,i=1.5,j=TRUE",
            &json!({
                "a": 1, "b": true, "c": null, "d": "x", "e": "", "f": "01", "g": 0, "h": -5, "i": "1.5", "j": true
            }),
        );
    }

    #[test]
    fn paths_make_maps_and_lists() {
        check("a.b.c=1,a.b.d=2", &json!({"a": {"b": {"c": 1, "d": 2}}}));
        check("a[1].b=x,a[0]=y", &json!({"a": ["y", {"b": "x"}]}));
        check("a[0][1]=x", &json!({"a": [[null, "x"]]}));
        check("a={x,2,true},b=1", &json!({"a": ["x", 2, true], "b": 1}));
        check("a={}", &json!({"a": [""]}));
    }

    #[test]
    fn a_backslash_takes_the_next_character_as_it_is() {
        check(r"a=x\,y,b\.c=1,d=\{x", &json!({"a": "x,y", "b.c": 1, "d": "{x"}));
    }

    #[test]
    fn what_is_there_is_kept() {
        let mut values = Values::parse("a: {x: 1}\nb: [1, 2]\n").unwrap();
        values.set("a.y=2,b[1]=3").unwrap();
        assert_eq!(Value::Object(values.into_map()), json!({"a": {"x": 1.0, "y": 2}, "b": [1.0, 3]}));
    }

    #[test]
    fn errors_are_helms() {
        fails("a", "key \"a\" has no value");
        fails("a,b=1", "key \"a\" has no value (cannot end with ,)");
        fails("a[x]=1", "error parsing index: strconv.Atoi: parsing \"x\": invalid syntax");
        fails("a[-1]=1", "negative -1 index not allowed");
        fails("a[65537]=1", "index of 65537 is greater than maximum supported index of 65536");
        fails("a={x", "list must terminate with '}'");
        fails("a[0]x=1", "unexpected data at end of array index: \"x\"");
        fails(
            "a=1,a.b=2",
            "unable to parse key: interface conversion: interface {} is int64, not map[string]interface {}",
        );
        fails(
            "a=x,a[0]=2",
            "unable to parse key: interface conversion: interface {} is string, not []interface {}",
        );
        let deep = format!("{}=1", vec!["a"; 32].join("."));
        fails(&deep, "value name nested level is greater than maximum supported nested level of 30");
    }

    #[test]
    fn strings_stay_strings() {
        let mut values = Values::new();
        values.set_string("a=1,b=true,c={1,x}").unwrap();
        assert_eq!(Value::Object(values.into_map()), json!({"a": "1", "b": "true", "c": ["1", "x"]}));
    }

    #[test]
    fn json_is_an_object_or_pairs() {
        let mut values = Values::new();
        values.set_json(r#"{"a": {"x": 1}}"#).unwrap();
        values.set_json(r#"a.y=[1, {"z": null}] ,b="s",c="#).unwrap();
        assert_eq!(
            Value::Object(values.clone().into_map()),
            json!({"a": {"x": 1.0, "y": [1.0, {"z": null}]}, "b": "s", "c": null})
        );
        assert_eq!(values.set_json("a=x").unwrap_err(), SetError::Json("a=x".into()));
    }

    #[test]
    fn literals_have_no_escapes() {
        let mut values = Values::new();
        values.set_literal(r"a.b=x,y\,{z}=1").unwrap();
        values.set_literal("c[1]=").unwrap();
        assert_eq!(Value::Object(values.into_map()), json!({"a": {"b": r"x,y\,{z}=1"}, "c": [null, ""]}));
    }

    #[test]
    fn files_are_read_by_the_caller() {
        let mut values = Values::new();
        values.set_file("a=x,b=y", &|path| Ok(format!("<{path}>"))).unwrap();
        assert_eq!(Value::Object(values.into_map()), json!({"a": "<x>", "b": "<y>"}));
        let error = Values::new().set_file("a=x", &|_| Err("gone".into())).unwrap_err();
        assert_eq!(error, SetError::File("gone".into()));
    }
}
