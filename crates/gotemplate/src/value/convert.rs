use std::rc::Rc;

use super::{List, Map, Str, Value};
use crate::func::Func;

macro_rules! from {
    ($($from:ty => $variant:ident),* $(,)?) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}

from! {
    bool => Bool, i32 => Int, u8 => Uint8, u32 => Uint32, f64 => Float, i64 => Int, u64 => Uint64,
    &str => String, String => String, &String => String, Str => String,
    List => List, Map => Map, Vec<Value> => List, Rc<Func> => Func,
}

impl From<Vec<Value>> for List {
    fn from(items: Vec<Value>) -> Self {
        Self::new(items)
    }
}

impl From<()> for Value {
    fn from((): ()) -> Self {
        Self::Nil
    }
}
