//! So many at a time, and so many of one client: of connections, and of requests that wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::client::Client;

/// Places that clients take; clones are the same places.
#[derive(Clone, Debug)]
pub struct Places {
    most: u32,
    most_per_client: Option<u32>,
    gauge: &'static str,
    taken: Arc<Mutex<Taken>>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// All places are taken.
    All,
    /// This client has all that it may have.
    Client,
}

#[derive(Debug, Default)]
struct Taken {
    all: u32,
    by_client: HashMap<Client, u32>,
}

impl Places {
    /// So many places, and so many for each client. The metric `gauge` says how many are taken.
    pub fn new(most: u32, most_per_client: Option<u32>, gauge: &'static str) -> Self {
        metrics::gauge!(gauge).set(0);
        Self {
            most,
            most_per_client,
            gauge,
            taken: Arc::default(),
        }
    }

    /// Takes a place. A client that has all it may have is told so first: it may be the reason
    /// that there is none left.
    pub fn enter(&self, client: Client) -> Result<Place, Full> {
        let mut taken = self.taken();
        let of_client = taken.by_client.get(&client).copied().unwrap_or(0);
        if self.most_per_client.is_some_and(|most| of_client >= most) {
            return Err(Full::Client);
        }
        if taken.all >= self.most {
            return Err(Full::All);
        }
        taken.all += 1;
        taken.by_client.insert(client, of_client + 1);
        metrics::gauge!(self.gauge).set(taken.all);
        Ok(Place {
            places: self.clone(),
            client,
        })
    }

    fn leave(&self, client: Client) {
        let mut taken = self.taken();
        taken.all -= 1;
        metrics::gauge!(self.gauge).set(taken.all);
        match taken.by_client.get_mut(&client) {
            Some(more) if *more > 1 => *more -= 1,
            Some(_) | None => {
                taken.by_client.remove(&client);
            }
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Nothing panics while the lock is held.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client's place, until dropped.
#[derive(Debug)]
pub struct Place {
    places: Places,
    client: Client,
}

impl Place {
    /// Whose it is.
    pub fn client(&self) -> Client {
        self.client
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.leave(self.client);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn client(address: &str) -> Client {
        Client::from(address.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn there_is_room_for_so_many_and_so_many_of_one_client() {
        let places = Places::new(3, Some(2), "test");
        let (one, two) = (client("192.0.2.1"), client("192.0.2.2"));
        let first = places.enter(one).unwrap();
        let _second = places.enter(one).unwrap();
        assert_eq!(places.enter(one).unwrap_err(), Full::Client);
        let third = places.enter(two).unwrap();
        assert_eq!(places.enter(two).unwrap_err(), Full::All);
        assert_eq!(places.enter(one).unwrap_err(), Full::Client);
        drop((first, third));
        assert_eq!(places.taken().by_client.len(), 1);
        places.enter(one).unwrap();
    }

    #[test]
    fn without_a_limit_a_client_may_have_all_places() {
        let places = Places::new(2, None, "test");
        let one = client("192.0.2.1");
        let _all = [places.enter(one).unwrap(), places.enter(one).unwrap()];
        assert_eq!(places.enter(one).unwrap_err(), Full::All);
    }
}
