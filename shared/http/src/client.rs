//! Who sends a request, as far as limits tell clients apart.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use thumbmill_shared::settings::HeaderName;

/// Whoever sends requests: an IPv4 address, or an IPv6 network of 64 bits, of which a client has
/// all addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client(IpAddr);

impl Client {
    /// Whom a request is from: the last address in `header`, which the nearest proxy added; by
    /// itself, or where there is none, the other end of the connection.
    pub fn of(peer: SocketAddr, headers: &HeaderMap, header: Option<&HeaderName>) -> Self {
        let named = header.and_then(|name| headers.get_all(name.as_str()).iter().next_back());
        let last = named.and_then(|value| value.to_str().ok()?.rsplit(',').next());
        Self::from(last.and_then(address).unwrap_or(peer.ip()))
    }
}

/// Some proxies add a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let with_port = || Some(text.parse::<SocketAddr>().ok()?.ip());
    text.parse().ok().or_else(with_port)
}

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = u128::from(address) >> 64 << 64;
                IpAddr::V6(network.into())
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_last_address_in_the_header_names_the_client() {
        let client = |address: &str| Client::from(address.parse::<IpAddr>().unwrap());
        let peer = "10.0.0.1:50000".parse().unwrap();
        let forwarded: HeaderName = "x-forwarded-for".parse().unwrap();
        for (values, expected) in [
            (vec![], "10.0.0.1"),
            (vec!["192.0.2.7"], "192.0.2.7"),
            // Whatever a client writes there itself comes before what the proxy adds.
            (vec!["198.51.100.1, 192.0.2.7"], "192.0.2.7"),
            (vec!["198.51.100.1", "192.0.2.7"], "192.0.2.7"),
            (vec!["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::"),
            (vec!["::ffff:192.0.2.7"], "192.0.2.7"),
            (vec!["192.0.2.7:5000"], "192.0.2.7"),
            (vec!["[2001:db8:1:2::7]:5000"], "2001:db8:1:2::"),
            (vec!["unknown"], "10.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            for value in &values {
                headers.append("x-forwarded-for", HeaderValue::from_static(value));
            }
            let named = Client::of(peer, &headers, Some(&forwarded));
            assert_eq!(named, client(expected), "{values:?}");
            assert_eq!(Client::of(peer, &headers, None), client("10.0.0.1"));
        }
    }
}
