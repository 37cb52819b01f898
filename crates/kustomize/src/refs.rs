//! Name references: when an object's name has changed, the fields that name it follow.

use std::{cell::Cell, collections::HashMap};

use manifest::yaml::Node;

use crate::{
    config::{Config, FieldSpec, NameReferences},
    fields::{FieldError, for_each_field_of_any, kind_name, set_string, set_text},
    resid::{GvkRef, ResId},
    resmap::ResMap,
    resource::Resource,
};

/// Why a reference cannot follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Several objects may be meant.
    #[error("updating name reference in '{path}' field of '{referrer}': {source}")]
    Field {
        /// The field.
        path: String,
        /// The object with the field.
        referrer: String,
        /// What is wrong.
        source: FieldError,
    },
    /// A subject's namespace is no text.
    #[error("Invalid Input: namespace is blank for resource \"{0}\"")]
    BlankNamespace(String),
}

/// What is known of an object that may be named.
struct Candidate {
    name: String,
    namespace: String,
    kind: String,
    /// Namespace now, as compared; and at first.
    effective_namespace: String,
    original_namespace: String,
    cluster_scoped: bool,
    group: String,
    version: String,
    /// Kinds and names that the object had.
    previous: Vec<(String, String)>,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
}

impl Candidate {
    fn of(resource: &Resource) -> Self {
        let (id, original) = (resource.id(), resource.original_id());
        Self {
            name: id.name.to_owned(),
            namespace: id.namespace.to_owned(),
            kind: id.gvk.kind.to_owned(),
            effective_namespace: id.effective_namespace().to_owned(),
            original_namespace: original.effective_namespace().to_owned(),
            cluster_scoped: id.gvk.is_cluster_scoped(),
            group: id.gvk.group.to_owned(),
            version: id.gvk.version.to_owned(),
            previous: resource.previous().iter().map(|id| (id.kind.clone(), id.name.clone())).collect(),
            prefixes: resource.prefixes.clone(),
            suffixes: resource.suffixes.clone(),
        }
    }

    fn id(&self) -> ResId<'_> {
        let gvk = GvkRef { group: &self.group, version: &self.version, kind: &self.kind };
        ResId { gvk, name: &self.name, namespace: &self.namespace }
    }

    fn was(&self, selector: GvkRef<'_>) -> bool {
        let fits =
            |kind: &str| GvkRef { group: &self.group, version: &self.version, kind }.is_selected(selector);
        self.previous.iter().any(|(kind, _)| fits(kind))
    }
}

/// One kind of reference: what is named and where.
struct Rule<'c> {
    target: GvkRef<'c>,
    spec: &'c FieldSpec,
    parts: Vec<String>,
}

/// Lets every name reference of the configuration follow.
pub(crate) fn fix_references(resources: &mut ResMap, config: &Config) -> Result<(), ReferenceError> {
    let candidates: Vec<_> = resources.iter().map(Candidate::of).collect();
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, candidate) in candidates.iter().enumerate() {
        for (_, name) in &candidate.previous {
            let indexes = by_name.entry(name).or_default();
            if indexes.last() != Some(&index) {
                indexes.push(index);
            }
        }
    }
    let rules = rules(&config.name_reference);
    for resource in resources.list_mut() {
        if fix_one(resource, &rules, &candidates, &by_name)? {
            resource.sync_twins();
        }
    }
    Ok(())
}

/// Rules by the kind of the object that holds the field; empty for any kind.
fn rules(references: &[NameReferences]) -> HashMap<&str, Vec<(usize, Rule<'_>)>> {
    let mut rules: HashMap<&str, Vec<(usize, Rule<'_>)>> = HashMap::new();
    let all = references.iter().flat_map(|of| of.referrers.iter().map(|spec| (of.target(), spec)));
    for (order, (target, spec)) in all.enumerate() {
        rules.entry(&spec.kind).or_default().push((order, Rule { target, spec, parts: spec.parts() }));
    }
    rules
}

/// Whether anything changed.
fn fix_one(
    resource: &mut Resource,
    rules: &HashMap<&str, Vec<(usize, Rule<'_>)>>,
    candidates: &[Candidate],
    by_name: &HashMap<&str, Vec<usize>>,
) -> Result<bool, ReferenceError> {
    let original = resource.original_id();
    let of_kind = |kind: &str| rules.get(kind).into_iter().flatten();
    let mut chosen: Vec<_> = of_kind(original.gvk.kind)
        .chain(of_kind(""))
        .filter(|(_, rule)| original.gvk.is_selected(rule.spec.gvk()))
        .collect();
    if chosen.is_empty() {
        return Ok(false);
    }
    chosen.sort_by_key(|(order, _)| *order);
    let referrer = Referrer::of(resource)?;
    let changed = Cell::new(false);
    for (_, rule) in chosen {
        let search = Search { referrer: &referrer, rule, candidates, by_name, changed: &changed };
        let fix = &mut |node: &mut Node| search.fix(node);
        // The type was compared with the original one above.
        for_each_field_of_any(&mut resource.node, rule.spec, &rule.parts, None, fix).map_err(|source| {
            let (path, referrer) = (rule.spec.path.clone(), referrer.id.clone());
            ReferenceError::Field { path, referrer, source }
        })?;
    }
    Ok(changed.get())
}

/// What counts of the object that holds the field.
struct Referrer {
    id: String,
    effective_namespace: String,
    cluster_scoped: bool,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
    /// Namespaces of the service accounts that a role binding is for.
    subject_namespaces: Vec<String>,
    /// Group and kind of the role that a binding refers to.
    role: Option<(String, String)>,
}

impl Referrer {
    fn of(resource: &Resource) -> Result<Self, ReferenceError> {
        let id = resource.id();
        let text =
            |field: &str| resource.node.at(&["roleRef", field]).and_then(Node::text).map(str::to_owned);
        Ok(Self {
            id: id.to_string(),
            effective_namespace: id.effective_namespace().to_owned(),
            cluster_scoped: id.gvk.is_cluster_scoped(),
            prefixes: resource.prefixes.clone(),
            suffixes: resource.suffixes.clone(),
            subject_namespaces: subject_namespaces(resource, id)?,
            role: text("apiGroup").zip(text("kind")),
        })
    }
}

fn subject_namespaces(resource: &Resource, id: ResId<'_>) -> Result<Vec<String>, ReferenceError> {
    if id.gvk.kind != "RoleBinding" || id.gvk.is_cluster_scoped() {
        return Ok(Vec::new());
    }
    let mut namespaces = Vec::new();
    for subject in resource.node.get("subjects").and_then(Node::items).unwrap_or_default() {
        if subject.get("kind").and_then(Node::text) != Some("ServiceAccount") {
            continue;
        }
        match subject.get("namespace").map(Node::as_str) {
            Some(Some(namespace)) => namespaces.push(namespace.to_owned()),
            Some(None) => return Err(ReferenceError::BlankNamespace(id.to_string())),
            None => {}
        }
    }
    Ok(namespaces)
}

struct Search<'s> {
    referrer: &'s Referrer,
    rule: &'s Rule<'s>,
    candidates: &'s [Candidate],
    by_name: &'s HashMap<&'s str, Vec<usize>>,
    changed: &'s Cell<bool>,
}

impl<'s> Search<'s> {
    fn fix(&self, node: &mut Node) -> Result<(), FieldError> {
        match node {
            _ if node.is_null() => Ok(()),
            Node::Scalar(_) => self.fix_scalar(node),
            Node::Mapping(_) => self.fix_mapping(node),
            Node::Sequence(list) => list.items.iter_mut().try_for_each(|item| match item {
                Node::Sequence(_) => {
                    Err(FieldError::Kind { expected: "ScalarNode or MappingNode", found: "SequenceNode" })
                }
                _ => self.fix(item),
            }),
        }
    }

    fn fix_scalar(&self, node: &mut Node) -> Result<(), FieldError> {
        let old = node.text().unwrap_or_default().to_owned();
        let same = |a: &Candidate, b: &Candidate| a.name == b.name;
        match self.referral(&old, &|_| true, &same)? {
            Some(referral) if referral.name != old => {
                self.changed.set(true);
                set_text(node, &referral.name)
            }
            _ => Ok(()),
        }
    }

    /// A mapping with `name` and `namespace`: both follow.
    fn fix_mapping(&self, node: &mut Node) -> Result<(), FieldError> {
        let Some(name) = node.get("name") else {
            return Err(FieldError::Step("path config error; no 'name' field in node".into()));
        };
        let old = name.text().unwrap_or_default().to_owned();
        let namespace = node.get("namespace").map(|node| node.text().unwrap_or_default().to_owned());
        let by_original = namespace.as_ref().is_some_and(|namespace| {
            let original = |candidate: &Candidate| candidate.original_namespace == *namespace;
            self.candidates.iter().any(|candidate| original(candidate) && self.is_reachable(candidate))
        });
        let in_namespace = |candidate: &Candidate| match &namespace {
            None => true,
            Some(namespace) if by_original => candidate.original_namespace == *namespace,
            Some(namespace) => candidate.effective_namespace == *namespace,
        };
        let same = |a: &Candidate, b: &Candidate| a.name == b.name && a.namespace == b.namespace;
        let Some(referral) = self.referral(&old, &in_namespace, &same)? else { return Ok(()) };
        if referral.name == old && referral.namespace.is_empty() {
            return Ok(());
        }
        self.changed.set(true);
        set_field(node, "name", &referral.name)?;
        if referral.namespace.is_empty() { Ok(()) } else { set_field(node, "namespace", &referral.namespace) }
    }

    /// Whether the object that holds the field can refer to a candidate at all.
    fn is_reachable(&self, candidate: &Candidate) -> bool {
        self.referrer.cluster_scoped
            || candidate.cluster_scoped
            || candidate.effective_namespace == self.referrer.effective_namespace
            || self.referrer.subject_namespaces.contains(&candidate.namespace)
    }

    /// Service accounts may be named from other namespaces.
    fn is_near(&self, candidate: &Candidate) -> bool {
        self.referrer.cluster_scoped
            || candidate.cluster_scoped
            || candidate.kind == "ServiceAccount"
            || candidate.effective_namespace == self.referrer.effective_namespace
    }

    fn fits_role(&self, candidate: &Candidate) -> bool {
        match &self.referrer.role {
            Some((group, kind)) if self.rule.spec.path.ends_with("roleRef/name") => {
                candidate.was(GvkRef { group, version: "", kind })
            }
            _ => true,
        }
    }

    fn referral(
        &self,
        old: &str,
        allowed: &dyn Fn(&Candidate) -> bool,
        same: &dyn Fn(&Candidate, &Candidate) -> bool,
    ) -> Result<Option<&'s Candidate>, FieldError> {
        let indexes = self.by_name.get(old).map(Vec::as_slice).unwrap_or_default();
        let mut found: Vec<&Candidate> = indexes
            .iter()
            .map(|index| &self.candidates[*index])
            .filter(|candidate| self.is_reachable(candidate) && allowed(candidate))
            .filter(|candidate| candidate.was(self.rule.target))
            .filter(|candidate| self.fits_role(candidate) && self.is_near(candidate))
            .collect();
        if found.len() > 1 {
            found.retain(|candidate| self.same_affixes(candidate, true));
        }
        if found.len() > 1 {
            found.retain(|candidate| self.same_affixes(candidate, false));
        }
        match found[..] {
            [] => Ok(None),
            [first, ref others @ ..] if others.iter().all(|other| same(first, other)) => Ok(Some(first)),
            _ => Err(ambiguous(&found)),
        }
    }

    /// Whether prefixes and suffixes end alike; `lenient` lets none agree with any.
    fn same_affixes(&self, candidate: &Candidate, lenient: bool) -> bool {
        let agree =
            |a: &[String], b: &[String]| (lenient && (a.is_empty() || b.is_empty())) || end_alike(a, b);
        agree(&candidate.prefixes, &self.referrer.prefixes)
            && agree(&candidate.suffixes, &self.referrer.suffixes)
    }
}

fn set_field(node: &mut Node, key: &str, text: &str) -> Result<(), FieldError> {
    let found = kind_name(node);
    let mapping = node.as_mapping_mut().ok_or(FieldError::Kind { expected: "MappingNode", found })?;
    match mapping.get_mut(key) {
        Some(value) => set_text(value, text),
        None => set_string(mapping.entry(key, || Node::string("")), text),
    }
}

fn ambiguous(found: &[&Candidate]) -> FieldError {
    let ids: Vec<_> = found.iter().map(|candidate| candidate.id().to_string()).collect();
    FieldError::Step(format!("found multiple possible referrals: {}", ids.join(", ")))
}

/// Whether the shorter list is the end of the longer one; an empty list is the end of an empty one only.
fn end_alike(a: &[String], b: &[String]) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    if short.is_empty() { long.is_empty() } else { long.ends_with(short) }
}

#[cfg(test)]
mod tests {
    use super::end_alike;

    #[test]
    fn affixes_agree_when_one_list_ends_the_other() {
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert!(end_alike(&list(&["a", "b"]), &list(&["b"])));
        assert!(end_alike(&list(&[]), &list(&[])));
        assert!(!end_alike(&list(&["a", "b"]), &list(&["a"])));
        assert!(!end_alike(&list(&["a"]), &list(&[])));
    }
}
