//! Who may wait for thumbnails: so many requests at a time, and so many of one client.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use thumbmill_shared::metrics::WAITING;
use thumbmill_shared::settings::HeaderName;

use crate::flight::Refusal;

/// Whoever sends requests: an IPv4 address, or an IPv6 network of 64 bits, of which a client has
/// all addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Client(IpAddr);

impl Client {
    /// Whom a request is from: the last address in `header`, which the nearest proxy added; by
    /// itself, or where there is none, the other end of the connection.
    pub(crate) fn of(peer: SocketAddr, headers: &HeaderMap, header: Option<&HeaderName>) -> Self {
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

/// Requests that wait in this process; clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct WaitingRoom {
    most: u32,
    most_per_client: u32,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    all: u32,
    by_client: HashMap<Client, u32>,
}

impl WaitingRoom {
    /// With room for so many, and so many of each client.
    pub(crate) fn new(most: u32, most_per_client: u32) -> Self {
        Self {
            most,
            most_per_client,
            waiting: Arc::default(),
        }
    }

    /// A place to wait, unless there is none. A client that has all it may have is told so first:
    /// the others are why there are places.
    pub(crate) fn enter(&self, client: Client) -> Result<Place, Refusal> {
        let mut waiting = self.waiting();
        let of_client = waiting.by_client.get(&client).copied().unwrap_or(0);
        if of_client >= self.most_per_client {
            return Err(Refusal::Client);
        }
        if waiting.all >= self.most {
            return Err(Refusal::Crowded);
        }
        waiting.all += 1;
        waiting.by_client.insert(client, of_client + 1);
        metrics::gauge!(WAITING).set(waiting.all);
        Ok(Place {
            room: self.clone(),
            client,
        })
    }

    fn leave(&self, client: Client) {
        let mut waiting = self.waiting();
        waiting.all -= 1;
        metrics::gauge!(WAITING).set(waiting.all);
        match waiting.by_client.get_mut(&client) {
            Some(more) if *more > 1 => *more -= 1,
            Some(_) | None => {
                waiting.by_client.remove(&client);
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while the lock is held.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request's place, until dropped.
#[derive(Debug)]
pub(crate) struct Place {
    room: WaitingRoom,
    client: Client,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.leave(self.client);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(address: &str) -> Client {
        Client::from(address.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn the_last_address_in_the_header_names_the_client() {
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

    #[test]
    fn there_is_room_for_so_many_and_so_many_of_one_client() {
        let room = WaitingRoom::new(3, 2);
        let (one, two) = (client("192.0.2.1"), client("192.0.2.2"));
        let first = room.enter(one).unwrap();
        let _second = room.enter(one).unwrap();
        assert_eq!(room.enter(one).unwrap_err(), Refusal::Client);
        let third = room.enter(two).unwrap();
        assert_eq!(room.enter(two).unwrap_err(), Refusal::Crowded);
        assert_eq!(room.enter(one).unwrap_err(), Refusal::Client);
        drop((first, third));
        assert_eq!(room.waiting().by_client.len(), 1);
        room.enter(one).unwrap();
    }
}
