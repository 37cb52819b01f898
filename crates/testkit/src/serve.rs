//! An HTTP server on a thread of its own, so that it answers whatever the test's runtime is doing.
use std::{net::SocketAddr, sync::Arc, thread::JoinHandle};

use anyhow::{Context, Result};
use axum::{Router, serve::Listener};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig, server::TlsStream};

/// A running server; stopped when dropped.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    /// Serves on this port of 127.0.0.1; 0 is any free one.
    pub(crate) fn start(router: Router, port: u16) -> Result<Served> {
        Served::start_with(router, port, None)
    }

    /// The same over TLS.
    pub(crate) fn start_tls(router: Router, config: ServerConfig) -> Result<Served> {
        Served::start_with(router, 0, Some(TlsAcceptor::from(Arc::new(config))))
    }

    fn start_with(router: Router, port: u16, tls: Option<TlsAcceptor>) -> Result<Served> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", port)).context("binding a test server")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("test-server".into())
            .spawn(move || run(listener, router, tls, stopped))?;
        Ok(Served { address, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(
    listener: std::net::TcpListener,
    router: Router,
    tls: Option<TlsAcceptor>,
    stopped: oneshot::Receiver<()>,
) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        let Ok(plain) = TcpListener::from_std(listener) else { return };
        // Not gracefully: a silent fault would hold the test for ever.
        match tls {
            None => tokio::select! { _ = axum::serve(plain, router).into_future() => {}, _ = stopped => {} },
            Some(acceptor) => {
                let listener = TlsListener { plain, acceptor };
                tokio::select! { _ = axum::serve(listener, router).into_future() => {}, _ = stopped => {} }
            }
        }
    });
    runtime.shutdown_background();
}

/// Connections that fail their handshake are dropped: the client is told by TLS itself.
struct TlsListener {
    plain: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.plain.accept().await else { continue };
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.plain.local_addr()
    }
}
