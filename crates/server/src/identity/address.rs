//! Where a client is: the other end of its connection or, behind a proxy that is trusted to tell,
//! what that proxy's header says.

use std::net::IpAddr;

use anyhow::Context as _;
use axum::http::{HeaderMap, HeaderName};

use super::Settings;

/// The other end of a request's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// The proxies that are trusted to tell where a client is.
pub(super) struct Proxies {
    trusted: Vec<Network>,
    header: HeaderName,
}

impl Proxies {
    pub(super) fn of(settings: &Settings) -> anyhow::Result<Self> {
        let trusted = settings.trusted_proxies.iter();
        let trusted: anyhow::Result<_> = trusted
            .map(|text| Network::parse(text).with_context(|| not_a_network(text)))
            .collect();
        let header = settings.address_header.parse();
        Ok(Self {
            trusted: trusted?,
            header: header.context("auth.address_header is not the name of a header")?,
        })
    }

    /// Where the client is. Each proxy adds the address that it sees at the end of the header, so
    /// the last one that is no trusted proxy's is the client's; what stands before it, the client
    /// may have made up.
    pub(super) fn client(&self, peer: Peer, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.0.to_canonical();
        let lines: Vec<_> = headers
            .get_all(&self.header)
            .iter()
            .map(|line| line.to_str().unwrap_or_default())
            .collect();
        let said = lines.iter().flat_map(|line| line.split(',')).rev();
        for said in said {
            if !self.trusts(client) {
                break;
            }
            let Ok(before) = said.trim().parse::<IpAddr>() else {
                break;
            };
            client = before.to_canonical();
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.has(address))
    }
}

fn not_a_network(text: &str) -> String {
    format!("auth.trusted_proxies: {text:?} is neither an address nor a network such as 10.0.0.0/8")
}

/// Addresses that begin with the same bits.
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

    fn client(trusted: &[&str], peer: &str, said: &[&str]) -> String {
        let settings = Settings {
            trusted_proxies: trusted.iter().map(|&text| text.to_owned()).collect(),
            ..Settings::default()
        };
        let mut headers = HeaderMap::new();
        for line in said {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let proxies = Proxies::of(&settings).unwrap();
        let peer = Peer(peer.parse().unwrap());
        proxies.client(peer, &headers).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_tells_where_a_client_is() {
        let said = ["198.51.100.1, 203.0.113.5", "10.0.0.9"];
        // Nobody is trusted.
        assert_eq!(client(&[], "10.0.0.2", &said), "10.0.0.2");
        // Two proxies; what the client itself says of itself does not count.
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

    #[test]
    fn what_is_no_network_is_named() {
        for text in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "host"] {
            assert!(Network::parse(text).is_none(), "{text}");
        }
    }
}
