//! Networks: the addresses of one household or machine. They are treated as one wherever a client is
//! identified only by its IP address.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address, or the /64 prefix of an IPv6 address. Providers assign each customer at least a
/// /64, and the customer is free to use any address in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// Returns the network of an address. An IPv4-mapped IPv6 address is treated as IPv4.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let bits = u128::from(address) >> 64 << 64;
                IpAddr::V6(Ipv6Addr::from(bits))
            }
        })
    }

    /// Parses an IP address and returns its network. Returns `None` if the text is not an IP address.
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
