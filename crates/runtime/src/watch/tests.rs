use super::{Selection, mirror};
use http::{Request, Response};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::client::Body;
use kube::core::PartialObjectMeta;
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;
use tower::{BoxError, service_fn};

/// What a streaming list sends: one object, and the mark of its end.
const LIST: &str = concat!(
    r#"{"type":"ADDED","object":{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata","#,
    r#""metadata":{"name":"a","namespace":"ns","resourceVersion":"5","managedFields":[{"manager":"m"}]}}}"#,
    "\n",
    r#"{"type":"BOOKMARK","object":{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata","#,
    r#""metadata":{"resourceVersion":"5","annotations":{"k8s.io/initial-events-end":"true"}}}}"#,
    "\n",
);

const NOT_FOUND: &str =
    r#"{"kind":"Status","apiVersion":"v1","status":"Failure","code":404,"message":"","reason":""}"#;

/// Answers 404 so many times, then the list, then nothing any more. Keeps the Accept headers.
fn server(missing: usize) -> (kube::Client, Arc<Mutex<Vec<String>>>) {
    let accepts: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = accepts.clone();
    let service = service_fn(move |request: Request<Body>| {
        let accept =
            request.headers().get(http::header::ACCEPT).map(|value| value.to_str().unwrap().to_owned());
        seen.lock().unwrap().push(accept.unwrap_or_default());
        let number = seen.lock().unwrap().len();
        async move {
            if number > missing + 1 {
                std::future::pending::<()>().await;
            }
            let (code, text) = if number <= missing { (404, NOT_FOUND) } else { (200, LIST) };
            Ok::<_, BoxError>(Response::builder().status(code).body(Body::from(text.as_bytes().to_vec()))?)
        }
    });
    (kube::Client::new(service, "ns"), accepts)
}

async fn watch(missing: usize) -> (Vec<String>, Vec<String>) {
    let (client, accepts) = server(missing);
    let api: Api<PartialObjectMeta<Secret>> = Api::all(client);
    let names: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = names.clone();
    let (store, run) = mirror(api, &Selection::default(), CancellationToken::new(), move |change| {
        assert!(change.new.as_ref().unwrap().metadata.managed_fields.is_none());
        told.lock().unwrap().push(change.key.to_string());
    });
    let task = tokio::spawn(run);
    store.synced().await;
    task.abort();
    (names.lock().unwrap().clone(), accepts.lock().unwrap().clone())
}

#[tokio::test(start_paused = true)]
async fn of_secrets_only_the_metadata_is_asked_for() {
    let (names, accepts) = watch(0).await;
    assert_eq!(names, ["ns/a"]);
    assert!(accepts.iter().all(|accept| accept.contains("as=PartialObjectMetadata")), "{accepts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_does_not_exist_yet_is_waited_for() {
    let (names, accepts) = watch(4).await;
    assert_eq!((names.len(), accepts.len() >= 5), (1, true));
}

fn event(kind: &str, metadata: &serde_json::Value) -> String {
    let object = serde_json::json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata});
    serde_json::json!({"type": kind, "object": object}).to_string() + "\n"
}

fn secret(name: &str, version: &str) -> serde_json::Value {
    serde_json::json!({"name": name, "namespace": "ns", "uid": name, "resourceVersion": version})
}

/// What a streaming list says of these objects.
fn streamed(objects: &[(&str, &str)], version: &str) -> String {
    let end =
        serde_json::json!({"resourceVersion": version, "annotations": {"k8s.io/initial-events-end": "true"}});
    let all = objects.iter().map(|(name, version)| event("ADDED", &secret(name, version)));
    all.chain([event("BOOKMARK", &end)]).collect()
}

/// Two API servers: the one that is asked first, and one that lags behind, whose cache knows an older `a` and no `b`. Both
/// know what is in etcd when they are asked for that.
fn one_lags() -> kube::Client {
    let gone = serde_json::json!({"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "metadata": {},
        "status": "Failure", "message": "too old", "reason": "Expired", "code": 410}});
    let first = streamed(&[("a", "10"), ("b", "9")], "10") + &gone.to_string() + "\n";
    let lagging = streamed(&[("a", "5")], "5");
    let items: Vec<_> = [secret("a", "10"), secret("b", "9")]
        .map(|metadata| serde_json::json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata}))
        .into();
    let list = serde_json::json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList",
        "metadata": {"resourceVersion": "12"}, "items": items});
    let streams = Arc::new(Mutex::new(vec![lagging, first]));
    let service = service_fn(move |request: Request<Body>| {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let text = match query.contains("sendInitialEvents=true") {
            true => streams.lock().unwrap().pop(),
            false if query.contains("watch=true") => None,
            false => Some(list.to_string()),
        };
        async move {
            let Some(text) = text else { return std::future::pending().await };
            Ok::<_, BoxError>(Response::new(Body::from(text.into_bytes())))
        }
    });
    kube::Client::new(service, "ns")
}

#[tokio::test(start_paused = true)]
async fn a_new_list_does_not_go_back_in_time() {
    let api: Api<PartialObjectMeta<Secret>> = Api::all(one_lags());
    let changes: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = changes.clone();
    let (store, run) = mirror(api, &Selection::default(), CancellationToken::new(), move |change| {
        let version = change.new.map(|new| new.metadata.resource_version.clone().unwrap_or_default());
        told.lock().unwrap().push(format!("{}@{}", change.key.name, version.unwrap_or("gone".into())));
    });
    let task = tokio::spawn(run);
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    task.abort();
    assert_eq!(store.len(), 2);
    assert_eq!(*changes.lock().unwrap(), ["a@10", "b@9", "a@10", "b@9"]);
}
