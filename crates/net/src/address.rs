use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;
use url::{Host, Url};

/// Which addresses may be called. It is asked for the resolved address of every connection, so a name that
/// changes its address between check and use (DNS rebinding) gains nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AddressRule {
    /// Every address: what runs inside a cluster calls Services and private Git servers.
    #[default]
    Any,
    /// Every address but link-local ones and the few others where clouds keep their metadata service.
    NoLinkLocal,
    /// Only addresses of the public Internet: no loopback, private, link-local or special range.
    PublicOnly,
}

impl AddressRule {
    /// Whether `address` may be called.
    pub fn allows(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match self {
            Self::Any => true,
            Self::NoLinkLocal => !is_link_local(address),
            Self::PublicOnly => match address {
                IpAddr::V4(v4) => is_public_v4(v4),
                IpAddr::V6(v6) => is_public_v6(v6),
            },
        }
    }

    /// The addresses of a host that may be called; none when all are refused.
    ///
    /// # Errors
    /// What the system's resolver says of a name.
    pub async fn resolve(self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let place = (host.to_owned(), port);
        let found: Vec<SocketAddr> = match host.parse() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => ask(&QUESTIONS, move || place.to_socket_addrs()).await?.collect(),
        };
        Ok(found.into_iter().filter(|address| self.allows(address.ip())).collect())
    }

    /// Judges the host of a URL when it is a literal address; names are judged when they are resolved. The host of a
    /// `socks5` URL is text, also where it is an address.
    pub(crate) fn allows_url(self, url: &Url) -> bool {
        match url.host() {
            Some(Host::Ipv4(v4)) => self.allows(v4.into()),
            Some(Host::Ipv6(v6)) => self.allows(v6.into()),
            Some(Host::Domain(name)) => name.parse().map_or(true, |address| self.allows(address)),
            None => true,
        }
    }
}

/// Metadata services outside of the link-local range: Alibaba Cloud, Oracle Cloud, AWS over IPv6.
const METADATA: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

fn is_link_local(address: IpAddr) -> bool {
    METADATA.contains(&address)
        || match address {
            IpAddr::V4(v4) => v4.is_link_local(),
            IpAddr::V6(v6) => {
                v6.is_unicast_link_local() || translated(v6).is_some_and(|v4| is_link_local(v4.into()))
            }
        }
}

/// The IPv4 address that a translator in the network (RFC 6052, RFC 8215) or the system itself (`::a.b.c.d`) makes of it.
fn translated(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, high, low] = v6.segments();
    let local = [a, b, c] == [0x64, 0xff9b, 1];
    let known = [a, b, c, d, e, f] == [0x64, 0xff9b, 0, 0, 0, 0] || local || [a, b, c, d, e, f] == [0; 6];
    known.then(|| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let protocol = a == 192 && b == 0 && c == 0;
    let benchmark = a == 198 && (18..20).contains(&b);
    let special = v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_documentation();
    !(special || shared || protocol || benchmark || a == 0 || a >= 224)
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    let first = v6.segments()[0];
    // Global unicast is 2000::/3; the documentation block and the two that tunnel IPv4 are left out.
    let global = first & 0xe000 == 0x2000;
    let documentation = first == 0x2001 && v6.segments()[1] == 0x0db8;
    let tunnel = first == 0x2002 || (first == 0x2001 && v6.segments()[1] == 0);
    global && !documentation && !tunnel
}

/// Questions to the system's resolver at once. Each holds a thread until it is answered, also when nobody waits any
/// more, and a process has at least eight threads for all that blocks: DNS that hangs may not take them all.
static QUESTIONS: Semaphore = Semaphore::const_new(4);

/// Asks in a thread of its own, once there is a permit; the thread holds it to the end.
async fn ask<T: Send + 'static>(
    permits: &'static Semaphore,
    question: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let permit = permits.acquire().await.map_err(io::Error::other)?;
    let asked = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        question()
    });
    asked.await.map_err(io::Error::other)?
}

/// The system's resolver, filtered by a rule.
pub(crate) struct FilteredResolver(pub(crate) AddressRule);

impl Resolve for FilteredResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rule = self.0;
        Box::pin(async move {
            let allowed = rule.resolve(name.as_str(), 0).await?;
            if allowed.is_empty() {
                return Err("no allowed address".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: AddressRule, address: &str, expected: bool) {
        assert_eq!(rule.allows(address.parse().unwrap()), expected, "{rule:?} {address}");
    }

    #[test]
    fn a_proxy_is_judged_by_its_address_however_it_is_written() {
        let allows = |url: &str| AddressRule::NoLinkLocal.allows_url(&url.parse().unwrap());
        for url in ["http://169.254.169.254", "socks5://169.254.169.254:80", "socks5://[fd00:ec2::254]:80"] {
            assert!(!allows(url), "{url}");
        }
        for url in ["http://proxy:3128", "socks5://10.0.0.1:1080", "https://[2001:db8::1]"] {
            assert!(allows(url), "{url}");
        }
    }

    #[test]
    fn metadata_addresses_are_refused_by_both_rules() {
        for rule in [AddressRule::NoLinkLocal, AddressRule::PublicOnly] {
            check(rule, "169.254.169.254", false);
            check(rule, "::ffff:169.254.169.254", false);
            check(rule, "fe80::1", false);
            check(rule, "fd00:ec2::254", false);
            check(rule, "100.100.100.200", false);
            check(rule, "192.0.0.192", false);
            check(rule, "64:ff9b::169.254.169.254", false);
            check(rule, "64:ff9b:1::169.254.169.254", false);
            check(rule, "::169.254.169.254", false);
            check(rule, "8.8.8.8", true);
        }
    }

    #[tokio::test]
    async fn names_and_addresses_are_resolved_to_what_is_allowed() {
        let found = AddressRule::NoLinkLocal.resolve("127.0.0.1", 80).await.unwrap();
        assert_eq!(found, ["127.0.0.1:80".parse().unwrap()]);
        assert!(AddressRule::NoLinkLocal.resolve("169.254.169.254", 80).await.unwrap().is_empty());
        assert!(!AddressRule::NoLinkLocal.resolve("localhost", 80).await.unwrap().is_empty());
        assert!(AddressRule::PublicOnly.resolve("localhost", 80).await.unwrap().is_empty());
    }

    #[test]
    fn questions_without_an_answer_do_not_hold_up_other_work() {
        static TWO: Semaphore = Semaphore::const_new(2);
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(3).build().unwrap();
        let (answer, wait) = std::sync::mpsc::channel::<()>();
        let wait = std::sync::Arc::new(std::sync::Mutex::new(wait));
        runtime.block_on(async {
            for _ in 0..6 {
                let wait = wait.clone();
                let asked = tokio::spawn(ask(&TWO, move || Ok(wait.lock().unwrap().recv().is_err())));
                // Whoever asked gives up at once: the question goes on.
                tokio::task::yield_now().await;
                asked.abort();
            }
            assert_eq!(TWO.available_permits(), 0);
            assert_eq!(tokio::task::spawn_blocking(|| 7).await.unwrap(), 7);
        });
        drop(answer);
    }

    #[test]
    fn private_and_special_ranges_are_not_public() {
        for address in
            ["127.0.0.1", "10.1.2.3", "192.168.0.1", "100.64.0.1", "0.0.0.0", "::1", "fc00::1", "2002::1"]
        {
            check(AddressRule::PublicOnly, address, false);
            check(AddressRule::Any, address, true);
        }
        check(AddressRule::PublicOnly, "2606:4700::1111", true);
    }
}
