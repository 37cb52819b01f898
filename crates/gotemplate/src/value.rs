//! What a template computes with. Number types are kept apart as Go keeps them, maps are shared and mutable.

pub(crate) mod account;
mod convert;
mod dismantle;
mod equal;
mod json;
mod list;
mod map;
mod object;
mod text;
mod types;

use std::rc::Rc;

pub(crate) use self::{json::MAX_NESTING, map::WeakMap};

pub use self::{
    json::Numbers,
    list::List,
    map::Map,
    object::HostObject,
    text::Str,
    types::{Kind, Type},
};
use crate::func::Func;

/// A value.
#[derive(Clone, Default)]
pub enum Value {
    /// A nil `interface {}`, as a map or list may hold and as functions receive it.
    #[default]
    Nil,
    /// No value at all (reflect's zero `Value`): a missing key, a pipeline that came to nil. Functions whose
    /// parameter is [`Type::Any`] receive [`Value::Nil`] instead.
    Absent,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `int32`
    Int32(i32),
    /// `int64`
    Int64(i64),
    /// `uint`
    Uint(u64),
    /// `uint8`
    Uint8(u8),
    /// `uint32`
    Uint32(u32),
    /// `uint64`
    Uint64(u64),
    /// `float64`
    Float(f64),
    /// `string`
    String(Str),
    /// `[]uint8`
    Bytes(Str),
    /// A list of any element type.
    List(List),
    /// A map with string keys.
    Map(Map),
    /// A value that its owner defines.
    Object(Rc<dyn HostObject>),
    /// A function, for `call`.
    Func(Rc<Func>),
}

impl Value {
    /// A string.
    #[must_use]
    pub fn string(text: impl Into<Str>) -> Self {
        Self::String(text.into())
    }

    /// A `[]interface {}`.
    #[must_use]
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(List::new(items))
    }

    /// A `[]string`.
    #[must_use]
    pub fn strings<T: Into<Str>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List(List::of(Type::Strings, items.into_iter().map(Self::string).collect()))
    }

    /// A `map[string]interface {}`.
    #[must_use]
    pub fn map<K: Into<Str>, V: Into<Self>>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Map(entries.into_iter().collect())
    }

    /// An object.
    #[must_use]
    pub fn object(object: impl HostObject) -> Self {
        Self::Object(Rc::new(object))
    }

    /// Whether it is nil or absent.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil | Self::Absent)
    }

    /// Its dynamic type; `None` for nil and absent.
    #[must_use]
    pub fn kind_type(&self) -> Option<Type> {
        Some(match self {
            Self::Nil | Self::Absent => return None,
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Int32(_) => Type::Int32,
            Self::Int64(_) => Type::Int64,
            Self::Uint(_) => Type::Uint,
            Self::Uint8(_) => Type::Uint8,
            Self::Uint32(_) => Type::Uint32,
            Self::Uint64(_) => Type::Uint64,
            Self::Float(_) => Type::Float64,
            Self::String(_) => Type::String,
            Self::Bytes(_) => Type::Bytes,
            Self::List(list) => list.kind(),
            Self::Map(map) => map.kind(),
            Self::Object(object) => Type::Object(object.type_name()),
            Self::Func(_) => Type::Func,
        })
    }

    /// The name of its dynamic type as `%T` prints it; `<nil>` for nil.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.kind_type().map_or("<nil>", Type::name)
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Nil | Self::Absent => Kind::Invalid,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) | Self::Int32(_) | Self::Int64(_) => Kind::Int,
            Self::Uint(_) | Self::Uint8(_) | Self::Uint32(_) | Self::Uint64(_) => Kind::Uint,
            Self::Float(_) => Kind::Float,
            Self::String(_) => Kind::String,
            Self::Bytes(_) | Self::List(_) => Kind::Slice,
            Self::Map(_) => Kind::Map,
            Self::Object(object) => object.kind(),
            Self::Func(_) => Kind::Func,
        }
    }

    /// The name of its kind as `kindOf` prints it: `int64`, `slice`, `map`, `invalid`, …
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self.kind() {
            Kind::Invalid => "invalid",
            Kind::Slice => "slice",
            Kind::Map => "map",
            Kind::Struct => "struct",
            Kind::Ptr => "ptr",
            Kind::Func => "func",
            _ => self.type_name(),
        }
    }

    /// The number of a signed integer of any width.
    #[must_use]
    pub fn signed(&self) -> Option<i64> {
        match self {
            Self::Int(n) | Self::Int64(n) => Some(*n),
            Self::Int32(n) => Some(i64::from(*n)),
            _ => None,
        }
    }

    /// The number of an unsigned integer of any width.
    #[must_use]
    pub fn unsigned(&self) -> Option<u64> {
        match self {
            Self::Uint(n) | Self::Uint64(n) => Some(*n),
            Self::Uint8(n) => Some(u64::from(*n)),
            Self::Uint32(n) => Some(u64::from(*n)),
            _ => None,
        }
    }

    /// The string, if it is one.
    #[must_use]
    pub fn as_string(&self) -> Option<&Str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The map, if it is one.
    #[must_use]
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The list, if it is one.
    #[must_use]
    pub fn as_list(&self) -> Option<&List> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// The object as a type of its owner.
    #[must_use]
    pub fn downcast<T: HostObject>(&self) -> Option<&T> {
        match self {
            Self::Object(object) => {
                let any: &dyn std::any::Any = object.as_ref();
                any.downcast_ref()
            }
            _ => None,
        }
    }

    /// Whether text/template takes it for true: not zero, not empty, not nil.
    #[must_use]
    pub fn truth(&self) -> bool {
        match self {
            Self::Nil | Self::Absent => false,
            Self::Bool(truth) => *truth,
            Self::Float(n) => *n != 0.0,
            Self::String(text) | Self::Bytes(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Object(object) => match object.kind() {
                Kind::Map | Kind::Slice => object.count() != 0,
                _ => true,
            },
            Self::Func(_) => true,
            _ => self.signed() != Some(0) && self.unsigned() != Some(0),
        }
    }

    /// The zero value of a type, as a missing key of a typed map gives it.
    #[must_use]
    pub fn zero(kind: Type) -> Self {
        match kind {
            Type::Bool => Self::Bool(false),
            Type::Int => Self::Int(0),
            Type::Int32 => Self::Int32(0),
            Type::Int64 => Self::Int64(0),
            Type::Uint => Self::Uint(0),
            Type::Uint8 => Self::Uint8(0),
            Type::Uint32 => Self::Uint32(0),
            Type::Uint64 => Self::Uint64(0),
            Type::Float64 => Self::Float(0.0),
            Type::String => Self::String(Str::default()),
            Type::Bytes => Self::Bytes(Str::default()),
            Type::List | Type::Strings | Type::Ints | Type::Lists | Type::Maps => Self::List(List::nil(kind)),
            Type::Map | Type::StringMap | Type::NamedMap(_) => Self::Map(Map::nil(kind)),
            Type::Any | Type::Reflect | Type::Object(_) | Type::Func => Self::Nil,
        }
    }
}

impl Value {
    /// A signed number of this value's width.
    pub(crate) fn signed_like(&self, n: i64) -> Self {
        match self {
            Self::Int32(_) => Self::Int32(i32::try_from(n).unwrap_or_default()),
            Self::Int64(_) => Self::Int64(n),
            _ => Self::Int(n),
        }
    }

    /// An unsigned number of this value's width.
    pub(crate) fn unsigned_like(&self, n: u64) -> Self {
        match self {
            Self::Uint8(_) => Self::Uint8(u8::try_from(n).unwrap_or_default()),
            Self::Uint32(_) => Self::Uint32(u32::try_from(n).unwrap_or_default()),
            Self::Uint64(_) => Self::Uint64(n),
            _ => Self::Uint(n),
        }
    }
}

/// The type alone: values of charts hold secrets.
impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Value({})", self.type_name())
    }
}
