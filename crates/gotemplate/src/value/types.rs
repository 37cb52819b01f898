use std::fmt;

/// A Go type, as far as templates can see it: in signatures, in `%T`, in error texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// `interface {}`: any value, nil included.
    Any,
    /// `reflect.Value`: any value, and the absence of one; only text/template's own functions take it.
    Reflect,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `int32`, also Go's `rune`
    Int32,
    /// `int64`
    Int64,
    /// `uint`
    Uint,
    /// `uint8`, also Go's `byte`
    Uint8,
    /// `uint32`
    Uint32,
    /// `uint64`
    Uint64,
    /// `float64`
    Float64,
    /// `string`
    String,
    /// `[]interface {}`
    List,
    /// `[]string`
    Strings,
    /// `[]int`
    Ints,
    /// `[]uint8`
    Bytes,
    /// `[][]interface {}`
    Lists,
    /// `[]map[string]interface {}`
    Maps,
    /// `map[string]interface {}`
    Map,
    /// `map[string]string`
    StringMap,
    /// A map of strings to anything with a name of its own, such as `common.Values`; taken where [`Type::Map`] is.
    NamedMap(&'static str),
    /// Any other type, by the name that `%T` prints, such as `time.Time`.
    Object(&'static str),
    /// A function.
    Func,
}

/// Go's `reflect.Kind`, as `kindOf` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No value at all, or nil.
    Invalid,
    /// `bool`
    Bool,
    /// `int`, `int32`, `int64`
    Int,
    /// `uint`, `uint8`, `uint32`, `uint64`
    Uint,
    /// `float64`
    Float,
    /// `string`
    String,
    /// Lists.
    Slice,
    /// Maps.
    Map,
    /// Structs.
    Struct,
    /// Pointers to structs.
    Ptr,
    /// Functions.
    Func,
}

impl Type {
    /// The type's name as Go prints it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Reflect => "reflect.Value",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Uint => "uint",
            Self::Uint8 => "uint8",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
            Self::Float64 => "float64",
            Self::String => "string",
            Self::List => "[]interface {}",
            Self::Strings => "[]string",
            Self::Ints => "[]int",
            Self::Bytes => "[]uint8",
            Self::Lists => "[][]interface {}",
            Self::Maps => "[]map[string]interface {}",
            Self::Map => "map[string]interface {}",
            Self::StringMap => "map[string]string",
            Self::NamedMap(name) | Self::Object(name) => name,
            Self::Func => "func",
        }
    }

    /// The type of a list's or map's elements.
    #[must_use]
    pub fn element(self) -> Self {
        match self {
            Self::Strings | Self::StringMap => Self::String,
            Self::Ints => Self::Int,
            Self::Bytes => Self::Uint8,
            Self::Lists => Self::List,
            Self::Maps => Self::Map,
            _ => Self::Any,
        }
    }

    pub(crate) fn is_signed(self) -> bool {
        matches!(self, Self::Int | Self::Int32 | Self::Int64)
    }

    pub(crate) fn is_unsigned(self) -> bool {
        matches!(self, Self::Uint | Self::Uint8 | Self::Uint32 | Self::Uint64)
    }

    /// Whether nil is a value of this type.
    pub(crate) fn can_be_nil(self) -> bool {
        !(self.is_signed()
            || self.is_unsigned()
            || matches!(self, Self::Bool | Self::Float64 | Self::String | Self::Object(_)))
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
