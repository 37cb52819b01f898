//! Which kinds the cluster serves, by any of their names.
use futures::future::try_join;
use http::Request;
use serde_json::Value;

use crate::{
    CommandError,
    cluster::Cluster,
    resource::Resource,
    value::{list, text},
};

/// All groups and kinds in one answer, preferred versions first (Kubernetes 1.26 and later).
const FORM: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// One kind and the names it goes by.
#[derive(Clone, Debug)]
struct Served {
    resource: Resource,
    names: Vec<String>,
}

/// Whether a cluster serves the kind of an object.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    /// In its version.
    Served(&'a Resource),
    /// In these others only.
    Otherwise(Vec<String>),
    /// Not at all.
    Unknown,
}

/// The kinds of a cluster.
pub(crate) struct Discovery(Vec<Served>);

impl Discovery {
    /// Asks the cluster.
    pub(crate) async fn ask(cluster: &Cluster) -> Result<Self, CommandError> {
        let asked = async |path: &str| -> Result<Value, CommandError> {
            let request = Request::get(path).header("Accept", FORM).body(Vec::new());
            Ok(cluster.client().request(request.map_err(kube::Error::HttpError)?).await?)
        };
        let (core, others) = try_join(asked("/api"), asked("/apis")).await?;
        let groups = list(&core, &["items"]).iter().chain(list(&others, &["items"]));
        Ok(Self(groups.flat_map(group).collect()))
    }

    /// The kind of a name as kubectl takes it: plural, singular, short name or kind, with or without `.group`.
    pub(crate) fn find(&self, name: &str) -> Option<&Resource> {
        let wanted = name.to_ascii_lowercase();
        let (word, group) =
            wanted.split_once('.').map_or((wanted.as_str(), None), |(word, group)| (word, Some(group)));
        let fits = |served: &&Served| {
            served.names.iter().any(|name| name == word) && group.is_none_or(|group| served.in_group(group))
        };
        self.0.iter().find(fits).map(|served| &served.resource)
    }

    /// The kind in the version that the cluster prefers.
    pub(crate) fn kind(&self, group: &str, kind: &str) -> Option<&Resource> {
        self.versions(group, kind).next()
    }

    /// The kind in one version.
    pub(crate) fn version(&self, group: &str, version: &str, kind: &str) -> Option<&Resource> {
        self.versions(group, kind).find(|resource| resource.version == version)
    }

    /// The kind of an object in its own version: an apply must name the version of the path it is sent to.
    pub(crate) fn of(&self, object: &Value) -> Found<'_> {
        let (version, kind) = (text(object, &["apiVersion"]), text(object, &["kind"]));
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        if let Some(resource) = self.version(group, version, kind) {
            return Found::Served(resource);
        }
        let others: Vec<String> = self.versions(group, kind).map(Resource::api_version).collect();
        if others.is_empty() { Found::Unknown } else { Found::Otherwise(others) }
    }

    fn versions(&self, group: &str, kind: &str) -> impl Iterator<Item = &Resource> {
        let all = self.0.iter().map(|served| &served.resource);
        all.filter(move |resource| resource.group == group && resource.kind == kind)
    }
}

impl Served {
    /// `apps`, or `v1.apps`.
    fn in_group(&self, wanted: &str) -> bool {
        self.resource.group == wanted
            || format!("{}.{}", self.resource.version, self.resource.group) == wanted
    }
}

fn group(group: &Value) -> impl Iterator<Item = Served> {
    let name = text(group, &["metadata", "name"]);
    list(group, &["versions"]).iter().flat_map(move |version| {
        let number = text(version, &["version"]);
        list(version, &["resources"]).iter().map(move |resource| served(name, number, resource))
    })
}

fn served(group: &str, version: &str, resource: &Value) -> Served {
    let plural = text(resource, &["resource"]).to_owned();
    let kind = text(resource, &["responseKind", "kind"]).to_owned();
    let short = list(resource, &["shortNames"]).iter().filter_map(Value::as_str).map(str::to_owned);
    let own = [plural.clone(), kind.to_ascii_lowercase(), text(resource, &["singularResource"]).to_owned()];
    let names = own.into_iter().chain(short).filter(|name| !name.is_empty()).collect();
    let resource = Resource {
        group: group.to_owned().into(),
        version: version.to_owned().into(),
        plural: plural.into(),
        kind: kind.into(),
        namespaced: text(resource, &["scope"]) == "Namespaced",
    };
    Served { resource, names }
}
