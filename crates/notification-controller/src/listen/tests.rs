//! Real connections: whoever sends slowly.

use super::{MAX_BODY, ROOM, empty, serve};
use axum::http::StatusCode;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Answers calls of `/known` with the length of the body as a status of its own, and refuses others.
async fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let refuse = |target: &str| (target != "/known").then(|| empty(StatusCode::NOT_FOUND));
    let handle = |call: super::Call| async move {
        empty(if call.body.len() == 5 { StatusCode::ACCEPTED } else { StatusCode::OK })
    };
    tokio::spawn(serve(listener, CancellationToken::new(), refuse, handle));
    address
}

async fn begin(address: SocketAddr, path: &str, length: usize, sent: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    // Who is refused meanwhile may have hung up.
    let _ = stream.write_all(&vec![b' '; sent]).await;
    stream
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut text = vec![0; 1024];
    let length = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut text)).await.unwrap().unwrap();
    String::from_utf8_lossy(&text[..length]).into_owned()
}

#[tokio::test]
async fn what_nobody_listens_to_is_not_read() {
    let address = server().await;
    for _ in 0..200 {
        let mut stream = begin(address, "/unknown", MAX_BODY, 0).await;
        let answer = answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("connection: close"), "{answer}");
    }
}

#[tokio::test]
async fn large_bodies_that_never_end_leave_room_for_the_usual_ones() {
    let address = server().await;
    let (mut slow, mut told) = (Vec::new(), None);
    while told.is_none() {
        let mut stream = begin(address, "/known", MAX_BODY, MAX_BODY - 1).await;
        assert!(slow.len() < 2 * ROOM / MAX_BODY, "nobody is refused");
        if slow.len() + 1 >= ROOM / MAX_BODY {
            told = tokio::time::timeout(Duration::from_secs(3), answer(&mut stream)).await.ok();
        }
        slow.push(stream);
    }
    let told = told.unwrap_or_default();
    assert!(told.starts_with("HTTP/1.1 503") && told.contains("retry-after: 1"), "{told}");
    let mut usual = begin(address, "/known", 5, 5).await;
    assert!(answer(&mut usual).await.starts_with("HTTP/1.1 202"));
    drop(slow);
    let mut again = begin(address, "/known", MAX_BODY, MAX_BODY).await;
    assert!(answer(&mut again).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_body_that_is_too_long_is_told() {
    let mut stream = begin(server().await, "/known", MAX_BODY + 1, MAX_BODY + 1).await;
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 413"));
}
