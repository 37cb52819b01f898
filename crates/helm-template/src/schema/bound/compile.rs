//! The ways the validator takes through a schema when it compiles it.
use std::{
    collections::{HashMap, HashSet},
    ptr,
};

use serde_json::Value;

use super::{super::node::Node, Nodes, OnPath, TooMuch, charge};

/// What is done at a schema.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    /// It is compiled.
    Compile,
    /// What it evaluates is listed, for `unevaluatedProperties` or `unevaluatedItems` around it.
    List,
    /// What it surely asks for is looked up, to choose among alternatives.
    Peek(u8),
}

/// How far the validator looks into alternatives.
const PEEK: u8 = 17;
/// References whose targets are compiled inside one another before the next is put off.
const NESTED: u32 = 8;
/// Schemas inside one another while lists are made: those are not put off.
const LISTED: u32 = 128;
/// References that wait for one another.
const CHAIN: u32 = 2_000;

#[derive(Clone, Copy)]
struct Visit<'s> {
    schema: &'s Value,
    task: Task,
    /// Bytes of the path of the schema in its document.
    path: u64,
    /// Schemas around it, since the last list or reference that was put off.
    depth: u32,
    /// References on the way here.
    chain: u32,
    /// The addresses on the way here, by number.
    scope: usize,
    referred: bool,
}

enum Step<'s> {
    Visit(Visit<'s>),
    Leave(Task, *const Value),
}

struct Walk<'w, 's> {
    nodes: &'w mut Nodes<'s>,
    left: &'w mut u64,
    steps: Vec<Step<'s>>,
    scopes: HashMap<(usize, usize), usize>,
}

/// Walks the schema as the validator does when it compiles it.
pub(super) fn walk<'s>(schema: &'s Value, nodes: &mut Nodes<'s>, left: &mut u64) -> Result<(), TooMuch> {
    let mut walk = Walk { nodes, left, steps: Vec::new(), scopes: HashMap::new() };
    let mut on_path = OnPath::default();
    let mut compiled = HashSet::new();
    walk.push(Visit { schema, task: Task::Compile, path: 0, depth: 1, chain: 0, scope: 0, referred: false })?;
    while let Some(step) = walk.steps.pop() {
        let visit = match step {
            Step::Visit(visit) => visit,
            Step::Leave(task, schema) => {
                on_path.leave(&(task == Task::List, schema));
                continue;
            }
        };
        let place = ptr::from_ref(visit.schema);
        if visit.referred && matches!(visit.task, Task::Compile) && !compiled.insert((place, visit.scope)) {
            continue;
        }
        if visit.referred && !matches!(visit.task, Task::Peek(_)) {
            if !on_path.enter((visit.task == Task::List, place), 1) {
                continue;
            }
            walk.steps.push(Step::Leave(visit.task, place));
        }
        let node = walk.nodes.get(visit.schema);
        match visit.task {
            Task::Compile => walk.compile(&node, &visit)?,
            Task::List => walk.list(&node, &visit)?,
            Task::Peek(depth) => walk.peek(&node, &visit, depth)?,
        }
    }
    Ok(())
}

impl<'s> Walk<'_, 's> {
    fn push(&mut self, visit: Visit<'s>) -> Result<(), TooMuch> {
        if visit.depth > LISTED || visit.chain > CHAIN {
            return Err(TooMuch::Depth);
        }
        let cost = 1 + visit.path / 256 + u64::from(if visit.referred { visit.chain / 16 } else { 0 });
        charge(self.left, cost, TooMuch::Compiled)?;
        self.steps.push(Step::Visit(visit));
        Ok(())
    }

    /// Every schema in it is compiled, whatever it is asked about.
    fn compile(&mut self, node: &Node<'s>, visit: &Visit<'s>) -> Result<(), TooMuch> {
        charge(self.left, node.work / 4 + node.room / 1024, TooMuch::Compiled)?;
        let inner = Visit { depth: visit.depth + 1, path: visit.path + 16, referred: false, ..*visit };
        for schema in all(node) {
            self.push(Visit { schema, ..inner })?;
        }
        for (name, schema) in named(node) {
            self.push(Visit { schema, path: inner.path + name.len() as u64, ..inner })?;
        }
        for schema in &node.referred {
            let scope = self.scope(visit, schema);
            let chain = visit.chain + 1;
            let depth = if chain.is_multiple_of(NESTED) { 1 } else { inner.depth };
            self.push(Visit { schema, depth, chain, scope, referred: true, ..inner })?;
        }
        if node.unevaluated {
            self.push(Visit { task: Task::List, ..inner })?;
        }
        for schema in &node.choices {
            self.push(Visit { schema, task: Task::Peek(0), ..inner })?;
        }
        Ok(())
    }

    /// All that may evaluate parts of the same value is compiled once more, and listed itself.
    fn list(&mut self, node: &Node<'s>, visit: &Visit<'s>) -> Result<(), TooMuch> {
        let inner = Visit { depth: visit.depth + 1, path: visit.path + 16, referred: false, ..*visit };
        let any_property = node.any_property.iter().map(|(_, schema)| *schema);
        for schema in all(node).chain(any_property) {
            self.push(Visit { schema, task: Task::Compile, ..inner })?;
        }
        let dependent = node.dependent.iter().map(|(_, schema)| *schema);
        for schema in node.same.iter().copied().chain(dependent) {
            self.push(Visit { schema, task: Task::List, ..inner })?;
        }
        for schema in &node.referred {
            self.push(Visit { schema, task: Task::List, referred: true, ..inner })?;
        }
        Ok(())
    }

    fn peek(&mut self, node: &Node<'s>, visit: &Visit<'s>, depth: u8) -> Result<(), TooMuch> {
        if depth >= PEEK {
            return Ok(());
        }
        let inner = Visit { task: Task::Peek(depth + 1), depth: 1, referred: false, ..*visit };
        for schema in node.same.iter().chain(&node.referred) {
            self.push(Visit { schema, ..inner })?;
        }
        Ok(())
    }

    /// The addresses on the way to a schema: another one is added where a reference leaves one.
    fn scope(&mut self, from: &Visit<'s>, to: &'s Value) -> usize {
        let document = &self.nodes.document;
        let left = document.resource(from.schema);
        if left == document.resource(to) && from.scope > 0 {
            return from.scope;
        }
        let next = self.scopes.len() + 1;
        *self.scopes.entry((from.scope, left)).or_insert(next)
    }
}

/// The schemas in a node that have no names.
fn all<'n, 's>(node: &'n Node<'s>) -> impl Iterator<Item = &'s Value> + 'n {
    let several = node.same.iter().chain(&node.any_item).copied();
    several.chain(node.prefix.iter().copied().flatten()).chain(node.additional).chain(node.names)
}

fn named<'n, 's>(node: &'n Node<'s>) -> impl Iterator<Item = (&'s str, &'s Value)> + 'n {
    let properties = node.properties.into_iter().flatten().map(|(name, schema)| (name.as_str(), schema));
    properties.chain(node.dependent.iter().chain(&node.any_property).copied())
}
