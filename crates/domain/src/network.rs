//! A network: the addresses of one household or machine, which count as one wherever somebody is
//! known by an address alone.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address, or the /64 of an IPv6 address: providers give each customer one at least, and
/// its addresses are theirs to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// The network of an address; an IPv4 address that is written as an IPv6 one is the former.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let bits = u128::from(address) >> 64 << 64;
                IpAddr::V6(Ipv6Addr::from(bits))
            }
        })
    }

    /// The network of an address as it is written; none of what is no address.
    pub fn parse(address: &str) -> Option<Self> {
        address.parse().ok().map(Self::of)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(formatter, "{address}"),
            IpAddr::V6(address) => write!(formatter, "{address}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(address: &str) -> String {
        Network::parse(address).unwrap().to_string()
    }

    #[test]
    fn the_addresses_of_one_customer_are_one_network() {
        let one = network("2001:db8:1:2::1");
        assert_eq!(one, "2001:db8:1:2::/64");
        assert_eq!(network("2001:db8:1:2:ffff:ffff:ffff:ffff"), one);
        assert_ne!(network("2001:db8:1:3::1"), one);
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_ne!(network("192.0.2.7"), network("192.0.2.8"));
        assert_eq!(Network::parse(""), None);
    }
}
