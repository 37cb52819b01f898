//! Helm repositories over HTTP: their index, and the archives it names.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use net::{AddressRule, Client, Credentials, Flights, Limits, Policy, Request, RequestError, Response};
use url::Url;

/// How many ways to reach repositories are remembered, each with its connections.
const CLIENTS: usize = 32;

/// What a repository may send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HelmLimits {
    /// Bytes of an index.
    pub(crate) index: u64,
    /// Bytes of a chart's archive.
    pub(crate) chart: u64,
    /// Bytes of one file of a chart.
    pub(crate) chart_file: u64,
}

type Download = Result<Arc<Body>, String>;

/// What a repository sent, in a file without a name: a server that sends slowly must not fill the memory meanwhile.
pub(crate) struct Body {
    file: File,
    length: usize,
}

impl Body {
    /// All of it, in memory. Blocks.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn read(&self) -> Result<Vec<u8>, String> {
        let mut all = vec![0; self.length];
        self.file.read_exact_at(&mut all, 0).map_err(|error| error.to_string())?;
        Ok(all)
    }
}

/// The part that all repositories share: connections, and downloads under way. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Http {
    inner: Arc<Inner>,
}

struct Inner {
    addresses: AddressRule,
    clients: Mutex<HashMap<Policy, (Client, u64)>>,
    downloads: Flights<(Url, Policy), Download>,
}

/// A repository, reached in one way.
#[derive(Clone)]
pub(crate) struct HttpRepository {
    http: Http,
    policy: Policy,
    url: Url,
    pass_credentials: bool,
    limits: HelmLimits,
}

impl Http {
    pub(crate) fn new(addresses: AddressRule) -> Self {
        Self {
            inner: Arc::new(Inner { addresses, clients: Mutex::default(), downloads: Flights::default() }),
        }
    }

    /// A repository at a URL; nothing is asked yet.
    pub(crate) fn repository(
        &self,
        url: &Url,
        credentials: Credentials,
        pass_credentials: bool,
        timeout: Duration,
        limits: HelmLimits,
    ) -> HttpRepository {
        let policy = Policy {
            limits: Limits { total: timeout, ..Limits::default() },
            credentials,
            addresses: self.inner.addresses,
            user_agent: String::new(),
        };
        HttpRepository { http: self.clone(), policy, url: url.clone(), pass_credentials, limits }
    }

    fn client(&self, policy: &Policy) -> Result<Client, String> {
        let mut clients = self.inner.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let clock = clients.values().map(|(_, used)| *used).max().unwrap_or_default() + 1;
        if let Some((client, used)) = clients.get_mut(policy) {
            *used = clock;
            return Ok(client.clone());
        }
        let client = policy.client().map_err(|error| error.to_string())?;
        if clients.len() >= CLIENTS {
            let oldest = clients.iter().min_by_key(|(_, (_, used))| *used).map(|(policy, _)| policy.clone());
            oldest.map(|policy| clients.remove(&policy));
        }
        clients.insert(policy.clone(), (client.clone(), clock));
        Ok(client)
    }

    /// One download at a time for a URL and credentials; whoever asks meanwhile gets the same answer.
    async fn download(&self, policy: &Policy, request: Get) -> Download {
        let key = (request.url.clone(), policy.clone());
        let client = self.client(policy)?;
        self.inner.downloads.join(key, get(client, request).boxed()).await
    }
}

impl HttpRepository {
    /// The index as it is served.
    pub(crate) async fn index(&self) -> Download {
        let url = below(&self.url, "index.yaml");
        let too_large = format!("index exceeds the maximum index file size of {} bytes", self.limits.index);
        let get = Get { url, max_body: self.limits.index, authenticate: true, too_large };
        self.http.download(&self.policy, get).await
    }

    /// The archive at a reference of the index.
    pub(crate) async fn archive(&self, reference: &str) -> Result<Arc<Vec<u8>>, String> {
        let url = resolve(&self.url, reference)?;
        let too_large = format!("size of chart '{reference}' exceeds '{}' bytes limit", self.limits.chart);
        let authenticate = self.pass_credentials || url.origin() == self.url.origin();
        let get = Get { url, max_body: self.limits.chart, authenticate, too_large };
        let body = self.http.download(&self.policy, get).await?;
        let read = tokio::task::spawn_blocking(move || body.read()).await;
        read.map_err(|error| error.to_string())?.map(Arc::new)
    }
}

struct Get {
    url: Url,
    max_body: u64,
    /// Whether the credentials are meant for this host.
    authenticate: bool,
    /// What is said of a body beyond the limit.
    too_large: String,
}

async fn get(client: Client, get: Get) -> Download {
    let place = net::shown(&get.url);
    let told = |error: RequestError| match error {
        RequestError::TooLarge { .. } => get.too_large.clone(),
        error => error.to_string(),
    };
    let mut request = Request::get(get.url.clone());
    request.authenticate = get.authenticate;
    let mut answer = client.with_max_body(get.max_body).send(request).await.map_err(told)?;
    let status = answer.status();
    if !status.is_success() {
        let name = status.canonical_reason().unwrap_or_default();
        return Err(format!("failed to fetch {place} : {} {name}", status.as_u16()));
    }
    answer.check_length().map_err(told)?;
    spooled(&mut answer, told).await.map(Arc::new)
}

/// Writes as it comes: each piece is small, and goes to the page cache.
async fn spooled(answer: &mut Response, told: impl Fn(RequestError) -> String) -> Result<Body, String> {
    let disk = |error: std::io::Error| error.to_string();
    let mut body = Body { file: tempfile::tempfile().map_err(disk)?, length: 0 };
    while let Some(piece) = answer.chunk().await.map_err(&told)? {
        body.file.write_all(&piece).map_err(disk)?;
        body.length += piece.len();
    }
    Ok(body)
}

/// A file in the folder that a URL names, with or without a slash at its end; the query stays.
fn below(base: &Url, file: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{file}", base.path().trim_end_matches('/')));
    url
}

/// An absolute reference is itself; another is below the repository, whose query it keeps.
fn resolve(base: &Url, reference: &str) -> Result<Url, String> {
    let invalid = |error: url::ParseError| format!("failed to parse {reference} as URL: {error}");
    match Url::parse(reference) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(url) => Err(format!("scheme \"{}\" not supported", url.scheme())),
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            let mut url = below(base, "").join(reference).map_err(invalid)?;
            url.set_query(base.query());
            Ok(url)
        }
        Err(error) => Err(invalid(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use net::{AddressRule, Credentials};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use url::Url;

    use super::{HelmLimits, Http, HttpRepository, below, resolve};

    /// One side of a fake server: a connection whose request has come.
    async fn asked(listener: &TcpListener) -> TcpStream {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream
    }

    fn repository(http: &Http, listener: &TcpListener) -> HttpRepository {
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let limits = HelmLimits { index: 1 << 20, chart: 1 << 20, chart_file: 1 << 20 };
        http.repository(&url, Credentials::default(), false, Duration::from_secs(30), limits)
    }

    #[tokio::test]
    async fn a_download_that_was_left_is_not_joined_later() {
        testkit::install_crypto();
        let (http, listener) = (Http::new(AddressRule::Any), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let repository = repository(&http, &listener);
        let mut left = tokio::select! {
            _ = repository.index() => panic!("nothing was answered"),
            stream = asked(&listener) => stream,
        };
        // The connection may be closed already.
        let _ = left.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nold").await;
        let answer = async {
            let mut stream = asked(&listener).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nnew").await.unwrap();
            stream
        };
        let index = repository.index();
        tokio::pin!(index);
        let index = tokio::select! {
            index = &mut index => index,
            _stream = answer => index.await,
        };
        assert_eq!(index.unwrap().read().unwrap(), b"new");
    }

    #[test]
    fn references_are_below_the_repository_unless_they_are_absolute() {
        let check = |base: &str, reference: &str, expected: &str| {
            assert_eq!(resolve(&Url::parse(base).unwrap(), reference).unwrap().as_str(), expected);
        };
        check("http://h/stable", "app-1.0.0.tgz", "http://h/stable/app-1.0.0.tgz");
        check("http://h/stable/", "charts/app.tgz", "http://h/stable/charts/app.tgz");
        check("http://h/stable?token=x", "app.tgz", "http://h/stable/app.tgz?token=x");
        check("http://h/stable", "https://other/app.tgz", "https://other/app.tgz");
        check("http://h/a/b", "/c.tgz", "http://h/c.tgz");
        assert!(resolve(&Url::parse("http://h/").unwrap(), "file:///etc/passwd").is_err());
        assert_eq!(below(&Url::parse("http://h").unwrap(), "index.yaml").as_str(), "http://h/index.yaml");
    }
}
