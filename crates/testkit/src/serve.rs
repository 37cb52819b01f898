//! An HTTP server on a thread of its own, so that it answers whatever the test's runtime is doing.
use std::{net::SocketAddr, thread::JoinHandle};

use anyhow::{Context, Result};
use axum::Router;
use tokio::sync::oneshot;

/// A running server; stopped when dropped.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    /// Serves on this port of 127.0.0.1; 0 is any free one.
    pub(crate) fn start(router: Router, port: u16) -> Result<Served> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", port)).context("binding a test server")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("test-server".into())
            .spawn(move || run(listener, router, stopped))?;
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

fn run(listener: std::net::TcpListener, router: Router, stopped: oneshot::Receiver<()>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
        let serve = axum::serve(listener, router).into_future();
        // Not gracefully: a silent fault would hold the test for ever.
        tokio::select! { _ = serve => {}, _ = stopped => {} }
    });
    runtime.shutdown_background();
}
