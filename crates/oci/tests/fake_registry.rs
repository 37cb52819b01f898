//! What the real registry does not do: a token server, lies about digests, endless pages. These are fakes.
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use net::AddressRule;
use oci::{Access, Login, Oci, OciError, OciLimits, Reference, Repository, Session};

type Answer = fn(&Fake, &Request) -> Response;

struct Fake {
    address: String,
    answer: Answer,
    /// Another one, that it sends to.
    other: String,
    /// Verb, path and query, and `with login` if somebody showed one.
    asked: Mutex<Vec<String>>,
}

async fn start(answer: Answer) -> Arc<Fake> {
    start_beside("", answer).await
}

async fn start_beside(other: &str, answer: Answer) -> Arc<Fake> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let fake = Arc::new(Fake { address, answer, other: other.to_owned(), asked: Mutex::default() });
    let router = Router::new().fallback(serve).with_state(fake.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    fake
}

async fn serve(State(fake): State<Arc<Fake>>, request: Request) -> Response {
    let login = if request.headers().contains_key("authorization") { " with login" } else { "" };
    fake.asked.lock().unwrap().push(format!("{} {}{login}", request.method(), request.uri()));
    (fake.answer)(&fake, &request)
}

impl Fake {
    fn session(&self, login: Login) -> Session {
        self.session_of(login, 50)
    }

    /// A session that reads so many tags.
    fn session_of(&self, login: Login, tags: usize) -> Session {
        testkit::install_crypto();
        let repository = Repository::parse(&format!("{}/team/app", self.address)).unwrap();
        let access = Access { login, insecure: true, ..Access::default() };
        let limits = OciLimits { tags, pauses: [Duration::from_millis(1); 2], ..OciLimits::default() };
        Oci::new(AddressRule::Any, limits, "").session(&repository, &access).unwrap()
    }

    fn asked(&self, part: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| asked.contains(part)).count()
    }
}

fn with_token(fake: &Fake, request: &Request) -> Response {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let path = request.uri().path();
    if path == "/token" {
        // base64 of user:pw
        return match header("authorization") {
            "Basic dXNlcjpwdw==" => r#"{"token":"good","expires_in":300}"#.into_response(),
            _ => StatusCode::UNAUTHORIZED.into_response(),
        };
    }
    if header("authorization") != "Bearer good" {
        let demand = format!("Bearer realm=\"http://{}/token\",service=\"fake\"", fake.address);
        return (StatusCode::UNAUTHORIZED, [("www-authenticate", demand)]).into_response();
    }
    r#"{"tags":["1.0.0"]}"#.into_response()
}

#[tokio::test]
async fn a_token_is_fetched_once_for_a_repository() {
    let fake = start(with_token).await;
    let session = fake.session(Login::Basic { username: "user".into(), password: "pw".into() });
    assert_eq!(session.tags().await.unwrap(), ["1.0.0"]);
    assert_eq!(session.tags().await.unwrap(), ["1.0.0"]);
    assert_eq!(fake.asked("/token"), 1);
    assert_eq!(fake.asked("scope=repository%3Ateam%2Fapp%3Apull&service=fake"), 1);
    let error = fake.session(Login::Anonymous).tags().await.unwrap_err();
    assert!(error.is_refused(), "{error}");
}

fn another_manifest(_: &Fake, request: &Request) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/vnd.oci.image.manifest.v1+json".parse().unwrap());
    match request.uri().path() {
        "/v2/" => StatusCode::OK.into_response(),
        _ => (headers, r#"{"schemaVersion":2,"config":{"digest":"x","size":1}}"#).into_response(),
    }
}

#[tokio::test]
async fn a_manifest_of_another_digest_is_refused() {
    let fake = start(another_manifest).await;
    let session = fake.session(Login::Anonymous);
    let digest = format!("sha256:{}", "0".repeat(64));
    assert!(matches!(session.manifest(&digest).await, Err(OciError::Digest { .. })));
    // Without a header the digest of a tag is that of the bytes.
    let found = session.resolve(&Reference::tag("v1").unwrap()).await.unwrap();
    assert!(found.starts_with("sha256:") && found != digest);
}

fn page(request: &Request, last: usize) -> Response {
    match request.uri().path() {
        "/v2/" => StatusCode::OK.into_response(),
        _ => {
            let next = format!("</v2/team/app/tags/list?last={last}>; rel=\"next\"");
            ([("link", next)], r#"{"tags":["a"]}"#).into_response()
        }
    }
}

fn endless(fake: &Fake, request: &Request) -> Response {
    page(request, fake.asked("/tags/"))
}

fn round(_: &Fake, request: &Request) -> Response {
    page(request, 1)
}

#[tokio::test]
async fn endless_pages_come_to_an_end() {
    let fake = start(endless).await;
    let error = fake.session(Login::Anonymous).tags().await.unwrap_err();
    assert!(matches!(error, OciError::TooManyTags { limit: 50, .. }), "{error}");
    let fake = start(round).await;
    let error = fake.session(Login::Anonymous).tags().await.unwrap_err();
    assert!(error.to_string().contains("go round") && fake.asked("/tags/") == 2, "{error}");
}

/// Fifty pages of one text of a megabyte each.
fn heavy(fake: &Fake, request: &Request) -> Response {
    let at = fake.asked("/tags/");
    let next = format!("</v2/team/app/tags/list?last={at}>; rel=\"next\"");
    let body = format!(r#"{{"tags":["{}"]}}"#, "a".repeat(1 << 20));
    match request.uri().path() {
        "/v2/" => StatusCode::OK.into_response(),
        _ if at == 50 => body.into_response(),
        _ => ([("link", next)], body).into_response(),
    }
}

/// All of 40,000 tags of 125 letters at once, more than 5 MB.
fn at_once(_: &Fake, request: &Request) -> Response {
    let tags: Vec<String> = (0..40_000).map(|number| format!("{number:0>125}")).collect();
    match request.uri().path() {
        "/v2/" => StatusCode::OK.into_response(),
        _ => format!(r#"{{"tags":["{}"]}}"#, tags.join("\",\"")).into_response(),
    }
}

/// Three pages, of which the one in the middle is empty; or none but empty ones.
fn with_a_hole(fake: &Fake, request: &Request) -> Response {
    let at = fake.asked("/tags/");
    let body = if at == 2 { r#"{"tags":null}"# } else { r#"{"tags":["a"]}"# };
    let next = format!("</v2/team/app/tags/list?last={at}>; rel=\"next\"");
    match request.uri().path() {
        "/v2/" => StatusCode::OK.into_response(),
        _ if at == 3 => body.into_response(),
        _ => ([("link", next)], body).into_response(),
    }
}

fn empty_for_ever(fake: &Fake, request: &Request) -> Response {
    let next = format!("</v2/team/app/tags/list?last={}>; rel=\"next\"", fake.asked("/tags/"));
    match request.uri().path() {
        "/v2/" => StatusCode::OK.into_response(),
        _ => ([("link", next)], r#"{"tags":[]}"#).into_response(),
    }
}

#[tokio::test]
async fn what_is_too_long_for_a_tag_is_not_kept() {
    let fake = start(heavy).await;
    assert!(fake.session(Login::Anonymous).tags().await.unwrap().is_empty());
    assert_eq!(fake.asked("/tags/"), 50);
}

#[tokio::test]
async fn a_registry_may_give_all_tags_at_once() {
    let fake = start(at_once).await;
    assert_eq!(fake.session_of(Login::Anonymous, 50_000).tags().await.unwrap().len(), 40_000);
    let error = fake.session_of(Login::Anonymous, 39_999).tags().await.unwrap_err();
    assert!(matches!(error, OciError::TooManyTags { limit: 39_999, .. }), "{error}");
    // A page has no more bytes than that many tags take.
    assert!(fake.session_of(Login::Anonymous, 30_000).tags().await.unwrap_err().is_too_large());
}

#[tokio::test]
async fn an_empty_page_is_not_the_end_of_the_list() {
    let fake = start(with_a_hole).await;
    assert_eq!(fake.session(Login::Anonymous).tags().await.unwrap(), ["a", "a"]);
    let fake = start(empty_for_ever).await;
    let error = fake.session(Login::Anonymous).tags().await.unwrap_err();
    assert!(error.to_string().contains("are empty"), "{error}");
}

/// Open to all, and what is private is not there for who shows no password.
fn hides_what_is_private(_: &Fake, request: &Request) -> Response {
    let shown = request.headers().get("authorization").is_some_and(|value| value == "Basic dXNlcjpwdw==");
    match request.uri().path() {
        "/v2/" => StatusCode::OK.into_response(),
        _ if shown => r#"{"tags":["1.0.0"]}"#.into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

#[tokio::test]
async fn a_password_is_shown_to_a_registry_that_never_asks_for_it() {
    let fake = start(hides_what_is_private).await;
    let session = fake.session(Login::Basic { username: "user".into(), password: "pw".into() });
    assert_eq!(session.tags().await.unwrap(), ["1.0.0"]);
    assert!(fake.session(Login::Anonymous).tags().await.unwrap_err().is_not_found());
}

/// Open at first, and later for who shows a token of its own server.
fn open_at_first(fake: &Fake, request: &Request) -> Response {
    match request.uri().path() {
        "/v2/" => StatusCode::OK.into_response(),
        _ => with_token(fake, request),
    }
}

#[tokio::test]
async fn a_password_is_shown_to_a_registry_that_asks_for_it_later_than_at_the_first_request() {
    let fake = start(open_at_first).await;
    let session = fake.session(Login::Basic { username: "user".into(), password: "pw".into() });
    assert_eq!(session.tags().await.unwrap(), ["1.0.0"]);
    let before = fake.asked("/tags/");
    assert_eq!(session.tags().await.unwrap(), ["1.0.0"]);
    assert_eq!(fake.asked("/tags/"), before + 1, "what it asks for is remembered");
    assert!(fake.session(Login::Anonymous).tags().await.unwrap_err().is_refused());
}

/// Wants a password, and keeps its blobs and the rest of its tags elsewhere.
fn sends_on(fake: &Fake, request: &Request) -> Response {
    let path = request.uri().path();
    if !request.headers().contains_key("authorization") {
        return (StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic realm=\"r\"")]).into_response();
    }
    let place = format!("http://{}{path}", fake.other);
    match path {
        "/v2/" => StatusCode::OK.into_response(),
        "/v2/team/app/tags/list" => {
            ([("link", format!("<{place}>; rel=\"next\""))], r#"{"tags":["1.0.0"]}"#).into_response()
        }
        _ => (StatusCode::TEMPORARY_REDIRECT, [("location", place)]).into_response(),
    }
}

/// Demands a token, which it gives itself to whoever shows a password.
fn wants_a_token(fake: &Fake, request: &Request) -> Response {
    let demand = format!("Bearer realm=\"http://{}/token\"", fake.address);
    match request.uri().path() {
        "/token" => r#"{"token":"good"}"#.into_response(),
        _ => (StatusCode::UNAUTHORIZED, [("www-authenticate", demand)]).into_response(),
    }
}

#[tokio::test]
async fn another_host_that_the_registry_sends_to_gets_no_password_whatever_it_demands() {
    let other = start(wants_a_token).await;
    let fake = start_beside(&other.address, sends_on).await;
    let session = fake.session(Login::Basic { username: "user".into(), password: "pw".into() });
    let digest = format!("sha256:{}", "0".repeat(64));
    let layer = oci::Descriptor { media_type: String::new(), digest, size: 1, annotations: None };
    assert!(session.blob_bytes(&layer, 10).await.unwrap_err().is_refused());
    assert!(session.tags().await.unwrap_err().is_refused());
    assert_eq!((other.asked("/blobs/"), other.asked("/tags/")), (1, 1));
    assert_eq!((other.asked("/token"), other.asked("with login")), (0, 0));
    // What the other one demanded is not remembered as what the registry does.
    assert!(session.blob_bytes(&layer, 10).await.is_err());
    assert_eq!(fake.asked("/blobs/"), fake.asked("with login") - 1);
}

/// In trouble at the very first request, and at the first two for tags.
fn in_trouble(fake: &Fake, request: &Request) -> Response {
    match request.uri().path() {
        "/v2/" if fake.asked("") > 1 => StatusCode::OK.into_response(),
        path if path != "/v2/" && fake.asked("/tags/") > 2 => r#"{"tags":["1.0.0"]}"#.into_response(),
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

fn refuses(_: &Fake, request: &Request) -> Response {
    match request.uri().path() {
        "/v2/" => StatusCode::OK.into_response(),
        path if path.contains("/uploads/") => StatusCode::BAD_GATEWAY.into_response(),
        path if path.contains("/blobs/") => StatusCode::NOT_FOUND.into_response(),
        path if path.contains("/tags/") => StatusCode::NOT_FOUND.into_response(),
        _ => StatusCode::TOO_MANY_REQUESTS.into_response(),
    }
}

#[tokio::test]
async fn a_registry_in_trouble_is_asked_three_times_at_most() {
    let fake = start(in_trouble).await;
    // The first try is over when the registry is greeted.
    let error = fake.session(Login::Anonymous).tags().await.unwrap_err();
    assert!(matches!(error, OciError::Answer { status: 503, .. }), "{error}");
    assert_eq!(fake.asked("/tags/"), 2);
    assert_eq!(fake.session(Login::Anonymous).tags().await.unwrap(), ["1.0.0"]);
    assert_eq!(fake.asked("/tags/"), 3);
}

#[tokio::test]
async fn what_does_not_pass_and_what_writes_is_asked_once() {
    let fake = start(refuses).await;
    let session = fake.session(Login::Anonymous);
    assert!(session.tags().await.unwrap_err().is_not_found());
    assert_eq!(fake.asked("/tags/"), 1);
    let tag = Reference::tag("v1").unwrap();
    assert!(session.push(&tag, &oci::Upload::default()).await.is_err());
    assert_eq!(fake.asked("/uploads/"), 1);
    assert!(session.resolve(&tag).await.is_err());
    assert_eq!((fake.asked("HEAD /v2/team/app/manifests"), fake.asked("GET /v2/team/app/manifests")), (3, 3));
}
