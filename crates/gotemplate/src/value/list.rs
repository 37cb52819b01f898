use std::{ops::Deref, rc::Rc};

use super::{
    Type, Value,
    account::Entry,
    dismantle::{dismantle, is_container},
};

/// A Go slice. No template function changes one in place, so that cloning shares the items.
#[derive(Clone)]
pub struct List(Rc<Items>);

struct Items {
    kind: Type,
    nil: bool,
    items: Vec<Value>,
    _account: Entry,
}

/// Bytes of a list without items: its own, and what the allocator adds to both pieces.
const EMPTY: usize = size_of::<Items>() + 32;

impl Items {
    fn new(kind: Type, nil: bool, items: Vec<Value>) -> Self {
        let account = Entry::new(EMPTY + items.capacity() * size_of::<Value>());
        Self { kind, nil, items, _account: account }
    }
}

impl List {
    /// A `[]interface {}`.
    #[must_use]
    pub fn new(items: Vec<Value>) -> Self {
        Self::of(Type::List, items)
    }

    /// A list of another type, such as [`Type::Strings`]; the items must be of its element type.
    #[must_use]
    pub fn of(kind: Type, items: Vec<Value>) -> Self {
        Self(Rc::new(Items::new(kind, false, items)))
    }

    /// A nil slice: prints as an empty list, and as `null` in JSON.
    #[must_use]
    pub fn nil(kind: Type) -> Self {
        Self(Rc::new(Items::new(kind, true, Vec::new())))
    }

    /// The list's type.
    #[must_use]
    pub fn kind(&self) -> Type {
        self.0.kind
    }

    /// Whether it is a nil slice.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        self.0.nil
    }

    /// The items, in order.
    #[must_use]
    pub fn items(&self) -> &[Value] {
        &self.0.items
    }

    /// Whether both are the same list in memory.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl List {
    /// Takes the items out, when nobody else holds the list.
    pub(super) fn take_items(&mut self) -> Vec<Value> {
        Rc::get_mut(&mut self.0).map(|list| std::mem::take(&mut list.items)).unwrap_or_default()
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        if self.items.iter().any(is_container) {
            dismantle(std::mem::take(&mut self.items));
        }
    }
}

impl Deref for List {
    type Target = [Value];
    fn deref(&self) -> &[Value] {
        &self.0.items
    }
}

impl FromIterator<Value> for List {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::new(items.into_iter().collect())
    }
}
