//! Hosts as they are named in settings: `host`, `host:port`, or `*.domain` for all hosts of a
//! domain.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

/// One named host, or all hosts of a domain, with or without a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRule {
    /// The host, or the domain that it is in.
    host: String,
    /// Not the host itself but any within it.
    within: bool,
    port: Option<u16>,
}

/// A text that names no host.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "'{0}' is no host; write a name, an address or a domain, with or without a port: api.github.com, 127.0.0.1:8080, *.example.com"
)]
pub struct ParseError(String);

impl HostRule {
    /// Reads a comma-separated list.
    pub fn list(text: &str) -> Result<Vec<HostRule>, ParseError> {
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::parse)
            .collect()
    }

    /// Whether a URL goes to this host: any of its ports, or the one that is named.
    pub fn covers(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        let is_it = if self.within {
            let name = host.strip_suffix(&self.host);
            name.is_some_and(|name| name.len() > 1 && name.ends_with('.'))
        } else {
            host == self.host
        };
        is_it
            && self
                .port
                .is_none_or(|port| url.port_or_known_default() == Some(port))
    }

    /// Whether a secret may go to this URL.
    ///
    /// Without TLS only where the port is named too, or on this machine: else a model that
    /// says `http://` by mistake would send the secret readable through the network.
    pub fn trusts(&self, url: &Url) -> bool {
        self.covers(url) && (url.scheme() == "https" || self.port.is_some() || is_loopback(url))
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

impl FromStr for HostRule {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<HostRule, ParseError> {
        // The URL parser knows what a host is, and brings it in the form that URLs have.
        let error = || ParseError(text.to_owned());
        let (within, text) = match text.strip_prefix("*.") {
            // All of `.com`, or of an address, is no domain of anybody.
            Some(domain) if !domain.contains('.') => return Err(error()),
            Some(domain) => (true, domain),
            None => (false, text),
        };
        if text.contains(['/', '@', '?', '#', '*', '\\']) || text.contains(char::is_whitespace) {
            return Err(error());
        }
        let bracketed = match text.parse::<std::net::Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) => text.to_owned(),
        };
        let url = Url::parse(&format!("http://{bracketed}")).map_err(|_| error())?;
        let is_name = url.domain().is_some();
        let host = url
            .host_str()
            .filter(|host| !host.is_empty() && (is_name || !within));
        let ends_in_port = bracketed
            .rsplit_once(':')
            .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
        Ok(HostRule {
            host: host.ok_or_else(error)?.trim_end_matches('.').to_owned(),
            within,
            port: ends_in_port.then(|| url.port_or_known_default()).flatten(),
        })
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.within { "*." } else { "" })?;
        f.write_str(&self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: &str, url: &str, covers: bool, trusts: bool) {
        let rule: HostRule = rule.parse().unwrap();
        let parsed = Url::parse(url).unwrap();
        assert_eq!(rule.covers(&parsed), covers, "{rule} covers {url}");
        assert_eq!(rule.trusts(&parsed), trusts, "{rule} trusts {url}");
    }

    #[test]
    fn which_urls_a_rule_covers() {
        check("api.github.com", "https://api.github.com/x", true, true);
        check(
            "API.GitHub.com",
            "https://api.github.com:8443/x",
            true,
            true,
        );
        check("api.github.com", "https://API.github.com./x", true, true);
        check("api.github.com", "http://api.github.com/x", true, false);
        check("api.github.com:80", "http://api.github.com/x", true, true);
        check("api.github.com:443", "https://api.github.com/x", true, true);
        check(
            "api.github.com:443",
            "https://api.github.com:444/x",
            false,
            false,
        );
        check(
            "api.github.com",
            "https://evil-api.github.com/x",
            false,
            false,
        );
        check(
            "api.github.com",
            "https://api.github.com.evil.org/x",
            false,
            false,
        );
        check(
            "api.github.com",
            "https://evil.org/api.github.com",
            false,
            false,
        );
        check("127.0.0.1:8080", "http://127.0.0.1:8080/x", true, true);
        check("127.0.0.1:8080", "http://127.0.0.1:8081/x", false, false);
        check("127.0.0.1", "http://127.0.0.1:8081/x", true, true);
        check("localhost", "http://localhost:1/x", true, true);
        check("[::1]:80", "http://[::1]/x", true, true);
        check("::1", "http://[::1]:9/x", true, true);
        check("*.github.com", "https://api.github.com/x", true, true);
        check("*.GitHub.com:443", "https://a.b.github.com/x", true, true);
        check("*.github.com", "http://api.github.com/x", true, false);
        check("*.github.com", "https://github.com/x", false, false);
        check("*.github.com", "https://evilgithub.com/x", false, false);
        check("*.github.com", "https://.github.com/x", false, false);
        check(
            "*.github.com",
            "https://api.github.com.evil.org/",
            false,
            false,
        );
    }

    #[test]
    fn what_is_no_host() {
        for bad in [
            "", "a/b", "http://a", "user@a", "*", "*.a", "*.0.0.1", "a.*.b", "*.*.a", "a b",
            "a:99999", "a:x",
        ] {
            assert!(bad.parse::<HostRule>().is_err(), "{bad}");
        }
        assert_eq!(HostRule::list(" a, b:1 ,").unwrap().len(), 2);
        assert!(HostRule::list("a, b/c").is_err());
    }
}
