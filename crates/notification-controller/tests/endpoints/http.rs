//! Requests as they are, byte for byte: bodies with GET, escaped paths, lengths beyond the limit.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u64,
    /// By name in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// Sends a request to `http://host:port`.
pub(crate) async fn send(
    base: &str,
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> Result<Answer> {
    let host = base.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = connect(host).await?;
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{lines}Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    // A body that is too long may be refused before it is sent.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    // And the connection then broken.
    let _ = stream.read_to_end(&mut answer).await;
    parse(&String::from_utf8_lossy(&answer)).context("no answer")
}

/// A port that nobody opened while one case waited is not waited for by the next 248.
static NOBODY: AtomicBool = AtomicBool::new(false);

/// The port is open once the watches are complete.
async fn connect(host: &str) -> Result<TcpStream> {
    let patience =
        if NOBODY.load(Relaxed) { Duration::ZERO } else { testkit::patience(Duration::from_secs(10)) };
    let end = tokio::time::Instant::now() + patience;
    loop {
        match TcpStream::connect(host).await {
            Ok(stream) => return Ok(stream),
            Err(error) if tokio::time::Instant::now() > end => {
                NOBODY.store(true, Relaxed);
                return Err(error).context("nobody listens");
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
    Some(Answer { status, headers, body: body.to_owned() })
}
