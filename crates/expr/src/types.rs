//! Types of operands, as far as they can be told without the variables: what cel-go refuses when it compiles.
//!
//! Variables are `dyn`, which goes with everything. What is not known here is [`Type::Unknown`] and goes with
//! everything too, so nothing is refused that cel-go takes.
use cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, MapExpr, operators},
};

use crate::check::is_built_in;

/// A type of CEL.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    Unknown,
    Dyn,
    /// Without parameters, by its name.
    Plain(&'static str),
    List(Box<Type>),
    Map(Box<Type>, Box<Type>),
    Optional(Box<Type>),
}

const BOOL: Type = Type::Plain("bool");
const INT: Type = Type::Plain("int");
const STRING: Type = Type::Plain("string");
const NULL: Type = Type::Plain("null");

impl Type {
    fn is_open(&self) -> bool {
        matches!(self, Self::Unknown | Self::Dyn)
    }

    fn goes_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unknown | Self::Dyn, _) | (_, Self::Unknown | Self::Dyn) => true,
            (Self::Plain(left), Self::Plain(right)) => left == right,
            (Self::List(left), Self::List(right)) | (Self::Optional(left), Self::Optional(right)) => {
                left.goes_with(right)
            }
            (Self::Map(key, value), Self::Map(other_key, other_value)) => {
                key.goes_with(other_key) && value.goes_with(other_value)
            }
            // Null stands for messages and wrappers, which are not known here.
            (left, right) => *left == NULL || *right == NULL,
        }
    }

    fn number(&self) -> bool {
        matches!(self, Self::Plain("int" | "uint" | "double"))
    }

    /// The type as cel-go writes it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Unknown | Self::Dyn => "dyn".to_owned(),
            Self::Plain(name) => (*name).to_owned(),
            Self::List(item) => format!("list({})", item.name()),
            Self::Map(key, value) => format!("map({}, {})", key.name(), value.name()),
            Self::Optional(inner) => format!("optional_type({})", inner.name()),
        }
    }
}

/// Operands that no function takes.
#[derive(Debug)]
pub(crate) struct Misfit(pub(crate) String);

type Found = Result<Type, Misfit>;

fn no_overload(function: &str, types: &[Type]) -> Misfit {
    let names: Vec<String> = types.iter().map(Type::name).collect();
    Misfit(format!("found no matching overload for '{function}' applied to '({})'", names.join(", ")))
}

/// The type of an expression.
///
/// # Errors
/// When operands do not fit.
pub(crate) fn infer(expr: &IdedExpr) -> Found {
    Scope::default().infer(expr)
}

/// Variables that loops bind.
#[derive(Default)]
struct Scope<'e>(Vec<(&'e str, Type)>);

impl<'e> Scope<'e> {
    fn infer(&mut self, expr: &'e IdedExpr) -> Found {
        match &expr.expr {
            Expr::Literal(literal) => Ok(of_literal(literal)),
            Expr::Ident(name) => Ok(self.of_name(name)),
            Expr::List(list) => {
                let plain = list.optional_indices.is_empty();
                let items = self.all(&list.elements)?;
                Ok(Type::List(Box::new(if plain { common(&items)? } else { Type::Unknown })))
            }
            Expr::Map(map) => self.of_map(map),
            Expr::Select(select) => {
                let operand = self.infer(&select.operand)?;
                Ok(if select.test { BOOL } else { element(&operand) })
            }
            Expr::Call(call) => self.of_call(call),
            Expr::Comprehension(loop_) => self.of_loop(loop_),
            Expr::Struct(_) | Expr::Unspecified => Ok(Type::Unknown),
        }
    }

    fn all(&mut self, expressions: &'e [IdedExpr]) -> Result<Vec<Type>, Misfit> {
        expressions.iter().map(|expr| self.infer(expr)).collect()
    }

    fn of_name(&self, name: &str) -> Type {
        let bound = self.0.iter().rev().find(|(bound, _)| *bound == name);
        match bound {
            Some((_, of)) => of.clone(),
            None if is_built_in(name) || name.starts_with(['@', '.']) => Type::Unknown,
            None => Type::Dyn,
        }
    }

    fn of_map(&mut self, map: &'e MapExpr) -> Found {
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for entry in &map.entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else { return Ok(Type::Unknown) };
            keys.push(self.infer(&entry.key)?);
            let value = self.infer(&entry.value)?;
            values.push(if entry.optional { Type::Unknown } else { value });
        }
        Ok(Type::Map(Box::new(common(&keys)?), Box::new(common(&values)?)))
    }

    fn of_loop(&mut self, loop_: &'e ComprehensionExpr) -> Found {
        let range = self.infer(&loop_.iter_range)?;
        let item = match (&range, &loop_.iter_var2) {
            (_, Some(_)) => Type::Unknown,
            (Type::List(item), None) => (**item).clone(),
            (Type::Map(key, _), None) => (**key).clone(),
            (Type::Dyn, None) => Type::Dyn,
            _ => Type::Unknown,
        };
        let start = self.infer(&loop_.accu_init)?;
        let outside = self.0.len();
        self.0.push((&loop_.iter_var, item));
        self.0.extend(loop_.iter_var2.as_deref().map(|name| (name, Type::Unknown)));
        self.0.push((&loop_.accu_var, Type::Unknown));
        self.infer(&loop_.loop_cond)?;
        let made = match gathered(&loop_.loop_step, &loop_.accu_var) {
            Some((condition, item)) => {
                condition.map_or(Ok(BOOL), |condition| self.infer(condition))?;
                Type::List(Box::new(self.infer(item)?))
            }
            None => self.infer(&loop_.loop_step)?,
        };
        let result = self.infer(&loop_.result);
        self.0.truncate(outside);
        let is_made = matches!(&loop_.result.expr, Expr::Ident(name) if *name == loop_.accu_var);
        match (start, made) {
            (Type::List(_), Type::List(item)) if is_made => Ok(Type::List(item)),
            (BOOL, made) if is_made && made.goes_with(&BOOL) => Ok(BOOL),
            _ => result,
        }
    }

    fn of_call(&mut self, call: &'e CallExpr) -> Found {
        let args = self.all(&call.args)?;
        let name = call.func_name.as_str();
        let target = match call.target.as_deref() {
            None => return of_function(name, &args),
            Some(target) => target,
        };
        match &target.expr {
            Expr::Ident(space) if is_built_in(space) => of_function(&format!("{space}.{name}"), &args),
            _ => {
                let target = self.infer(target)?;
                of_member(name, &target)
            }
        }
    }
}

/// What a loop adds to the list it makes, and the condition: `x` in `c ? list + [x] : list`, `c` when there is one.
fn gathered<'e>(step: &'e IdedExpr, accu: &str) -> Option<(Option<&'e IdedExpr>, &'e IdedExpr)> {
    let Expr::Call(call) = &step.expr else { return None };
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::CONDITIONAL, [condition, then, IdedExpr { expr: Expr::Ident(name), .. }])
            if name == accu =>
        {
            gathered(then, accu).and_then(|(inner, item)| inner.is_none().then_some((Some(condition), item)))
        }
        (operators::ADD, [left, right]) => match (&left.expr, &right.expr) {
            (Expr::Ident(name), Expr::List(list)) if name == accu => match list.elements.as_slice() {
                [item] => Some((None, item)),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn of_literal(literal: &LiteralValue) -> Type {
    Type::Plain(match literal {
        LiteralValue::Boolean(_) => "bool",
        LiteralValue::String(_) => "string",
        LiteralValue::Bytes(_) => "bytes",
        LiteralValue::Double(_) => "double",
        LiteralValue::Int(_) => "int",
        LiteralValue::UInt(_) => "uint",
        LiteralValue::Null => "null",
    })
}

/// The one type of elements, which the first that is known gives.
fn common(types: &[Type]) -> Found {
    let Some(first) = types.iter().find(|one| !one.is_open() && **one != NULL) else {
        let open = if types.contains(&Type::Dyn) { Type::Dyn } else { Type::Unknown };
        return Ok(open);
    };
    match types.iter().find(|one| **one != NULL && !one.goes_with(first)) {
        Some(other) => Err(Misfit(format!("expected type '{}' but found '{}'", first.name(), other.name()))),
        None if types.iter().all(|one| one == first) => Ok(first.clone()),
        None => Ok(Type::Unknown),
    }
}

/// A field of a value, or an element of it.
fn element(of: &Type) -> Type {
    match of {
        Type::Dyn => Type::Dyn,
        Type::List(item) => (**item).clone(),
        Type::Map(_, value) => (**value).clone(),
        Type::Optional(inner) => match element(inner) {
            Type::Optional(inner) => Type::Optional(inner),
            inner => Type::Optional(Box::new(inner)),
        },
        _ => Type::Unknown,
    }
}

fn of_function(name: &str, args: &[Type]) -> Found {
    let refused = || Err(no_overload(name, args));
    let boolean = |fits: bool| if fits { Ok(BOOL) } else { refused() };
    match (name, args) {
        (operators::EQUALS | operators::NOT_EQUALS, [left, right]) => boolean(left.goes_with(right)),
        (
            operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
            [left, right],
        ) => boolean(left.goes_with(right) || (left.number() && right.number())),
        (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, args) => {
            boolean(args.iter().all(|arg| arg.goes_with(&BOOL)))
        }
        (operators::NEGATE, [Type::Plain("string" | "bool" | "bytes" | "uint" | "null")]) => refused(),
        (operators::NEGATE, [one]) => Ok(one.clone()),
        (operators::IN, [wanted, Type::List(among)]) => boolean(wanted.goes_with(among)),
        (operators::IN, [wanted, Type::Map(among, _)]) => boolean(wanted.goes_with(among)),
        (operators::IN, [_, _]) => Ok(BOOL),
        (operators::INDEX, [Type::Map(key, _), index]) if !index.goes_with(key) => refused(),
        (operators::INDEX, [Type::List(_), index]) if !index.goes_with(&INT) => refused(),
        (operators::INDEX, [of, _]) => Ok(element(of)),
        (operators::OPT_INDEX | operators::OPT_SELECT, [of, _]) => Ok(match element(of) {
            Type::Optional(inner) => Type::Optional(inner),
            inner => Type::Optional(Box::new(inner)),
        }),
        (
            operators::ADD
            | operators::SUBSTRACT
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO,
            [left, right],
        ) => of_arithmetic(left, right).map_or_else(refused, Ok),
        (operators::CONDITIONAL, [_, then, otherwise]) if then == otherwise => Ok(then.clone()),
        ("sets.contains" | "sets.equivalent" | "sets.intersects", [left, right]) => {
            let list = Type::List(Box::new(Type::Unknown));
            boolean(left.goes_with(&list) && right.goes_with(&list) && left.goes_with(right))
        }
        ("optional.of", [one]) => Ok(Type::Optional(Box::new(one.clone()))),
        ("int" | "size", [_]) => Ok(INT),
        ("uint", [_]) => Ok(Type::Plain("uint")),
        ("double", [_]) => Ok(Type::Plain("double")),
        ("bool", [_]) => Ok(BOOL),
        ("string", [_]) => Ok(STRING),
        _ => Ok(Type::Unknown),
    }
}

/// The type of a sum, difference or product; `None` when the operands do not fit.
fn of_arithmetic(left: &Type, right: &Type) -> Option<Type> {
    match (left, right) {
        (Type::Plain(left), Type::Plain(right)) if left != right => None,
        _ if left == right => Some(left.clone()),
        _ => Some(Type::Unknown),
    }
}

fn of_member(name: &str, target: &Type) -> Found {
    const TEXT: [&str; 6] = ["contains", "startsWith", "endsWith", "matches", "split", "lowerAscii"];
    let refused = || Err(no_overload(name, std::slice::from_ref(target)));
    match (name, target) {
        (name, Type::Plain(other)) if TEXT.contains(&name) && *other != "string" => refused(),
        ("first" | "last", Type::Plain(_)) => refused(),
        ("contains" | "startsWith" | "endsWith" | "matches" | "hasValue", _) => Ok(BOOL),
        ("split", _) => Ok(Type::List(Box::new(STRING))),
        ("value" | "orValue", Type::Optional(inner)) => Ok((**inner).clone()),
        ("size" | "indexOf" | "lastIndexOf", _) => Ok(INT),
        ("lowerAscii" | "upperAscii" | "trim" | "substring" | "charAt" | "join" | "format", _) => Ok(STRING),
        _ => Ok(Type::Unknown),
    }
}
