//! Whose miss goes to the queue next. Jobs cannot be taken back from the queue, so no more of them
//! go there than its workers keep up with; the rest wait here, where each client has its turn and
//! what nobody waits for any more is dropped.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use thumbmill_http::Client;
use tokio::sync::oneshot;

mod window;

use window::Window;

/// Turns of one process; clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns {
    state: Arc<Mutex<State>>,
}

/// One who waits for a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ticket(u64);

#[derive(Debug, Default)]
struct State {
    window: Window,
    /// Turns that were given and have not ended.
    running: u32,
    next: u64,
    waiting: HashMap<Ticket, Waiting>,
    /// The tickets of each client, the oldest first.
    of_client: HashMap<Client, VecDeque<Ticket>>,
    /// Clients that have tickets, in the order of their turns.
    order: VecDeque<Client>,
}

#[derive(Debug)]
struct Waiting {
    /// A miss that several wait for has a turn with whoever's comes first.
    clients: Vec<Client>,
    told: oneshot::Sender<()>,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The job was done, after so much that was not its render.
    Done(Duration),
    /// Nothing was put on the queue, or nothing can be said of how long it took.
    Unknown,
    /// Nobody did the job in time.
    Late,
}

impl Turns {
    /// Asks for a turn in the name of `client`.
    pub(crate) fn ask(&self, client: Client) -> Wait {
        let (told, turn) = oneshot::channel();
        let mut state = self.state();
        let ticket = Ticket(state.next);
        state.next += 1;
        let waiting = Waiting {
            clients: Vec::new(),
            told,
        };
        state.waiting.insert(ticket, waiting);
        state.line_up(ticket, client);
        state.give();
        drop(state);
        Wait {
            turns: self.clone(),
            ticket,
            turn,
        }
    }

    /// Asks for the same turn in the name of another client.
    pub(crate) fn join(&self, ticket: Ticket, client: Client) {
        let mut state = self.state();
        state.line_up(ticket, client);
        state.give();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn line_up(&mut self, ticket: Ticket, client: Client) {
        let Some(waiting) = self.waiting.get_mut(&ticket) else {
            // It has had its turn.
            return;
        };
        if waiting.clients.contains(&client) {
            return;
        }
        waiting.clients.push(client);
        let tickets = self.of_client.entry(client).or_default();
        if tickets.is_empty() {
            self.order.push_back(client);
        }
        tickets.push_back(ticket);
    }

    /// Gives turns while there are any to give.
    fn give(&mut self) {
        while self.running < self.window.size() {
            let Some(client) = self.order.pop_front() else {
                return;
            };
            let tickets = self.of_client.get_mut(&client);
            let ticket = tickets.and_then(VecDeque::pop_front);
            self.settle(client);
            let Some(waiting) = ticket.and_then(|ticket| self.remove(ticket)) else {
                continue;
            };
            if waiting.told.send(()).is_ok() {
                self.running += 1;
            }
        }
    }

    /// Puts a client whose first ticket was taken behind the others, if it has more.
    fn settle(&mut self, client: Client) {
        match self.of_client.get(&client) {
            Some(tickets) if !tickets.is_empty() => self.order.push_back(client),
            _ => {
                self.of_client.remove(&client);
            }
        }
    }

    /// Takes a ticket out of all lines.
    fn remove(&mut self, ticket: Ticket) -> Option<Waiting> {
        let waiting = self.waiting.remove(&ticket)?;
        for client in &waiting.clients {
            let Some(tickets) = self.of_client.get_mut(client) else {
                continue;
            };
            let before = tickets.len();
            tickets.retain(|other| *other != ticket);
            if before > 0 && tickets.is_empty() {
                self.of_client.remove(client);
                self.order.retain(|other| other != client);
            }
        }
        Some(waiting)
    }
}

/// A turn that is waited for; who drops it gives it up.
#[derive(Debug)]
pub(crate) struct Wait {
    turns: Turns,
    ticket: Ticket,
    turn: oneshot::Receiver<()>,
}

impl Wait {
    /// For others to join.
    pub(crate) fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Waits for the turn. May be asked again after it was interrupted.
    pub(crate) async fn come(&mut self) -> Turn {
        // The other end is dropped by nobody but this.
        let _ = (&mut self.turn).await;
        Turn {
            turns: self.turns.clone(),
            begun: Instant::now(),
            ended: Ended::Unknown,
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut state = self.turns.state();
        let waited = state.remove(self.ticket).is_some();
        // Given just now, and taken by nobody.
        if !waited && self.turn.try_recv().is_ok() {
            state.running -= 1;
            state.give();
        }
    }
}

/// A turn, until dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Turns,
    begun: Instant,
    ended: Ended,
}

impl Turn {
    /// The job is done; `render` of the time since the turn began was its render.
    pub(crate) fn done(&mut self, render: Duration) {
        self.ended = Ended::Done(self.begun.elapsed().saturating_sub(render));
    }

    /// Nobody did the job in time.
    pub(crate) fn late(&mut self) {
        self.ended = Ended::Late;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.turns.state();
        let full = state.running >= state.window.size();
        state.window.note(self.ended, full);
        state.running -= 1;
        state.give();
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn client(n: u8) -> Client {
        Client::from(IpAddr::from([192, 0, 2, n]))
    }

    /// Is it this one's turn?
    fn came(wait: &mut Wait) -> Option<Turn> {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::pin!(wait.come()).poll(&mut cx) {
            std::task::Poll::Ready(turn) => Some(turn),
            std::task::Poll::Pending => None,
        }
    }

    /// Turns with all of them taken.
    fn busy() -> (Turns, Vec<Turn>) {
        let turns = Turns::default();
        let size = turns.state().window.size();
        let taken = (0..size).map(|_| came(&mut turns.ask(client(0))).unwrap());
        let taken = taken.collect();
        (turns, taken)
    }

    #[test]
    fn whoever_floods_has_one_turn_of_two() {
        let (turns, mut taken) = busy();
        let mut flood: Vec<Wait> = (0..100).map(|_| turns.ask(client(1))).collect();
        let mut other: Vec<Wait> = (0..3).map(|_| turns.ask(client(2))).collect();
        let mut given = Vec::new();
        for _ in 0..6 {
            taken.remove(0);
            for (who, waits) in [(1, &mut flood), (2, &mut other)] {
                if let Some(at) = waits
                    .iter_mut()
                    .position(|wait| came(wait).map(|turn| taken.push(turn)).is_some())
                {
                    waits.remove(at);
                    given.push(who);
                }
            }
        }
        assert_eq!(given, [1, 2, 1, 2, 1, 2]);
    }

    #[test]
    fn what_is_given_up_takes_no_turn() {
        let (turns, mut taken) = busy();
        let given_up = turns.ask(client(1));
        let mut next = turns.ask(client(1));
        drop(given_up);
        taken.pop();
        let turn = came(&mut next).unwrap();
        // Given, but dropped before it was looked at.
        let unseen = turns.ask(client(2));
        let mut last = turns.ask(client(3));
        drop(turn);
        drop(unseen);
        assert!(came(&mut last).is_some());
        drop((last, taken));
        let state = turns.state();
        assert_eq!((state.running, state.waiting.len()), (0, 0));
        assert!(
            state.of_client.is_empty() && state.order.is_empty(),
            "{state:?}"
        );
    }

    #[test]
    fn a_miss_that_others_join_has_the_first_turn_of_any() {
        let (turns, mut taken) = busy();
        let _flood: Vec<Wait> = (0..10).map(|_| turns.ask(client(1))).collect();
        let mut wanted = turns.ask(client(1));
        turns.join(wanted.ticket(), client(2));
        turns.join(wanted.ticket(), client(2));
        taken.truncate(taken.len() - 2);
        assert!(came(&mut wanted).is_some());
    }
}
