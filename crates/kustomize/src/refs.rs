//! Name references: when an object's name has changed, the fields that name it follow.

use std::{
    cell::{Cell, OnceCell},
    collections::HashMap,
};

use manifest::yaml::{Node, Text};

use crate::{
    config::{Config, FieldSpec, NameReferences},
    fields::{FieldError, for_each_field_of_any, kind_name, set_string, set_text},
    resid::{GvkRef, ResId},
    resmap::ResMap,
    resource::{PreviousId, Resource},
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
    name: Text,
    namespace: Text,
    kind: Text,
    /// Namespace now, as compared; and at first.
    effective_namespace: Text,
    original_namespace: Text,
    cluster_scoped: bool,
    group: Text,
    version: Text,
    /// Ids that the object had.
    previous: Vec<PreviousId>,
    prefixes: Vec<Text>,
    suffixes: Vec<Text>,
}

impl Candidate {
    fn of(resource: &Resource) -> Self {
        let (id, original) = (resource.id(), resource.original_id());
        Self {
            name: id.name.into(),
            namespace: id.namespace.into(),
            kind: id.gvk.kind.into(),
            effective_namespace: id.effective_namespace().into(),
            original_namespace: original.effective_namespace().into(),
            cluster_scoped: id.gvk.is_cluster_scoped(),
            group: id.gvk.group.into(),
            version: id.gvk.version.into(),
            previous: resource.previous().to_vec(),
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
        self.previous.iter().any(|id| fits(&id.kind))
    }
}

/// All objects, by what they were called.
struct Candidates<'c> {
    by_name: HashMap<&'c str, Vec<&'c Candidate>>,
    /// By their namespaces at first; few builds ask.
    by_namespace: OnceCell<HashMap<&'c str, Vec<&'c Candidate>>>,
    all: &'c [Candidate],
}

impl<'c> Candidates<'c> {
    fn new(all: &'c [Candidate]) -> Self {
        let mut by_name: HashMap<&str, Vec<&Candidate>> = HashMap::with_capacity(all.len());
        for candidate in all {
            for (at, id) in candidate.previous.iter().enumerate() {
                // Those with one name twice are meant once.
                if candidate.previous[..at].iter().all(|earlier| earlier.name != id.name) {
                    by_name.entry(&id.name).or_default().push(candidate);
                }
            }
        }
        Self { by_name, by_namespace: OnceCell::new(), all }
    }

    /// Those that had a name, in order.
    fn once_called(&self, name: &str) -> impl Iterator<Item = &'c Candidate> {
        self.by_name.get(name).into_iter().flatten().copied()
    }

    /// Those that were in a namespace at first, in order.
    fn once_in(&self, namespace: &str) -> impl Iterator<Item = &'c Candidate> {
        let by_namespace = self.by_namespace.get_or_init(|| {
            let mut by_namespace: HashMap<&str, Vec<&Candidate>> = HashMap::new();
            for candidate in self.all {
                by_namespace.entry(&candidate.original_namespace).or_default().push(candidate);
            }
            by_namespace
        });
        by_namespace.get(namespace).into_iter().flatten().copied()
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
    let list: Vec<_> = resources.iter().map(Candidate::of).collect();
    let candidates = Candidates::new(&list);
    let rules = rules(&config.name_reference);
    for (resource, own) in resources.list_mut().iter_mut().zip(&list) {
        if fix_one(resource, own, &rules, &candidates)? {
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
fn fix_one<'c>(
    resource: &mut Resource,
    own: &'c Candidate,
    rules: &HashMap<&str, Vec<(usize, Rule<'_>)>>,
    candidates: &Candidates<'c>,
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
    let referrer = Referrer::of(resource, own)?;
    let changed = Cell::new(false);
    for (_, rule) in chosen {
        let search = Search { referrer: &referrer, rule, candidates, changed: &changed };
        let fix = &mut |node: &mut Node| search.fix(node);
        // The type was compared with the original one above.
        for_each_field_of_any(&mut resource.node, rule.spec, &rule.parts, None, fix).map_err(|source| {
            let (path, referrer) = (rule.spec.path.clone(), resource.id().to_string());
            ReferenceError::Field { path, referrer, source }
        })?;
    }
    Ok(changed.get())
}

/// What counts of the object that holds the field.
struct Referrer<'c> {
    /// The object itself, which others may name.
    own: &'c Candidate,
    /// Namespaces of the service accounts that a role binding is for.
    subject_namespaces: Vec<Text>,
    /// Group and kind of the role that a binding refers to.
    role: Option<(Text, Text)>,
}

impl<'c> Referrer<'c> {
    fn of(resource: &Resource, own: &'c Candidate) -> Result<Self, ReferenceError> {
        let text = |field: &str| resource.node.at(&["roleRef", field]).and_then(Node::text).map(Text::from);
        Ok(Self {
            own,
            subject_namespaces: subject_namespaces(resource, resource.id())?,
            role: text("apiGroup").zip(text("kind")),
        })
    }
}

fn subject_namespaces(resource: &Resource, id: ResId<'_>) -> Result<Vec<Text>, ReferenceError> {
    if id.gvk.kind != "RoleBinding" || id.gvk.is_cluster_scoped() {
        return Ok(Vec::new());
    }
    let mut namespaces = Vec::new();
    for subject in resource.node.get("subjects").and_then(Node::items).unwrap_or_default() {
        if subject.get("kind").and_then(Node::text) != Some("ServiceAccount") {
            continue;
        }
        match subject.get("namespace").map(Node::as_str) {
            Some(Some(namespace)) => namespaces.push(namespace.into()),
            Some(None) => return Err(ReferenceError::BlankNamespace(id.to_string())),
            None => {}
        }
    }
    Ok(namespaces)
}

struct Search<'s, 'c> {
    referrer: &'s Referrer<'c>,
    rule: &'s Rule<'s>,
    candidates: &'s Candidates<'c>,
    changed: &'s Cell<bool>,
}

impl<'c> Search<'_, 'c> {
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
            self.candidates.once_in(namespace).any(|candidate| self.is_reachable(candidate))
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
        self.referrer.own.cluster_scoped
            || candidate.cluster_scoped
            || candidate.effective_namespace == self.referrer.own.effective_namespace
            || self.referrer.subject_namespaces.contains(&candidate.namespace)
    }

    /// Service accounts may be named from other namespaces.
    fn is_near(&self, candidate: &Candidate) -> bool {
        self.referrer.own.cluster_scoped
            || candidate.cluster_scoped
            || candidate.kind == "ServiceAccount"
            || candidate.effective_namespace == self.referrer.own.effective_namespace
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
    ) -> Result<Option<&'c Candidate>, FieldError> {
        let mut found: Vec<&Candidate> = self
            .candidates
            .once_called(old)
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
        let agree = |a: &[Text], b: &[Text]| (lenient && (a.is_empty() || b.is_empty())) || end_alike(a, b);
        agree(&candidate.prefixes, &self.referrer.own.prefixes)
            && agree(&candidate.suffixes, &self.referrer.own.suffixes)
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
fn end_alike(a: &[Text], b: &[Text]) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    if short.is_empty() { long.is_empty() } else { long.ends_with(short) }
}

#[cfg(test)]
mod tests {
    use manifest::yaml::Text;

    use super::end_alike;

    #[test]
    fn affixes_agree_when_one_list_ends_the_other() {
        let list = |texts: &[&str]| texts.iter().map(|text| Text::from(*text)).collect::<Vec<_>>();
        assert!(end_alike(&list(&["a", "b"]), &list(&["b"])));
        assert!(end_alike(&list(&[]), &list(&[])));
        assert!(!end_alike(&list(&["a", "b"]), &list(&["a"])));
        assert!(!end_alike(&list(&["a"]), &list(&[])));
    }
}
