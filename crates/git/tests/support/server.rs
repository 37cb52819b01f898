use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

/// What a test may look at or change.
#[derive(Clone, Default)]
pub struct Rules {
    /// Value of `Authorization` that is asked for.
    pub authorization: Option<String>,
    /// Hides that the client speaks version 2.
    pub old_protocol: bool,
    /// Where the first request is sent on to: scheme, host and port.
    pub redirect: Option<String>,
    /// Answer of every request, instead of git's.
    pub answer: Option<Vec<u8>>,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub line: String,
    pub headers: HashMap<String, String>,
}

/// `git http-backend` behind a small HTTP server; it ends with the process.
pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub fn start(root: &Path) -> Self {
        Self::with(root, Rules::default())
    }

    pub fn with(root: &Path, rules: Rules) -> Self {
        Self::accept(root, rules, |stream| Some(Box::new(stream)))
    }

    /// A server whose accepted connections are wrapped, in TLS for example.
    pub fn accept(
        root: &Path,
        rules: Rules,
        wrap: impl Fn(TcpStream) -> Option<Box<dyn Duplex>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (root, log, wrap) = (root.to_owned(), seen.clone(), Arc::new(wrap));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (root, rules, log, wrap) = (root.clone(), rules.clone(), log.clone(), wrap.clone());
                std::thread::spawn(move || {
                    if let Some(stream) = wrap(stream) {
                        connection(stream, &root, &rules, &log);
                    }
                });
            }
        });
        Self { address, seen }
    }

    pub fn url(&self) -> String {
        format!("http://{}/repo.git", self.address)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

pub trait Duplex: Read + Write {}
impl<T: Read + Write> Duplex for T {}

fn connection(stream: Box<dyn Duplex>, root: &Path, rules: &Rules, log: &Mutex<Vec<Seen>>) {
    let mut stream = BufReader::new(stream);
    while let Some((seen, body)) = request(&mut stream) {
        log.lock().unwrap().push(seen.clone());
        let answer = answer(&seen, &body, root, rules);
        if stream.get_mut().write_all(&answer).and_then(|()| stream.get_mut().flush()).is_err() {
            return;
        }
    }
}

fn request(stream: &mut BufReader<Box<dyn Duplex>>) -> Option<(Seen, Vec<u8>)> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut headers = HashMap::new();
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).ok()?;
        let Some((key, value)) = header.trim_end().split_once(':') else { break };
        headers.insert(key.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((Seen { line: line.trim_end().to_owned(), headers }, body))
}

fn answer(seen: &Seen, body: &[u8], root: &Path, rules: &Rules) -> Vec<u8> {
    let target = seen.line.split(' ').nth(1).unwrap_or("/");
    if let Some(answer) = &rules.answer {
        return answer.clone();
    }
    if let Some(origin) = rules.redirect.as_ref().filter(|_| target.contains("info/refs")) {
        return head(302, &format!("Location: {origin}{target}\r\n"), b"");
    }
    if rules.authorization.is_some() && rules.authorization.as_ref() != seen.headers.get("authorization") {
        return head(401, "WWW-Authenticate: Basic realm=\"x\"\r\n", b"");
    }
    // Through a proxy the target is a whole URL.
    let path = target.strip_prefix("http://").map_or(target, |rest| &rest[rest.find('/').unwrap_or(0)..]);
    backend(seen, path, body, root, rules)
}

fn head(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status} x\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn backend(seen: &Seen, target: &str, body: &[u8], root: &Path, rules: &Rules) -> Vec<u8> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut command = Command::new("git");
    command.arg("http-backend").env("GIT_PROJECT_ROOT", PathBuf::from(root)).env("GIT_HTTP_EXPORT_ALL", "1");
    command.env("PATH_INFO", path).env("QUERY_STRING", query).env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.env("REQUEST_METHOD", seen.line.split(' ').next().unwrap_or("GET"));
    command.env("CONTENT_TYPE", seen.headers.get("content-type").map_or("", String::as_str));
    command.env("CONTENT_LENGTH", body.len().to_string());
    if let Some(version) = seen.headers.get("git-protocol").filter(|_| !rules.old_protocol) {
        command.env("GIT_PROTOCOL", version);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("git is installed");
    child.stdin.take().unwrap().write_all(body).ok();
    let output = child.wait_with_output().unwrap().stdout;
    let end = output.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(0);
    let (headers, content) =
        (String::from_utf8_lossy(&output[..end]), output.get(end + 4..).unwrap_or_default());
    let status = headers.lines().find_map(|line| line.strip_prefix("Status: ")?.get(..3)?.parse().ok());
    let kept: String = headers
        .lines()
        .filter(|line| !line.starts_with("Status:"))
        .map(|line| format!("{line}\r\n"))
        .collect();
    head(status.unwrap_or(200), &kept, content)
}
