//! The ways through a schema and a value.
use std::ptr;

use serde_json::Value;

use super::{
    super::node::{Node, size},
    Budget, DEPTH, Nodes, OnPath, TooMuch, charge,
};

/// One schema asked about one value.
#[derive(Clone, Copy)]
struct Visit<'s, 'v> {
    schema: &'s Value,
    value: &'v Value,
    depth: u32,
    /// How often the schemas around it ask again.
    times: u64,
    /// Bytes of the paths that an error here tells.
    path: u64,
    /// Reached by a reference.
    referred: bool,
}

impl<'v> Visit<'_, 'v> {
    /// What the schemas in `node`, which is this visit's, are asked about; `path` bytes longer in errors.
    fn inside(&self, node: &Node<'_>, value: &'v Value, path: u64) -> Self {
        // What is evaluated is found out by asking once more, and so at each such schema inside.
        let times = if node.unevaluated { self.times.saturating_mul(3) } else { self.times };
        Self { value, depth: self.depth + 1, times, path: self.path + path, referred: false, ..*self }
    }
}

type Pair = (*const Value, *const Value);

enum Step<'s, 'v> {
    Visit(Visit<'s, 'v>),
    Leave(Pair),
}

/// What the names of properties are asked as: what matters is that it is a text.
static NAME: Value = Value::String(String::new());

/// Laps through a cycle of references that stays at one value: the validator may take a second one before it sees it.
const LAPS: u32 = 2;
/// Bytes of an error without its paths and texts.
const ERROR: u64 = 512;

struct Walk<'b, 's, 'v> {
    budget: &'b mut Budget,
    steps: Vec<Step<'s, 'v>>,
    errors: u64,
}

/// Walks all ways; gives the bytes of all errors that there may be.
pub(super) fn walk<'s>(
    (schema, value): (&'s Value, &Value),
    nodes: &mut Nodes<'s>,
    budget: &mut Budget,
) -> Result<u64, TooMuch> {
    let mut walk = Walk { budget, steps: Vec::new(), errors: 0 };
    let mut on_path = OnPath::<Pair>::default();
    walk.push(Visit { schema, value, depth: 1, times: 1, path: 0, referred: false })?;
    while let Some(step) = walk.steps.pop() {
        let visit = match step {
            Step::Visit(visit) => visit,
            Step::Leave(pair) => {
                on_path.leave(&pair);
                continue;
            }
        };
        if visit.referred {
            let pair = (ptr::from_ref(visit.schema), ptr::from_ref(visit.value));
            if !on_path.enter(pair, LAPS) {
                continue;
            }
            walk.steps.push(Step::Leave(pair));
        }
        let node = nodes.get(visit.schema);
        walk.count(&node, &visit)?;
        walk.same_value(&node, &visit)?;
        match visit.value {
            Value::Object(_) => walk.properties(&node, &visit)?,
            Value::Array(_) => walk.items(&node, &visit)?,
            _ => {}
        }
    }
    Ok(walk.errors)
}

impl<'s, 'v> Walk<'_, 's, 'v> {
    fn push(&mut self, visit: Visit<'s, 'v>) -> Result<(), TooMuch> {
        if visit.depth > DEPTH {
            return Err(TooMuch::Depth);
        }
        charge(&mut self.budget.visits, 1, TooMuch::Steps)?;
        self.steps.push(Step::Visit(visit));
        Ok(())
    }

    /// Counts what the schema itself asks of the value.
    fn count(&mut self, node: &Node<'_>, visit: &Visit<'_, '_>) -> Result<(), TooMuch> {
        let (text, listed) = match visit.value {
            Value::String(text) => (text.len() as u64, 0),
            Value::Object(map) if node.reads_text > 0 || node.additional.is_some() || node.unevaluated => {
                (0, map.keys().map(|key| key.len() as u64).sum())
            }
            Value::Array(_) if node.unique => (0, size(visit.value).0),
            _ => (0, 0),
        };
        let reads = (1 + text + listed).div_ceil(16).saturating_mul(node.reads_text);
        let once = node.work + reads + listed / 16;
        let steps = once.saturating_mul(visit.times).saturating_mul(u64::from(visit.depth));
        charge(&mut self.budget.steps, steps, TooMuch::Steps)?;
        let told = if node.tells_text { 2 * text } else { 0 } + node.told + listed;
        self.errors = self.errors.saturating_add(node.errors * (ERROR + visit.path) + told);
        Ok(())
    }

    fn same_value(&mut self, node: &Node<'s>, visit: &Visit<'s, 'v>) -> Result<(), TooMuch> {
        let inner = visit.inside(node, visit.value, 24);
        for schema in &node.same {
            self.push(Visit { schema, ..inner })?;
        }
        for (name, schema) in &node.dependent {
            if visit.value.get(name).is_some() {
                self.push(Visit { schema, path: inner.path + 2 * name.len() as u64, ..inner })?;
            }
        }
        for schema in &node.referred {
            self.push(Visit { schema, path: inner.path + 64, referred: true, ..inner })?;
        }
        if node.elsewhere {
            let steps = size(visit.value).0.saturating_mul(64).saturating_mul(inner.times);
            charge(&mut self.budget.steps, steps, TooMuch::Steps)?;
        }
        Ok(())
    }

    fn properties(&mut self, node: &Node<'s>, visit: &Visit<'s, 'v>) -> Result<(), TooMuch> {
        let Value::Object(map) = visit.value else { return Ok(()) };
        for (name, value) in map {
            let inner = visit.inside(node, value, 3 * name.len() as u64 + 48);
            let own = node.properties.and_then(|schemas| schemas.get(name)).or(node.additional);
            for schema in own.into_iter().chain(node.any_property.iter().map(|(_, schema)| *schema)) {
                self.push(Visit { schema, ..inner })?;
            }
            if let Some(schema) = node.names {
                self.push(Visit { schema, value: &NAME, ..inner })?;
            }
        }
        Ok(())
    }

    fn items(&mut self, node: &Node<'s>, visit: &Visit<'s, 'v>) -> Result<(), TooMuch> {
        let Value::Array(items) = visit.value else { return Ok(()) };
        for (at, value) in items.iter().enumerate() {
            let inner = visit.inside(node, value, 48);
            let own = node.prefix.iter().filter_map(|schemas| schemas.get(at));
            for schema in own.chain(node.any_item.iter().copied()) {
                self.push(Visit { schema, ..inner })?;
            }
        }
        Ok(())
    }
}
