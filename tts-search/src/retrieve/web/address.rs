//! Addresses that a page of strangers may be fetched from: those of the open internet, and none of this machine or its
//! networks.
//!
//! A result of a search may name any address, and a page may send elsewhere: to a service of this machine, a router, the
//! metadata of a cloud. So it is the address that a name resolves to that is looked at, each time, by whoever makes the
//! connection: a name that answers otherwise the second time gains nothing. Addresses that carry another one within (of
//! IPv4 in IPv6) are none of the open internet, but for those that are mapped, which are looked at themselves. Who has public
//! addresses in a network of his own cannot be told from others: these are asked.
//!
//! Source: the special-purpose address registries of RFC 6890 as IANA keeps them; OWASP, "Server-Side Request Forgery
//! Prevention"; Azure's documentation of its platform's address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// What every machine of Azure asks its platform at, as others do at 169.254.169.254.
const PLATFORM: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

/// Whether an address is one of the open internet.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_public_v4(mapped),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    // This network, loopback, multicast, reserved and broadcast; behind the translation of a provider; benchmarks;
    // protocols, documentation, and the relays of 6to4.
    let special = matches!(
        (a, b, c),
        (0 | 127 | 224..=255, ..)
            | (100, 64..=127, _)
            | (198, 18 | 19, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !special && address != PLATFORM && !address.is_private() && !address.is_link_local()
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // Global unicast, but for protocols (Teredo among them), documentation, and 6to4.
    let special = matches!((a, b), (0x2001, 0..=0x1ff | 0xdb8) | (0x2002, _) | (0x3fff, 0..=0xfff));
    a & 0xe000 == 0x2000 && !special
}

/// Resolves names, and leaves out what is not of the open internet.
#[derive(Debug, Default)]
pub(crate) struct PublicOnly(DefaultResolver);

impl Resolver for PublicOnly {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.0.resolve(uri, config, timeout)?;
        let mut public = self.empty();
        for address in found.iter().filter(|address: &&SocketAddr| is_public(address.ip())) {
            public.push(*address);
        }
        if public.is_empty() {
            let host = uri.host().unwrap_or_default();
            let why = format!("{host} is an address of this machine or a private network");
            return Err(Error::Other(why.into()));
        }
        Ok(public)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write as _};
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_not_of_the_open_internet_is_told() {
        for (address, public) in [
            ("1.1.1.1", true),
            ("93.184.215.14", true),
            ("100.63.255.255", true),
            ("172.32.0.1", true),
            ("192.0.1.1", true),
            ("2606:4700::1111", true),
            ("2001:4860:4860::8888", true),
            ("::ffff:1.1.1.1", true),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("100.64.0.1", false),
            ("127.0.0.1", false),
            ("127.9.9.9", false),
            ("169.254.169.254", false),
            ("168.63.129.16", false),
            ("::ffff:168.63.129.16", false),
            ("168.63.129.17", true),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.0.8", false),
            ("192.0.2.1", false),
            ("192.168.1.1", false),
            ("198.18.0.1", false),
            ("203.0.113.9", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:169.254.169.254", false),
            ("::127.0.0.1", false),
            ("64:ff9b::7f00:1", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("2002:7f00:1::", false),
            ("fc00::1", false),
            ("fd12::1", false),
            ("fe80::1", false),
            ("ff02::1", false),
        ] {
            let address: IpAddr = address.parse().expect("an address");
            assert_eq!(is_public(address), public, "{address}");
        }
    }

    /// Knows one host, which is let in whatever its address is, and asks for others as pages do.
    #[derive(Debug)]
    struct Known(SocketAddr, PublicOnly);

    impl Resolver for Known {
        fn resolve(
            &self,
            uri: &Uri,
            config: &Config,
            timeout: NextTimeout,
        ) -> Result<ResolvedSocketAddrs, Error> {
            if uri.host() != Some("public.example") {
                return self.1.resolve(uri, config, timeout);
            }
            let mut found = self.empty();
            found.push(self.0);
            Ok(found)
        }
    }

    #[test]
    fn a_page_may_not_send_to_this_machine() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let port = address.port();
        let kept: Arc<Mutex<Vec<String>>> = Arc::default();
        let asked = Arc::clone(&kept);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
                let first = lines.next().and_then(Result::ok).unwrap_or_default();
                while lines.next().and_then(Result::ok).is_some_and(|line| !line.is_empty()) {}
                let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
                asked.lock().expect("kept").push(path.clone());
                // As a path the host that it sends to.
                let to = path.trim_start_matches('/');
                let head = format!("location: http://{to}:{port}/end");
                let _ = write!(
                    stream,
                    "HTTP/1.1 302 Found\r\n{head}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
            }
        });
        let known = Known(address, PublicOnly::default());
        let agent = crate::agent::resolving(Duration::from_secs(5), 1, known);
        for host in
            ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"]
        {
            let error = agent.get(format!("http://public.example:{port}/{host}")).call();
            let error = error.expect_err(host).to_string();
            assert!(error.contains("is an address of this machine"), "{host}: {error}");
        }
        // One that may be asked is.
        let again = agent.get(format!("http://public.example:{port}/public.example")).call();
        assert!(again.expect_err("sent on").to_string().contains("redirect"));
        let asked = kept.lock().expect("kept");
        assert_eq!(asked.iter().filter(|path| *path == "/end").count(), 1, "{asked:?}");
    }
}
