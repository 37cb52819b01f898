//! From the store over HTTP into the cache.
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use artifact::{
    ArtifactPath, Cache, CacheOptions, Digest, FetchError, FetchLimits, LocalStore, Packer, Retention,
    Server, Store, fetch,
};
use net::{Client, Limits, Policy};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

async fn server(root: &Path) -> String {
    let server = Server::new(TcpListener::bind("127.0.0.1:0").await.unwrap(), root);
    let address = server.address().unwrap();
    tokio::spawn(server.run(std::future::pending()));
    address.to_string()
}

fn client() -> Client {
    Policy::default().client().unwrap()
}

fn archive(name: &str, content: &[u8]) -> Vec<u8> {
    let mut packer = Packer::new(Vec::new()).unwrap();
    packer.file(name, false, content.len() as u64, &mut &*content).unwrap();
    packer.finish().unwrap()
}

/// Stores an archive; gives its URL path and digest.
fn put(root: &Path, file: &str, content: &[u8]) -> (String, Digest) {
    let store = LocalStore::open(root, "h", Retention::default()).unwrap();
    let path = ArtifactPath::new("gitrepository", "ns", "n", file).unwrap();
    let stored = store.put(&path, &mut |out| Ok(out.write_all(content)?)).unwrap();
    (path.to_string(), stored.digest)
}

/// One request as bytes, and the whole answer.
async fn raw(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{request}\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn files_are_served_and_the_root_says_ready() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "sha256:abc.tar.gz", b"content");
    let address = server(dir.path()).await;
    assert!(raw(&address, "GET / HTTP/1.1").await.starts_with("HTTP/1.1 200"));
    for path in ["/gitrepository/ns/n/sha256:abc.tar.gz", "/gitrepository/ns/n/sha256%3Aabc.tar.gz"] {
        let answer = raw(&address, &format!("GET {path} HTTP/1.1")).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("content"), "{answer}");
        let answer = raw(&address, &format!("HEAD {path} HTTP/1.1")).await;
        assert!(answer.contains("content-length: 7") && answer.ends_with("\r\n\r\n"), "{answer}");
    }
    assert!(raw(&address, "POST / HTTP/1.1\r\nContent-Length: 0").await.starts_with("HTTP/1.1 405"));
}

#[tokio::test]
async fn nothing_outside_of_the_root_and_nothing_unfinished_is_served() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("root");
    put(&root, "a", b"content");
    std::fs::write(outer.path().join("secret"), "canary").unwrap();
    std::fs::write(root.join(".unfinished/half"), "canary").unwrap();
    std::os::unix::fs::symlink(outer.path().join("secret"), root.join("link")).unwrap();
    let address = server(&root).await;
    for path in [
        "/../secret",
        "/%2e%2e/secret",
        "/gitrepository/../../secret",
        "/..%2fsecret",
        "/link",
        "//etc/passwd",
        "/.unfinished/half",
        "/gitrepository",
        "/gitrepository/ns/n",
        "/gitrepository/ns/n/a/",
        "/%00",
        "/%zz",
        "/a\\..\\b",
    ] {
        let answer = raw(&address, &format!("GET {path} HTTP/1.1")).await;
        assert!(answer.starts_with("HTTP/1.1 404") && !answer.contains("canary"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_stable_name_inside_of_the_root_is_served() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "a", b"content");
    std::os::unix::fs::symlink("a", dir.path().join("gitrepository/ns/n/latest.tar.gz")).unwrap();
    let answer = raw(&server(dir.path()).await, "GET /gitrepository/ns/n/latest.tar.gz HTTP/1.1").await;
    assert!(answer.ends_with("content"), "{answer}");
}

async fn fetched(url: &str, digest: &Digest, size: u64) -> Result<u64, FetchError> {
    let dir = tempfile::tempdir().unwrap();
    let limits = FetchLimits { size, pause: Duration::from_millis(1) };
    let result = fetch(&client(), url, digest, dir.path(), &limits).await.map(|download| download.size);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "a download is left behind");
    result
}

#[tokio::test]
async fn a_download_is_compared_with_its_digest_and_limits() {
    let dir = tempfile::tempdir().unwrap();
    let (path, digest) = put(dir.path(), "a", &[7; 1000]);
    let url = format!("http://{}/{path}", server(dir.path()).await);
    assert_eq!(fetched(&url, &digest, 1000).await, Ok(1000));
    assert_eq!(fetched(&url, &digest, 999).await, Err(FetchError::TooLarge(999)));
    let other = Digest::of(b"other");
    assert!(matches!(fetched(&url, &other, 1000).await, Err(FetchError::DigestMismatch { .. })));
    assert_eq!(
        fetched(&format!("{url}x"), &digest, 1000).await,
        Err(FetchError::NotFound(format!("{url}x")))
    );
    for bad in ["", "nonsense", "file:///etc/passwd", "ftp://h/x"] {
        assert!(!fetched(bad, &digest, 1000).await.unwrap_err().is_transient(), "{bad}");
    }
    let closed = fetched("http://u:canary@127.0.0.1:1/x", &digest, 1000).await.unwrap_err();
    assert!(closed.is_transient() && !closed.to_string().contains("canary"), "{closed}");
}

/// Answers with these, one a connection, the last one for ever; counts the connections.
async fn scripted(answers: Vec<Vec<u8>>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let at = counter.fetch_add(1, Ordering::SeqCst);
            let answer = answers[at.min(answers.len() - 1)].clone();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(&answer).await;
            });
        }
    });
    (address, count)
}

fn answer(status: u16, length: usize, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n").as_bytes(), body]
        .concat()
}

#[tokio::test]
async fn a_broken_download_is_tried_once_more() {
    let body = b"artifact";
    for first in
        [answer(500, 0, b""), answer(200, 8, b"arti"), answer(200, 8, b"xxxxxxxx"), b"nonsense".to_vec()]
    {
        let (address, count) = scripted(vec![first, answer(200, 8, body)]).await;
        assert_eq!(fetched(&format!("http://{address}/x"), &Digest::of(body), 100).await, Ok(8));
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }
    let (address, count) = scripted(vec![answer(500, 0, b"")]).await;
    let error = fetched(&format!("http://{address}/x"), &Digest::of(body), 100).await.unwrap_err();
    assert!(matches!(error, FetchError::Status { status: 500, .. }));
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_length_that_lies_does_not_pass_the_limit() {
    let mut endless = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
    endless.resize(200_000, b'x');
    let (address, _) = scripted(vec![endless]).await;
    let error = fetched(&format!("http://{address}/x"), &Digest::of(b""), 1000).await;
    assert_eq!(error, Err(FetchError::TooLarge(1000)));
}

fn cache(dir: &Path, max_bytes: u64) -> Cache {
    let options = CacheOptions { max_bytes, ..CacheOptions::new(dir.join("cache")) };
    Cache::open(options, client()).unwrap()
}

fn blobs(dir: &Path) -> usize {
    std::fs::read_dir(dir.join("cache")).unwrap().count()
}

#[tokio::test]
async fn many_askers_share_one_download() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = archive("a.yaml", b"a: 1");
    let (address, count) = scripted(vec![answer(200, bytes.len(), &bytes)]).await;
    let (cache, digest) = (cache(dir.path(), 1 << 20), Digest::of(&bytes));
    let url = format!("http://{address}/x");
    let askers = (0..50).map(|_| cache.get(&url, &digest));
    for tree in futures::future::join_all(askers).await {
        assert_eq!(tree.unwrap().read("a.yaml").unwrap(), b"a: 1");
    }
    cache.get("http://127.0.0.1:1/never-asked", &digest).await.unwrap();
    assert_eq!((count.load(Ordering::SeqCst), blobs(dir.path())), (1, 1));
}

#[tokio::test]
async fn an_asker_that_gives_up_does_not_stop_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = archive("a.yaml", b"a: 1");
    let (address, _) = scripted(vec![answer(200, bytes.len(), &bytes)]).await;
    let (cache, digest) = (cache(dir.path(), 1 << 20), Digest::of(&bytes));
    let url = format!("http://{address}/x");
    let first = futures::FutureExt::now_or_never(cache.get(&url, &digest));
    assert!(first.is_none());
    assert!(cache.get(&url, &digest).await.is_ok());
}

#[tokio::test]
async fn a_download_that_everybody_left_leaves_nothing_and_is_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = archive("a.yaml", b"a: 1");
    let (cache, digest) = (cache(dir.path(), 1 << 20), Digest::of(&bytes));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    // Sends this much of the archive, and leaves the connection open.
    let serve = async |length: usize| {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        stream.write_all(&answer(200, bytes.len(), &bytes[..length])).await.unwrap();
        stream
    };
    let _begun = tokio::select! {
        _ = cache.get(&url, &digest) => panic!("half of an archive was taken"),
        stream = async {
            let stream = serve(bytes.len() / 2).await;
            while blobs(dir.path()) == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            stream
        } => stream,
    };
    assert_eq!(blobs(dir.path()), 0, "half of an archive is kept for nobody");
    let (tree, _stream) = tokio::join!(cache.get(&url, &digest), serve(bytes.len()));
    assert_eq!(tree.unwrap().read("a.yaml").unwrap(), b"a: 1");
}

#[tokio::test]
async fn a_failure_of_one_url_is_not_that_of_another_with_the_same_digest() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = archive("a", b"1");
    let (bad, _) = scripted(vec![answer(404, 0, b"")]).await;
    let (good, _) = scripted(vec![answer(200, bytes.len(), &bytes)]).await;
    let (cache, digest) = (cache(dir.path(), 1 << 20), Digest::of(&bytes));
    let (bad, good) = (format!("http://{bad}/x"), format!("http://{good}/x"));
    let (first, second) = tokio::join!(cache.get(&bad, &digest), cache.get(&good, &digest));
    assert!(matches!(first, Err(FetchError::NotFound(_))));
    assert!(second.is_ok(), "the failure of another URL was told");
}

#[tokio::test]
async fn a_failure_is_not_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = archive("a", b"1");
    let (address, _) = scripted(vec![answer(404, 0, b""), answer(200, bytes.len(), &bytes)]).await;
    let cache = cache(dir.path(), 1 << 20);
    let url = format!("http://{address}/x");
    assert!(matches!(cache.get(&url, &Digest::of(&bytes)).await, Err(FetchError::NotFound(_))));
    assert!(cache.get(&url, &Digest::of(&bytes)).await.is_ok());
}

#[tokio::test]
async fn the_least_recently_used_tree_goes_unless_it_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("store");
    let address = server(&root).await;
    let cache = cache(dir.path(), 2500);
    let mut trees = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let (path, digest) = put(&root, name, &archive(name, &[1; 1000]));
        trees.push((format!("http://{address}/{path}"), digest));
    }
    let held = cache.get(&trees[0].0, &trees[0].1).await.unwrap();
    for (url, digest) in &trees[1..] {
        cache.get(url, digest).await.unwrap();
    }
    assert_eq!(cache.usage(), (2000, 2));
    assert_eq!(held.read("a").unwrap(), [1; 1000]);
    assert_eq!(blobs(dir.path()), 2);
    drop(held);
    cache.get(&trees[1].0, &trees[1].1).await.unwrap();
    assert_eq!((cache.usage(), blobs(dir.path())), ((2000, 2), 2));
}

#[tokio::test]
async fn trees_of_empty_files_go_too() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("store");
    let address = server(&root).await;
    let options = CacheOptions { max_index_bytes: 4 << 20, ..CacheOptions::new(dir.path().join("cache")) };
    let cache = Cache::open(options, client()).unwrap();
    for round in 0..6 {
        let mut packer = Packer::new(Vec::new()).unwrap();
        for file in 0..2000 {
            packer.file(format!("{round}/{}{file:04}", "d/".repeat(400)), false, 0, &mut &[][..]).unwrap();
        }
        let (path, digest) = put(&root, &format!("{round}.tar.gz"), &packer.finish().unwrap());
        cache.get(&format!("http://{address}/{path}"), &digest).await.unwrap();
    }
    assert_eq!(cache.usage(), (0, 2));
}

#[tokio::test]
async fn the_folder_is_emptied_at_start() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("cache")).unwrap();
    std::fs::write(dir.path().join("cache/7.blob"), "left by a crash").unwrap();
    cache(dir.path(), 1);
    assert_eq!(blobs(dir.path()), 0);
}

#[tokio::test]
async fn a_hostile_archive_is_an_error_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (address, _) = scripted(vec![answer(200, 7, b"no gzip")]).await;
    let result =
        cache(dir.path(), 1 << 20).get(&format!("http://{address}/x"), &Digest::of(b"no gzip")).await;
    assert!(matches!(result, Err(FetchError::Unpack(_))));
    assert_eq!(blobs(dir.path()), 0);
}

#[tokio::test]
async fn a_server_that_stalls_is_left_at_the_time_limit() {
    let (address, _) = scripted(vec![answer(200, 100, b"begun")]).await;
    let limits = Limits { total: Duration::from_millis(300), ..Limits::default() };
    let client = Policy { limits, ..Policy::default() }.client().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = listener.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    for address in [address, silent] {
        let url = format!("http://{address}/x");
        let started = std::time::Instant::now();
        let error = fetch(&client, &url, &Digest::of(b""), dir.path(), &FetchLimits::default()).await;
        assert!(matches!(error, Err(FetchError::Network(_))));
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}
