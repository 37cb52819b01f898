//! Free ports of the loopback interface.
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result};

/// `N` different ports of 127.0.0.1 on which nothing listens now.
///
/// Another process may take one before it is used; the system hands out ephemeral ports in such an order that this is
/// rare, and whoever starts a server on one reports the failure.
pub fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut held = Vec::with_capacity(N);
    for _ in 0..N {
        held.push(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port")?);
    }
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&held) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
