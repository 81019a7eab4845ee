//! The IP address of a client: the peer address of the connection or, behind a trusted proxy, the
//! address given in the proxy's header.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use axum::http::{Extensions, HeaderMap, HeaderName, header};
use khabar_service::auth::Settings;

/// The IP address of the peer of a request's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// The header of RFC 7239, which contains more than an address.
const FORWARDED: HeaderName = header::FORWARDED;

/// The header in which most proxies give the client address.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies that are trusted to give the client address.
pub struct TrustedProxies {
    trusted: Vec<Network>,
    header: HeaderName,
    /// Whether a proxy header from an untrusted peer was logged already. The warning is logged once.
    has_warned: AtomicBool,
}

impl TrustedProxies {
    /// Reads the proxies from the settings. Returns an error if one is neither an address nor a network.
    pub fn of(settings: &Settings) -> anyhow::Result<Self> {
        let trusted = settings.trusted_proxies.iter();
        let trusted: anyhow::Result<_> = trusted
            .map(|text| Network::parse(text).with_context(|| not_a_network(text)))
            .collect();
        let header = settings.address_header.parse();
        Ok(Self {
            trusted: trusted?,
            header: header.context("auth.address_header is not the name of a header")?,
            has_warned: AtomicBool::new(false),
        })
    }

    /// Returns the IP address of the client of a request, or `None` if the request did not arrive over a
    /// connection.
    pub(crate) fn client_of(&self, headers: &HeaderMap, extensions: &Extensions) -> Option<IpAddr> {
        let peer = extensions.get::<Peer>().copied();
        peer.map(|peer| self.client(peer, headers))
    }

    /// Returns the client address. Each proxy appends the address that it sees to the header, so the
    /// last address that does not belong to a trusted proxy is that of the client. Anything before it
    /// may have been forged by the client.
    fn client(&self, peer: Peer, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.0.to_canonical();
        if !self.trusts(client) {
            self.warn(client, headers);
            return client;
        }
        let header = self.header_to_read(headers);
        let hops = headers.get_all(header).iter();
        let hops: Vec<_> = hops
            .flat_map(|line| elements(line.to_str().unwrap_or_default()))
            .collect();
        for hop in hops.into_iter().rev() {
            if !self.trusts(client) {
                break;
            }
            let address = if *header == FORWARDED {
                forwarded_for(hop).and_then(|node| address(&node))
            } else {
                address(hop.trim())
            };
            let Some(before) = address else { break };
            client = before.to_canonical();
        }
        client
    }

    /// Returns the name of the header to read. If the setting is `X-Forwarded-For`, the default, and the
    /// proxy does not send it, `Forwarded` is read instead.
    fn header_to_read(&self, headers: &HeaderMap) -> &HeaderName {
        let is_usual = self.header == X_FORWARDED_FOR && !headers.contains_key(&self.header);
        if is_usual { &FORWARDED } else { &self.header }
    }

    /// Logs a warning about a proxy header from an untrusted peer. Behind an untrusted proxy, all readers
    /// have the same address and share one comment pace and one rate limit, which the operator should
    /// know.
    fn warn(&self, peer: IpAddr, headers: &HeaderMap) {
        let names = [&self.header, &X_FORWARDED_FOR, &FORWARDED];
        let Some(header) = names.into_iter().find(|name| headers.contains_key(*name)) else {
            return;
        };
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                %peer,
                %header,
                hint = "if this is a proxy of yours, add it to auth.trusted_proxies; until then, all its \
                        clients count as one address for rate limits",
                "untrusted_proxy"
            );
        }
    }

    /// Whether an address belongs to a trusted proxy.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.has(address))
    }
}

/// Splits a header list (RFC 9110 §5.6.1) at commas outside quotes.
fn elements(line: &str) -> Vec<&str> {
    parts(line, ',')
}

/// Splits a text at this separator, except inside quoted strings (RFC 9110 §5.6.4).
fn parts(text: &str, between: char) -> Vec<&str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = text.split(move |character| {
        let ends = !is_quoted && character == between;
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => {}
        }
        ends
    });
    parts.collect()
}

/// Returns the node in the `for` parameter of a `Forwarded` element such as
/// `for="[2001:db8::1]:4711";proto=https`.
fn forwarded_for(element: &str) -> Option<String> {
    let pairs = parts(element, ';').into_iter();
    let mut nodes = pairs.filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value)
    });
    let node = nodes.next()?.trim();
    let unquoted = node
        .strip_prefix('"')
        .and_then(|node| node.strip_suffix('"'));
    Some(unquoted.unwrap_or(node).replace('\\', ""))
}

/// Parses the address of a node, with or without a port: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`,
/// `[2001:db8::1]`, `[2001:db8::1]:4711`. Returns `None` for an obfuscated node (`unknown`, `_gateway`).
fn address(node: &str) -> Option<IpAddr> {
    if let Ok(address) = node.parse() {
        return Some(address);
    }
    if let Ok(socket) = node.parse::<SocketAddr>() {
        return Some(socket.ip());
    }
    // Ports may be obfuscated as well.
    let (host, port) = match node.strip_prefix('[') {
        Some(rest) => match rest.split_once(']')? {
            (host, "") => (host, None),
            (host, rest) => (host, Some(rest.strip_prefix(':')?)),
        },
        None => node
            .split_once(':')
            .map(|(host, port)| (host, Some(port)))?,
    };
    let is_port = port.is_none_or(|port| {
        let hidden = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        port.starts_with('_') && port.bytes().all(hidden)
    });
    host.parse().ok().filter(|_| is_port)
}

fn not_a_network(text: &str) -> String {
    format!("auth.trusted_proxies: {text:?} is neither an address nor a network such as 10.0.0.0/8")
}

/// A range of addresses with a common prefix (CIDR).
struct Network {
    address: u128,
    is_v4: bool,
    free: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let (address, is_v4) = number(address.parse().ok()?);
        let whole = if is_v4 { 32 } else { 128 };
        let free = whole
            - length
                .filter(|length| *length <= whole)
                .or(length.is_none().then_some(whole))?;
        Some(Self {
            address,
            is_v4,
            free,
        })
    }

    fn has(&self, address: IpAddr) -> bool {
        let (address, is_v4) = number(address);
        let begin = |address: u128| address.checked_shr(self.free).unwrap_or(0);
        is_v4 == self.is_v4 && begin(address) == begin(self.address)
    }
}

fn number(address: IpAddr) -> (u128, bool) {
    match address.to_canonical() {
        IpAddr::V4(address) => (u32::from(address).into(), true),
        IpAddr::V6(address) => (address.into(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_by(header: &'static str, trusted: &[&str], said: &[&str]) -> String {
        resolve(header, trusted, "10.0.0.2", said)
    }

    fn client(trusted: &[&str], peer: &str, said: &[&str]) -> String {
        resolve("x-forwarded-for", trusted, peer, said)
    }

    fn resolve(header: &'static str, trusted: &[&str], peer: &str, said: &[&str]) -> String {
        let settings = Settings {
            trusted_proxies: trusted.iter().map(|&text| text.to_owned()).collect(),
            ..Settings::default()
        };
        let mut headers = HeaderMap::new();
        for line in said {
            headers.append(header, line.parse().unwrap());
        }
        let proxies = TrustedProxies::of(&settings).unwrap();
        let peer = Peer(peer.parse().unwrap());
        proxies.client(peer, &headers).to_string()
    }

    #[test]
    fn forwarded_addresses_are_accepted_only_from_trusted_proxies() {
        let said = ["198.51.100.1, 203.0.113.5", "10.0.0.9"];
        // No proxy is trusted.
        assert_eq!(client(&[], "10.0.0.2", &said), "10.0.0.2");
        // Two proxies. The address claimed by the client itself is ignored.
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.2", &said), "203.0.113.5");
        assert_eq!(client(&["10.0.0.2"], "10.0.0.2", &said), "10.0.0.9");
        assert_eq!(client(&["10.0.0.0/8"], "192.0.2.1", &said), "192.0.2.1");
        assert_eq!(
            client(&["10.0.0.0/8"], "::ffff:10.0.0.2", &["nonsense"]),
            "10.0.0.2"
        );
        assert_eq!(
            client(&["2001:db8::/32"], "2001:db8::7", &["192.0.2.4"]),
            "192.0.2.4"
        );
        assert_eq!(client(&["0.0.0.0/0"], "192.0.2.1", &[]), "192.0.2.1");
        assert_eq!(client(&["::/0"], "192.0.2.1", &["192.0.2.4"]), "192.0.2.1");
    }

    fn node(text: &str) -> Option<String> {
        address(text).map(|address| address.to_string())
    }

    #[test]
    fn an_address_may_include_a_port() {
        for (text, resolve) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("192.0.2.1:4711", Some("192.0.2.1")),
            ("192.0.2.1:_secret", Some("192.0.2.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("[2001:db8::1]:4711", Some("2001:db8::1")),
            ("[2001:db8::1]:_x", Some("2001:db8::1")),
            ("192.0.2.1:x", None),
            ("192.0.2.1:", None),
            ("[2001:db8::1", None),
            ("[2001:db8::1]4711:", None),
            ("unknown", None),
            ("_gateway", None),
            ("", None),
        ] {
            assert_eq!(node(text).as_deref(), resolve, "{text}");
        }
    }

    #[test]
    fn every_forwarding_header_is_supported() {
        let resolve = |said: &[&str]| client(&["10.0.0.0/8"], "10.0.0.2", said);
        assert_eq!(
            resolve(&["198.51.100.1:99, 203.0.113.5:1234"]),
            "203.0.113.5"
        );
        assert_eq!(resolve(&["[2001:db8::5]:1234"]), "2001:db8::5");
        let forwarded = |lines: &[&'static str]| client_by("forwarded", &["10.0.0.0/8"], lines);
        for (lines, resolve) in [
            (
                &["for=192.0.2.60;proto=http;by=203.0.113.43"][..],
                "192.0.2.60",
            ),
            (&["For=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17"),
            (
                &["for=198.51.100.1, for=203.0.113.5; host=\"a,b\""],
                "203.0.113.5",
            ),
            (
                &["for=198.51.100.1", "for=203.0.113.5, for=10.0.0.9"],
                "203.0.113.5",
            ),
            (&["proto=https;FOR=\"192.0.2.7:80\""], "192.0.2.7"),
            // For an obfuscated node, the result is the last address known.
            (&["for=198.51.100.1, for=unknown"], "10.0.0.2"),
            (&["for=198.51.100.1, for=_mdn"], "10.0.0.2"),
            (&["proto=https"], "10.0.0.2"),
            (&["for=\"x, for=198.51.100.1"], "10.0.0.2"),
        ] {
            assert_eq!(forwarded(lines), resolve, "{lines:?}");
        }
        assert_eq!(client_by("forwarded", &[], &["for=192.0.2.60"]), "10.0.0.2");
    }

    #[test]
    fn only_the_configured_forwarding_header_is_read() {
        let mut headers = HeaderMap::new();
        headers.append("forwarded", "for=198.51.100.1".parse().unwrap());
        headers.append("x-forwarded-for", "203.0.113.5".parse().unwrap());
        let peer = Peer("10.0.0.2".parse().unwrap());
        for (header, resolve) in [
            ("x-forwarded-for", "203.0.113.5"),
            ("forwarded", "198.51.100.1"),
            ("x-real-ip", "10.0.0.2"),
        ] {
            let settings = Settings {
                trusted_proxies: vec!["10.0.0.0/8".to_owned()],
                address_header: header.to_owned(),
                ..Settings::default()
            };
            let proxies = TrustedProxies::of(&settings).unwrap();
            assert_eq!(
                proxies.client(peer, &headers).to_string(),
                resolve,
                "{header}"
            );
        }
    }

    #[test]
    fn invalid_networks_are_named() {
        for text in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "host"] {
            assert!(Network::parse(text).is_none(), "{text}");
        }
    }
}
