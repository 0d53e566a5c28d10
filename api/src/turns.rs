//! Whose miss goes to the queue next. Jobs cannot be taken back from the queue, so no more of them
//! go there than its workers keep up with; the rest wait here, where each client has its turn and
//! what nobody waits for any more is dropped.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use thumbmill_http::Client;
use thumbmill_shared::job::Priority;
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
    /// Interactive turns that were given and have not ended.
    running: u32,
    next: u64,
    waiting: HashMap<Ticket, Waiting>,
    /// The tickets of each client, the oldest first.
    of_client: HashMap<Client, VecDeque<Ticket>>,
    /// Clients that have tickets, in the order of their turns.
    order: VecDeque<Client>,
    /// Who has asked lately, and how many turns each has.
    active: HashMap<Client, Active>,
}

#[derive(Clone, Copy, Debug)]
struct Active {
    asked: Instant,
    running: u32,
    /// It may have so many: one more for each that was done, so that whoever asks for what takes
    /// long does not take all workers before anybody knows.
    most: u32,
    /// It did not wait for the last of its jobs: its next ones have the priority of bulk, until it
    /// waits for one to its end.
    walks_away: bool,
}

/// So many turns a client may have at first.
const FIRST_TURNS: u32 = 2;

/// How long a client that asks for nothing more keeps its share of the turns.
const ACTIVE_FOR: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Waiting {
    /// A miss that several wait for has a turn with whoever's comes first.
    clients: Vec<Client>,
    told: oneshot::Sender<Given>,
}

/// Whose turn it is, and which priority its job has.
#[derive(Clone, Copy, Debug)]
struct Given {
    client: Client,
    priority: Priority,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The job was done.
    Done {
        /// What it took besides its render.
        beside: Duration,
        /// Whether anybody still waited for it.
        awaited: bool,
    },
    /// Nothing was put on the queue, or nothing can be said of how long it took.
    Unknown,
    /// Nobody did the job in time.
    Late,
}

impl Turns {
    /// Asks for a turn in the name of `client`.
    pub(crate) fn ask(&self, client: Client) -> Wait {
        let (told, turn) = oneshot::channel::<Given>();
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

    /// Asks for the same turn in the name of another client. False: it was given already.
    pub(crate) fn join(&self, ticket: Ticket, client: Client) -> bool {
        let mut state = self.state();
        let waits = state.waiting.contains_key(&ticket);
        state.line_up(ticket, client);
        state.give();
        waits
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
        let asked = Instant::now();
        let active = self.active.entry(client).or_insert(Active {
            asked,
            running: 0,
            most: FIRST_TURNS,
            walks_away: false,
        });
        active.asked = asked;
        let tickets = self.of_client.entry(client).or_default();
        if tickets.is_empty() {
            self.order.push_back(client);
        }
        tickets.push_back(ticket);
    }

    /// Gives turns while there are any to give.
    fn give(&mut self) {
        let share = self.share();
        // Those that have their share are passed over.
        let mut passed = 0;
        while passed < self.order.len() {
            let Some(client) = self.order.pop_front() else {
                return;
            };
            let Some(priority) = self.next(client, share) else {
                self.order.push_back(client);
                passed += 1;
                continue;
            };
            passed = 0;
            let tickets = self.of_client.get_mut(&client);
            let ticket = tickets.and_then(VecDeque::pop_front);
            self.settle(client);
            let Some(waiting) = ticket.and_then(|ticket| self.remove(ticket)) else {
                continue;
            };
            if waiting.told.send(Given { client, priority }).is_ok() {
                self.running += room(priority);
                if let Some(active) = self.active.get_mut(&client) {
                    active.running += 1;
                }
            }
        }
    }

    /// The priority of this client's next turn, if it may have one now.
    fn next(&self, client: Client, share: u32) -> Option<Priority> {
        let active = self.active.get(&client);
        let (running, most) = active.map_or((0, FIRST_TURNS), |it| (it.running, it.most));
        if active.is_some_and(|active| active.walks_away) {
            return (running < FIRST_TURNS).then_some(Priority::Bulk);
        }
        let may = self.running < self.window.size() && running < share.min(most);
        may.then_some(Priority::Interactive)
    }

    /// How many turns a client may have: the more ask, the fewer.
    fn share(&mut self) -> u32 {
        let now = Instant::now();
        self.active.retain(|_, active| {
            active.running > 0 || now.saturating_duration_since(active.asked) < ACTIVE_FOR
        });
        let clients = u32::try_from(self.active.len()).unwrap_or(u32::MAX);
        (self.window.size() / clients.max(1)).max(1)
    }

    /// A turn of this client has ended.
    fn end(&mut self, Given { client, priority }: Given, ended: Ended) {
        self.running -= room(priority);
        if let Some(active) = self.active.get_mut(&client) {
            active.running = active.running.saturating_sub(1);
            match ended {
                Ended::Done { awaited: true, .. } => {
                    active.most = active.most.saturating_add(1);
                    active.walks_away = false;
                }
                Ended::Done { awaited: false, .. } => {
                    active.most = FIRST_TURNS;
                    active.walks_away = true;
                }
                Ended::Unknown => {}
                Ended::Late => active.most = FIRST_TURNS,
            }
        }
        self.give();
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

/// How much of the window a turn takes. Jobs that give way to others cannot delay them.
fn room(priority: Priority) -> u32 {
    match priority {
        Priority::Interactive => 1,
        Priority::Bulk => 0,
    }
}

/// A turn that is waited for; who drops it gives it up.
#[derive(Debug)]
pub(crate) struct Wait {
    turns: Turns,
    ticket: Ticket,
    turn: oneshot::Receiver<Given>,
}

impl Wait {
    /// For others to join.
    pub(crate) fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Waits for the turn. May be asked again after it was interrupted.
    pub(crate) async fn come(&mut self) -> Turn {
        let Ok(given) = (&mut self.turn).await else {
            // The other end is dropped by nobody but this.
            return std::future::pending().await;
        };
        Turn {
            turns: self.turns.clone(),
            given,
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
        if !waited && let Ok(given) = self.turn.try_recv() {
            state.end(given, Ended::Unknown);
        }
    }
}

/// A turn, until dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Turns,
    given: Given,
    begun: Instant,
    ended: Ended,
}

impl Turn {
    /// The priority of its job.
    pub(crate) fn priority(&self) -> Priority {
        self.given.priority
    }

    /// The job is done; `render` of the time since the turn began was its render. `awaited`: a client
    /// still waits for it.
    pub(crate) fn done(&mut self, render: Duration, awaited: bool) {
        let beside = self.begun.elapsed().saturating_sub(render);
        self.ended = Ended::Done { beside, awaited };
    }

    /// Nobody did the job in time.
    pub(crate) fn late(&mut self) {
        self.ended = Ended::Late;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.turns.state();
        // Shares leave turns over.
        let full = state.running >= state.window.size() || !state.order.is_empty();
        match self.given.priority {
            Priority::Interactive => state.window.note(self.ended, full),
            // It says nothing of the interactive queue.
            Priority::Bulk => {}
        }
        state.end(self.given, self.ended);
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

    /// Turns with all of them taken, each by another client.
    fn busy() -> (Turns, Vec<Turn>) {
        let turns = Turns::default();
        let taken = (0..turns.state().window.size()).map(|n| {
            let client = client(100 + u8::try_from(n).unwrap());
            came(&mut turns.ask(client)).unwrap()
        });
        let taken = taken.collect();
        (turns, taken)
    }

    #[test]
    fn whoever_floods_has_one_turn_of_two() {
        let (turns, mut others) = busy();
        let mut flood: Vec<Wait> = (0..100).map(|_| turns.ask(client(1))).collect();
        let mut other: Vec<Wait> = (0..3).map(|_| turns.ask(client(2))).collect();
        let (mut given, mut running) = (Vec::new(), VecDeque::new());
        for _ in 0..6 {
            // Others end first, and then those that came after them.
            if others.pop().is_none_or(|_| running.len() > 1) {
                running.pop_front();
            }
            for (who, waits) in [(1, &mut flood), (2, &mut other)] {
                let turns: Vec<Turn> = waits.iter_mut().filter_map(came).collect();
                waits.retain(|wait| !wait.turn.is_terminated());
                given.extend(turns.iter().map(|_| who));
                running.extend(turns);
            }
        }
        assert_eq!(given.len(), 6, "{given:?}");
        assert_eq!(
            given.iter().filter(|who| **who == 2).count(),
            3,
            "{given:?}"
        );
    }

    /// Nobody else waits here, but others have asked just now, and will again.
    #[test]
    fn whoever_floods_has_no_more_than_its_share_beside_others() {
        let turns = Turns::default();
        let _others: Vec<Turn> = (0..19)
            .map(|n| came(&mut turns.ask(client(n + 2))).unwrap())
            .collect();
        let mut flood: Vec<Wait> = (0..100).map(|_| turns.ask(client(1))).collect();
        let given: Vec<Turn> = flood.iter_mut().filter_map(came).collect();
        assert_eq!(given.len(), 1);
    }

    /// Some heavy jobs took all workers for as long as they lasted.
    #[test]
    fn a_client_has_more_turns_as_its_jobs_are_done() {
        let turns = Turns::default();
        let mut waits: Vec<Wait> = (0..100).map(|_| turns.ask(client(1))).collect();
        let mut given = Vec::new();
        let mut sizes = Vec::new();
        for _ in 0..6 {
            given.extend(waits.iter_mut().filter_map(came));
            waits.retain(|wait| !wait.turn.is_terminated());
            sizes.push(given.len());
            for mut turn in given.drain(..) {
                turn.done(Duration::ZERO, true);
            }
        }
        assert_eq!(sizes[..4], [2, 4, 8, 16]);
    }

    #[test]
    fn a_client_that_does_not_wait_for_its_jobs_has_the_priority_of_bulk_until_it_does() {
        let turns = Turns::default();
        let mut first = came(&mut turns.ask(client(1))).unwrap();
        assert_eq!(first.priority(), Priority::Interactive);
        let _second = came(&mut turns.ask(client(1))).unwrap();
        first.done(Duration::ZERO, false);
        drop(first);
        let mut third = came(&mut turns.ask(client(1))).unwrap();
        assert_eq!(third.priority(), Priority::Bulk);
        assert!(came(&mut turns.ask(client(1))).is_none());
        assert_eq!(turns.state().running, 1);
        third.done(Duration::ZERO, true);
        drop(third);
        let fourth = came(&mut turns.ask(client(1))).unwrap();
        assert_eq!(fourth.priority(), Priority::Interactive);
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
        assert!(turns.join(wanted.ticket(), client(2)));
        assert!(turns.join(wanted.ticket(), client(2)));
        taken.truncate(taken.len() - 2);
        assert!(came(&mut wanted).is_some());
        assert!(!turns.join(wanted.ticket(), client(3)));
    }
}
