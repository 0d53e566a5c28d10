//! The originals of the soak, and what is true of each at a moment: the model that answers are
//! compared with.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{Rng, RngExt};

use crate::colour::{COLOURS, Encoded};
use crate::fleet::Instance;

/// Deleted originals that are still asked for.
const BURIED: usize = 4;

/// What an original is to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It can be rendered.
    Healthy,
    /// It cannot, and this status says so.
    Broken(u16),
}

/// What an original has become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A picture of this colour.
    Colour(usize),
    /// Deleted.
    Gone,
}

/// What is known of a change.
#[derive(Clone, Debug)]
pub enum End {
    /// It may happen, or may have happened: no answer came, or none that says so.
    Doubt,
    /// It has happened, at the latest then, as this api said; with the version of the bytes.
    Confirmed(Instant, Arc<Instance>, String),
    /// It has not happened.
    Refused,
}

#[derive(Clone, Debug)]
struct Change {
    content: Content,
    begun: Instant,
    end: End,
}

/// An original.
#[derive(Debug)]
pub struct Subject {
    /// Its name.
    pub id: String,
    /// What it is to clients.
    pub kind: Kind,
    /// How its versions are stored, and their sides.
    pub look: (Encoded, u32, u32),
    history: Mutex<Vec<Change>>,
}

/// What a picture is that was shown.
#[derive(Clone, Debug)]
pub enum Truth {
    /// A version that was current at some moment of the request, or may have been.
    Current,
    /// One that had been replaced or deleted then, as this api had said.
    Old(Instant, Arc<Instance>),
    /// No version of this original.
    Foreign,
}

impl Subject {
    /// An original that `by` has confirmed.
    pub fn new(id: &str, kind: Kind, look: (Encoded, u32, u32), confirmed: End) -> Self {
        let first = Change {
            content: Content::Colour(0),
            begun: Instant::now(),
            end: confirmed,
        };
        Self {
            id: id.to_owned(),
            kind,
            look,
            history: Mutex::new(vec![first]),
        }
    }

    /// A change is about to be asked for; [`Subject::ended`] takes what this gives.
    pub fn begun(&self, content: Content) -> usize {
        let mut history = self.history.lock().unwrap();
        history.push(Change {
            content,
            begun: Instant::now(),
            end: End::Doubt,
        });
        history.len() - 1
    }

    /// What became of it.
    pub fn ended(&self, change: usize, end: End) {
        self.history.lock().unwrap()[change].end = end;
    }

    /// The colour of the next version.
    pub fn next_colour(&self) -> usize {
        self.history.lock().unwrap().len() % COLOURS
    }

    /// The current version, if nothing is in doubt, and how many changes there were.
    pub fn settled(&self) -> Option<(String, usize)> {
        let history = self.history.lock().unwrap();
        let last = history
            .iter()
            .rposition(|change| !matches!(change.end, End::Refused))?;
        match &history[last] {
            Change {
                content: Content::Colour(_),
                end: End::Confirmed(_, _, version),
                ..
            } => Some((version.clone(), last)),
            _ => None,
        }
    }

    /// May it have been deleted before `ended`?
    pub fn may_be_gone(&self, ended: Instant) -> bool {
        let history = self.history.lock().unwrap();
        history.iter().any(|change| {
            let happened = !matches!(change.end, End::Refused);
            change.content == Content::Gone && change.begun <= ended && happened
        })
    }

    /// What a picture of this colour is that was shown from `begun` to `ended`.
    pub fn truth(&self, colour: usize, begun: Instant, ended: Instant) -> Truth {
        let history = self.history.lock().unwrap();
        let shown = history.iter().rposition(|change| {
            let happened = !matches!(change.end, End::Refused);
            change.content == Content::Colour(colour) && change.begun <= ended && happened
        });
        let Some(shown) = shown else {
            return Truth::Foreign;
        };
        let replaced = history[shown + 1..]
            .iter()
            .find_map(|change| match &change.end {
                End::Confirmed(at, by, _) if *at <= begun => Some((*at, by)),
                End::Confirmed(..) | End::Doubt | End::Refused => None,
            });
        match replaced {
            Some((at, by)) => Truth::Old(at, Arc::clone(by)),
            None => Truth::Current,
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct Subjects {
    healthy: RwLock<Vec<Arc<Subject>>>,
    broken: RwLock<Vec<Arc<Subject>>>,
    buried: Mutex<VecDeque<Arc<Subject>>>,
}

impl Subjects {
    /// One more.
    pub fn add(&self, subject: Subject) {
        let list = match subject.kind {
            Kind::Healthy => &self.healthy,
            Kind::Broken(_) => &self.broken,
        };
        list.write().unwrap().push(Arc::new(subject));
    }

    /// The healthy one in this place.
    pub fn at(&self, place: usize) -> Arc<Subject> {
        Arc::clone(&self.healthy.read().unwrap()[place])
    }

    /// A new one takes the place of one that was deleted.
    pub fn succeed(&self, place: usize, new: Subject) {
        let old = std::mem::replace(&mut self.healthy.write().unwrap()[place], Arc::new(new));
        let mut buried = self.buried.lock().unwrap();
        buried.push_back(old);
        if buried.len() > BURIED {
            buried.pop_front();
        }
    }

    /// How many there are that can be rendered.
    pub fn healthy(&self) -> usize {
        self.healthy.read().unwrap().len()
    }

    /// The ids of those that cannot be rendered.
    pub fn broken(&self) -> Vec<String> {
        let broken = self.broken.read().unwrap();
        broken.iter().map(|subject| subject.id.clone()).collect()
    }

    /// One that somebody asks for: a healthy one as a rule.
    pub fn any(&self, random: &mut StdRng) -> Arc<Subject> {
        let (kind, place) = (random.random_range(0..100), random.next_u64() as usize);
        let of = |list: &[Arc<Subject>]| list.get(place % list.len().max(1)).map(Arc::clone);
        let rare = match kind {
            0..12 => of(&self.broken.read().unwrap()),
            12..18 => of(self.buried.lock().unwrap().make_contiguous()),
            _ => None,
        };
        rare.unwrap_or_else(|| self.at(place % self.healthy()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An original, and the api that confirmed its first version.
    fn subject() -> (Subject, Arc<Instance>) {
        let api = Arc::new(Instance::default());
        let confirmed = End::Confirmed(Instant::now(), Arc::clone(&api), "a".to_owned());
        let look = (Encoded::Jpeg, 1, 1);
        (Subject::new("x", Kind::Healthy, look, confirmed), api)
    }

    #[test]
    fn both_versions_are_true_while_a_change_is_under_way_or_in_doubt() {
        let (subject, _) = subject();
        let begun = Instant::now();
        let change = subject.begun(Content::Colour(1));
        for colour in [0, 1] {
            let truth = subject.truth(colour, begun, Instant::now());
            assert!(matches!(truth, Truth::Current), "{colour}: {truth:?}");
        }
        assert_eq!(subject.settled(), None);
        subject.ended(change, End::Refused);
        let foreign = subject.truth(1, begun, Instant::now());
        assert!(matches!(foreign, Truth::Foreign), "{foreign:?}");
    }

    #[test]
    fn a_version_is_old_for_requests_that_began_after_the_next_was_confirmed() {
        let (subject, api) = subject();
        let before = Instant::now();
        let change = subject.begun(Content::Colour(1));
        let confirmed = End::Confirmed(Instant::now(), Arc::clone(&api), "b".to_owned());
        subject.ended(change, confirmed);
        let truth = subject.truth(0, before, Instant::now());
        assert!(matches!(truth, Truth::Current), "{truth:?}");
        let old = subject.truth(0, Instant::now(), Instant::now());
        assert!(matches!(old, Truth::Old(_, by) if Arc::ptr_eq(&by, &api)));
        // Also when the change after it is in doubt, or it was deleted.
        subject.begun(Content::Gone);
        let old = subject.truth(0, Instant::now(), Instant::now());
        assert!(matches!(old, Truth::Old(..)), "{old:?}");
        assert!(subject.may_be_gone(Instant::now()) && !subject.may_be_gone(before));
    }
}
