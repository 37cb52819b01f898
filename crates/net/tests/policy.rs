//! The policy against real sockets.
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use net::{
    AddressRule, Auth, Credentials, LeastPace, Limits, Policy, PolicyError, Proxy, Request, RequestError,
    Secret, Tls,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use url::Url;

fn secret(pairs: &[(&str, &str)]) -> Secret {
    let data = pairs.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec()));
    Secret::new("ns/name", data.collect::<BTreeMap<_, _>>())
}

type Log = Arc<Mutex<Vec<String>>>;

/// Answers every connection with `answer`; keeps what was asked.
async fn server(answer: impl Into<Vec<u8>>) -> (Url, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/x", listener.local_addr().unwrap())).unwrap();
    let (answer, log) = (answer.into(), Log::default());
    let seen = log.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (answer, seen) = (answer.clone(), seen.clone());
            tokio::spawn(async move {
                let mut buffer = vec![0; 4096];
                let read = stream.read(&mut buffer).await.unwrap_or(0);
                seen.lock().unwrap().push(String::from_utf8_lossy(&buffer[..read]).to_lowercase());
                let _ = stream.write_all(&answer).await;
                let closes = answer.windows(5).any(|word| word == b"close");
                tokio::time::sleep(Duration::from_secs(if closes { 0 } else { 5 })).await;
            });
        }
    });
    (url, log)
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn to(location: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

async fn body(policy: &Policy, url: &Url) -> Result<Vec<u8>, RequestError> {
    policy.client().unwrap().get(url.clone()).await?.bytes().await
}

fn basic() -> Policy {
    Policy::default().with_auth(Auth::basic("user", "canary"))
}

#[tokio::test]
async fn credentials_go_to_their_host_and_to_no_other() {
    let (new, at_new) = server(ok("new")).await;
    let (old, at_old) = server(to(new.as_str())).await;
    assert_eq!(body(&basic(), &old).await.unwrap(), b"new");
    assert!(at_old.lock().unwrap()[0].contains("authorization: basic dxnlcjpjyw5hcnk="));
    assert!(!at_new.lock().unwrap()[0].contains("authorization"));
}

#[tokio::test]
async fn credentials_stay_at_home_when_told_so() {
    let (url, log) = server(ok("")).await;
    let request = Request { authenticate: false, ..Request::get(url) };
    basic().client().unwrap().send(request).await.unwrap();
    assert!(!log.lock().unwrap()[0].contains("authorization"));
}

#[tokio::test]
async fn userinfo_of_a_url_becomes_a_header() {
    let (mut url, log) = server(ok("")).await;
    url.set_username("user").unwrap();
    url.set_password(Some("canary")).unwrap();
    body(&Policy::default(), &url).await.unwrap();
    let asked = log.lock().unwrap()[0].clone();
    assert!(asked.starts_with("get /x http/1.1") && asked.contains("basic dxnlcjpjyw5hcnk="), "{asked}");
}

#[tokio::test]
async fn redirects_are_bounded_and_keep_to_http() {
    let (url, log) = server(to("/x")).await;
    let error = body(&Policy::default(), &url).await.unwrap_err();
    assert!(
        matches!(&error, RequestError::Redirect { cause, .. } if cause == "too many redirects"),
        "{error}"
    );
    assert_eq!(log.lock().unwrap().len(), 6);
    let (url, _) = server(to("ftp://127.0.0.1/x")).await;
    let policy = Policy::default();
    let answer = policy.client().unwrap().get(url).await;
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == 302));
}

#[tokio::test]
async fn bodies_stop_at_the_limit_whatever_their_length_says() {
    let limits = Limits { max_body: 10, ..Limits::default() };
    let policy = Policy { limits, ..Policy::default() };
    let (url, _) = server(ok("0123456789")).await;
    assert_eq!(body(&policy, &url).await.unwrap().len(), 10);
    let endless = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", "x".repeat(1000));
    for answer in [ok("0123456789a"), endless] {
        let (url, _) = server(answer).await;
        assert!(matches!(body(&policy, &url).await, Err(RequestError::TooLarge { limit: 10, .. })));
    }
    let (url, _) = server(ok("0123456789a")).await;
    assert!(policy.client().unwrap().get(url).await.unwrap().check_length().is_err());
}

#[tokio::test]
async fn silence_ends_at_the_idle_limit_and_dripping_at_the_total() {
    let idle = Limits { idle: Duration::from_millis(200), ..Limits::default() };
    let total = Limits { total: Duration::from_millis(200), ..Limits::default() };
    for limits in [idle, total] {
        for answer in ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"] {
            let (url, _) = server(answer).await;
            let started = Instant::now();
            let error =
                body(&Policy { limits: limits.clone(), ..Policy::default() }, &url).await.unwrap_err();
            assert_eq!(error.to_string(), format!("Get \"{url}\": context deadline exceeded"));
            assert!(error.is_timeout() && started.elapsed() < Duration::from_secs(4));
        }
    }
}

/// A fake server that sends one byte of its body every 20 ms.
async fn dripping(length: usize) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/x", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        let mut going = stream.write_all(head.as_bytes()).await.is_ok();
        for _ in 0..length {
            tokio::time::sleep(Duration::from_millis(20)).await;
            going = going && stream.write_all(b"x").await.is_ok();
        }
    });
    url
}

#[tokio::test]
async fn a_body_that_drips_ends_at_the_least_pace_and_one_that_is_slow_does_not() {
    let policy = |bytes| {
        let pace = Some(LeastPace { bytes, per: Duration::from_secs(1) });
        Policy { limits: Limits { pace, ..Limits::default() }, ..Policy::default() }
    };
    let (url, begun) = (dripping(100_000).await, Instant::now());
    let error = body(&policy(10_000), &url).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("Get \"{url}\": body comes too slowly: only ")), "{error}");
    assert!(error.ends_with(" bytes came within 1 s; at least 10000 are expected"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(20), "the time limit ended it");
    assert_eq!(body(&policy(2), &dripping(100).await).await.unwrap().len(), 100);
}

#[tokio::test]
async fn addresses_outside_of_the_rule_are_never_called() {
    let (url, log) = server(ok("")).await;
    let policy = Policy { addresses: AddressRule::PublicOnly, ..Policy::default() };
    let named = Url::parse(&url.as_str().replace("127.0.0.1", "localhost")).unwrap();
    for url in [&url, &named] {
        assert!(matches!(body(&policy, url).await, Err(RequestError::Address { .. })), "{url}");
    }
    assert!(log.lock().unwrap().is_empty());
    let (url, _) = server(to("http://169.254.169.254/latest/meta-data")).await;
    let policy = Policy { addresses: AddressRule::NoLinkLocal, ..Policy::default() };
    assert!(matches!(body(&policy, &url).await, Err(RequestError::Redirect { .. })));
}

#[tokio::test]
async fn errors_name_the_place_in_gos_words_and_no_secret() {
    let url = Url::parse("http://user:canary@127.0.0.1:1/x?sig=canary").unwrap();
    let error = body(&basic(), &url).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "Get \"http://127.0.0.1:1/x?sig=...\": dial tcp 127.0.0.1:1: connect: connection refused"
    );
    for text in ["file:///etc/passwd", "ftp://h/x"] {
        let error = body(&basic(), &Url::parse(text).unwrap()).await.unwrap_err();
        assert!(matches!(error, RequestError::Scheme { .. }));
    }
    let (url, _) = server("this is not http\r\n\r\n").await;
    assert!(matches!(body(&basic(), &url).await, Err(RequestError::Broken { .. })));
}

#[test]
fn auth_is_read_as_flux_reads_it() {
    let auth = |pairs| Auth::from_secret(&secret(pairs)).unwrap();
    assert!(auth(&[("username", "u"), ("password", "p")]) == Auth::basic("u", "p"));
    assert!(auth(&[("username", "u")]) == Auth::basic("u", ""));
    assert!(auth(&[("bearerToken", " t\n")]) == Auth::Bearer("t".into()));
    assert!(auth(&[("other", "x")]) == Auth::None);
    let bad = Secret::new("ns/name", BTreeMap::from([("username".to_owned(), vec![0xff])]));
    let error = Auth::from_secret(&bad).err().unwrap();
    assert_eq!(error.to_string(), "secret 'ns/name': key 'username' is not valid UTF-8");
    let unsendable = Policy::default().with_auth(Auth::Bearer("canary\nx".into()));
    assert_eq!(unsendable.client().err(), Some(PolicyError::BadToken));
}

#[test]
fn certificates_are_read_under_new_and_old_names() {
    let made = rcgen::generate_simple_self_signed(vec!["x".to_owned()]).unwrap();
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    for names in [["ca.crt", "tls.crt", "tls.key"], ["caFile", "certFile", "keyFile"]] {
        let pairs = [(names[0], cert.as_str()), (names[1], &cert), (names[2], &key)];
        let credentials =
            Credentials { tls: Tls::from_secret(&secret(&pairs)).unwrap(), ..Credentials::default() };
        assert!(!credentials.tls.is_empty());
        Policy { credentials, ..Policy::default() }.client().unwrap();
    }
    assert!(Tls::from_secret(&secret(&[])).unwrap().is_empty());
}

#[test]
fn half_a_pair_and_what_is_no_pem_are_refused_by_key() {
    let made = rcgen::generate_simple_self_signed(vec!["x".to_owned()]).unwrap();
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let error = |pairs: &[(&str, &str)]| Tls::from_secret(&secret(pairs)).err().unwrap().to_string();
    assert_eq!(error(&[("tls.crt", &cert)]), "secret 'ns/name' contains 'tls.crt' but missing 'tls.key'");
    assert_eq!(error(&[("tls.key", &key)]), "secret 'ns/name' contains 'tls.key' but missing 'tls.crt'");
    for bad in [("ca.crt", "canary"), ("ca.crt", key.as_str())] {
        assert_eq!(error(&[bad]), "secret 'ns/name': key 'ca.crt' holds no usable PEM certificate or key");
    }
    let error = error(&[("tls.crt", "canary"), ("tls.key", "canary")]);
    assert!(error.contains("'tls.crt'") && !error.contains("canary"));
}

#[test]
fn a_proxy_needs_an_address_that_is_one() {
    let error = |pairs: &[(&str, &str)]| Proxy::from_secret(&secret(pairs)).err().unwrap().to_string();
    assert_eq!(error(&[]), "secret 'ns/name': key 'address' not found");
    for bad in ["nonsense", "file:///x", "http://", "socks4://h:1"] {
        assert_eq!(error(&[("address", bad)]), "secret 'ns/name': key 'address' is not a valid proxy URL");
    }
    let proxy = Proxy::from_secret(&secret(&[("address", "http://u:canary@proxy:3128")])).unwrap();
    assert_eq!(proxy.address().as_str(), "http://proxy:3128/");
    assert!(*proxy.auth() == Auth::basic("u", "canary"));
}

#[test]
fn a_secret_for_certificates_must_hold_some() {
    let expected = "secret 'ns/name' must contain either 'ca.crt' or both 'tls.crt' and 'tls.key'";
    for data in [&[][..], &[("password", "canary")], &[("ca.crt", "")]] {
        assert_eq!(Tls::from_certificates(&secret(data)).err().unwrap().to_string(), expected);
        assert!(Tls::from_secret(&secret(data)).unwrap().is_empty());
    }
    let error = Tls::from_certificates(&secret(&[("ca.crt", "junk")])).err().unwrap();
    assert!(matches!(error, PolicyError::BadCertificate(_)), "{error}");
}
