//! Free ports of the loopback interface.
use std::{
    net::{Ipv4Addr, TcpListener},
    sync::atomic::{AtomicU16, Ordering},
};

use anyhow::{Result, bail};

/// Below the range from which the system takes the ports of outgoing connections (32768 and up on Linux): one of
/// those could be taken by any connection between the look and the use.
const RANGE: std::ops::Range<u16> = 11_000..32_000;

/// `N` different ports of 127.0.0.1 on which nothing listens now, and which this process has not given out lately.
///
/// # Errors
/// When no port of the range is free.
pub fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    for port in &mut ports {
        *port = free_port()?;
    }
    Ok(ports)
}

fn free_port() -> Result<u16> {
    for _ in RANGE {
        let port = next();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port from {} to {} is free", RANGE.start, RANGE.end - 1)
}

/// Each process walks the range from a place of its own, so that two seldom look at the same port.
fn next() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let width = RANGE.end - RANGE.start;
    let start = (u64::from(std::process::id()) * 7919 % u64::from(width)) as u16;
    RANGE.start + (start + NEXT.fetch_add(1, Ordering::Relaxed) % width) % width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_different_and_never_given_out_twice_in_a_row() {
        let first: [u16; 50] = free_ports().unwrap();
        let second: [u16; 50] = free_ports().unwrap();
        assert!(first.iter().all(|port| RANGE.contains(port) && !second.contains(port)));
    }
}
