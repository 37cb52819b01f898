//! One namespace, one cluster handle whose requests are counted.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::Result;
use http::Request;
use kube::client::Body;
use manifest::{Object, ObjectId};
use serde_json::{Value, json};
use ssa::{
    Applied, ApplyError, ApplyOptions, Change, Cluster, Identity, IgnoreRules, Owner, Pass, Session, Settings,
};
use testkit::{ControlPlane, TestNamespace};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) struct World {
    pub(crate) plane: &'static ControlPlane,
    pub(crate) cluster: testkit::Cluster,
    pub(crate) ssa: Cluster,
    pub(crate) session: Session,
    pub(crate) ns: TestNamespace,
    pub(crate) owner: Owner,
    pub(crate) force: bool,
    pub(crate) defer: bool,
    pub(crate) ignore: IgnoreRules,
    requests: Arc<Mutex<Vec<String>>>,
}

impl World {
    pub(crate) async fn new(prefix: &str) -> Result<Self> {
        Self::with(prefix, Settings::default()).await
    }

    pub(crate) async fn with(prefix: &str, settings: Settings) -> Result<Self> {
        let plane = ControlPlane::shared().await?;
        let requests = Arc::new(Mutex::new(Vec::new()));
        let ssa = Cluster::new(counting(plane.client().await?, requests.clone()), settings);
        let ns = plane.namespace(prefix).await?;
        Ok(Self {
            plane,
            cluster: plane.cluster().await?,
            session: ssa.session(Identity::Controller),
            ssa,
            owner: Owner { namespace: ns.name().into(), name: "app".into() },
            ns,
            force: false,
            defer: true,
            ignore: IgnoreRules::default(),
            requests,
        })
    }

    /// An object in the namespace of the test.
    pub(crate) fn object(&self, api_version: &str, kind: &str, name: &str, rest: Value) -> Value {
        let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": self.ns.name()}});
        merge(&mut object, rest);
        object
    }

    pub(crate) fn config_map(&self, name: &str, data: Value) -> Value {
        self.object("v1", "ConfigMap", name, json!({ "data": data }))
    }

    pub(crate) fn deployment(&self, name: &str, spec: Value) -> Value {
        let mut base = json!({"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "web", "image": "example.com/web:1"}]}}});
        merge(&mut base, spec);
        self.object("apps/v1", "Deployment", name, json!({ "spec": base }))
    }

    pub(crate) async fn apply(&self, objects: &[Value]) -> Result<Applied, ApplyError> {
        self.apply_as(&self.session, objects, Pass::Full).await
    }

    pub(crate) async fn apply_as(
        &self,
        session: &Session,
        objects: &[Value],
        pass: Pass<'_>,
    ) -> Result<Applied, ApplyError> {
        let objects = objects.iter().map(|object| Object::from_value(object.clone()).unwrap()).collect();
        let build = session.prepare(objects, &self.owner).await.unwrap();
        let applied = session.apply(&build, &self.options(pass, &CancellationToken::new())).await;
        if let Ok(applied) = &applied {
            self.ssa.drift().track(&self.owner, &applied.changes);
        }
        applied
    }

    pub(crate) fn options<'a>(&'a self, pass: Pass<'a>, cancel: &'a CancellationToken) -> ApplyOptions<'a> {
        ApplyOptions {
            owner: &self.owner,
            force: self.force,
            ignore: &self.ignore,
            pass,
            defer: self.defer,
            elsewhere: &|_, _| false,
            cancel,
            deadline: Instant::now() + Duration::from_secs(60),
            fence: &|| true,
        }
    }

    /// The requests since the last call, `VERB path`, without discovery and watches.
    pub(crate) fn requests(&self) -> Vec<String> {
        let all = self.all_requests();
        all.into_iter().filter(|line| line.contains("/namespaces/") && !line.contains("watch=")).collect()
    }

    /// The requests since the last call, `VERB path`.
    pub(crate) fn all_requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }

    pub(crate) async fn live(&self, kind: &str, name: &str) -> Value {
        self.cluster.get(kind, self.ns.name(), name).await.unwrap()
    }

    pub(crate) fn id(&self, group: &str, kind: &str, name: &str) -> ObjectId {
        ObjectId {
            namespace: self.ns.name().into(),
            name: name.into(),
            group: group.into(),
            kind: kind.into(),
        }
    }

    /// Runs kubectl in the namespace of the test.
    pub(crate) fn kubectl(&self, args: &[&str]) {
        let mut all = vec!["-n", self.ns.name()];
        all.extend_from_slice(args);
        self.plane.kubectl_ok(&all).unwrap();
    }
}

/// `name action` of each change.
pub(crate) fn actions(changes: &[Change]) -> Vec<String> {
    changes.iter().map(|change| format!("{} {}", change.id.name, change.action)).collect()
}

pub(crate) fn ids(changes: &[Change]) -> HashSet<ObjectId> {
    changes.iter().map(|change| change.id.clone()).collect()
}

/// One object to heal, of which nothing is left to the interval.
pub(crate) fn only(id: ObjectId) -> HashMap<ObjectId, HashSet<String>> {
    HashMap::from([(id, HashSet::new())])
}

/// The fields of a managedFields entry of this manager, as text.
pub(crate) fn owned_by(object: &Value, manager: &str) -> String {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    entries
        .iter()
        .filter(|entry| entry["manager"] == manager)
        .map(|entry| entry["fieldsV1"].to_string())
        .collect()
}

pub(crate) fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

fn counting(client: kube::Client, requests: Arc<Mutex<Vec<String>>>) -> kube::Client {
    let service = tower::service_fn(move |request: Request<Body>| {
        let dry =
            if request.uri().query().is_some_and(|query| query.contains("dryRun")) { " dry" } else { "" };
        let watch =
            if request.uri().query().is_some_and(|query| query.contains("watch=")) { " watch=" } else { "" };
        let line = format!("{} {}{dry}{watch}", request.method(), request.uri().path());
        requests.lock().unwrap().push(line);
        let client = client.clone();
        async move { client.send(request).await }
    });
    kube::Client::new(service, "default")
}
