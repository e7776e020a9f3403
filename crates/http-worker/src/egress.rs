//! Which addresses the worker may connect to.
//!
//! A model names URLs, and variables may end up in them, so a call could be aimed at what only
//! this machine can reach. Addresses that are not public are refused unless their host or their
//! network is named in the settings. The check is on the very address that is dialled (the client
//! resolves through [`Guard`]), so a name that answers differently the second time gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

pub use ipnet::IpNet;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::host::HostRule;

/// An address that is not dialled.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{host} is at {address}, which is not a public address; allow it with --allow-host {host}, or its network with --allow-network, if it should be called"
)]
pub struct Refused {
    /// The host of the URL.
    pub host: String,
    /// Where it is.
    pub address: IpAddr,
}

/// What may be called although it is not public; by default nothing.
#[derive(Clone, Debug, Default)]
pub struct Egress {
    hosts: Vec<HostRule>,
    networks: Arc<[IpNet]>,
}

impl Egress {
    /// Allows these hosts, wherever they are, and these networks, whatever their hosts' names.
    pub fn new(hosts: Vec<HostRule>, networks: Vec<IpNet>) -> Egress {
        Egress {
            hosts,
            networks: networks.into(),
        }
    }

    /// Whether a URL's host is named, so that its address is not looked at.
    pub(crate) fn names(&self, url: &Url) -> bool {
        self.hosts.iter().any(|host| host.covers(url))
    }

    /// Refuses a URL whose host is an address that is not public; names are left to [`Guard`].
    pub(crate) fn check_literal(&self, url: &Url) -> Result<(), Refused> {
        let host = url.host_str().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        match literal.parse::<IpAddr>() {
            Ok(address) if !self.guard().allows(address) => Err(Refused {
                host: host.to_owned(),
                address,
            }),
            _ => Ok(()),
        }
    }

    /// The resolver for hosts that are not named.
    pub(crate) fn guard(&self) -> Guard {
        Guard {
            networks: self.networks.clone(),
        }
    }
}

/// Resolves names, and refuses those that lead to any address that is not public, unless its
/// network is allowed.
#[derive(Debug)]
pub(crate) struct Guard {
    networks: Arc<[IpNet]>,
}

impl Guard {
    fn allows(&self, address: IpAddr) -> bool {
        // An IPv4 address written as an IPv6 one leads to the same place.
        let address = address.to_canonical();
        let within = |network: &IpNet| network.contains(&address);
        is_public(address) || self.networks.iter().any(within)
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Guard {
            networks: self.networks.clone(),
        };
        Box::pin(async move {
            let host = name.as_str().to_owned();
            // The port is put in later, by the client.
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            if let Some(private) = found.iter().find(|found| !guard.allows(found.ip())) {
                return Err(Box::new(Refused {
                    host,
                    address: private.ip(),
                })
                    as Box<dyn std::error::Error + Send + Sync>);
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Whether an address belongs to the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        // Shared by a carrier's customers; protocol assignments; benchmarks.
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // Mapped, translated and 6to4 addresses lead to the IPv4 address within them.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            embedded(high, low)
        }
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo and documentation are within 2000::/3, the range of public addresses.
        [0x2001, 0, ..] | [0x2001, 0x0db8, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_public() {
        for address in [
            "140.82.121.6",
            "1.1.1.1",
            "100.63.0.1",
            "172.32.0.1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.0.1",
            "192.0.2.1",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "::127.0.0.1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn literals_in_every_spelling() {
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://169.254.169.254/latest/meta-data",
        ] {
            assert!(
                Egress::default()
                    .check_literal(&Url::parse(url).unwrap())
                    .is_err(),
                "{url}"
            );
        }
        for url in ["http://1.1.1.1/", "https://api.github.com/"] {
            assert!(
                Egress::default()
                    .check_literal(&Url::parse(url).unwrap())
                    .is_ok(),
                "{url}"
            );
        }
    }

    #[test]
    fn networks_that_are_allowed() {
        let networks = ["10.1.0.0/16", "fd00::/8"].map(|text| text.parse().unwrap());
        let egress = Egress::new(Vec::new(), networks.into());
        for (url, allowed) in [
            ("http://10.1.2.3/", true),
            ("http://[::ffff:10.1.2.3]/", true),
            ("http://[fd12::1]/", true),
            ("http://10.2.0.1/", false),
            ("http://169.254.169.254/", false),
            ("http://[fe80::1]/", false),
        ] {
            let checked = egress.check_literal(&Url::parse(url).unwrap());
            assert_eq!(checked.is_ok(), allowed, "{url}");
        }
    }

    #[tokio::test]
    async fn names_are_checked_where_they_lead() {
        let resolved = Egress::default()
            .guard()
            .resolve("localhost".parse().unwrap());
        let Err(error) = resolved.await else {
            panic!("localhost was resolved");
        };
        assert!(error.downcast_ref::<Refused>().is_some(), "{error}");

        let networks = ["127.0.0.0/8", "::1/128"].map(|text| text.parse().unwrap());
        let egress = Egress::new(Vec::new(), networks.into());
        let resolved = egress.guard().resolve("localhost".parse().unwrap());
        assert!(resolved.await.is_ok());
    }
}
