//! One request for a thumbnail, and the judgement on its answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::{RequestBuilder, Response};
use thumbmill_tests::cluster::header;

use crate::colour::recognise;
use crate::diary::Server;
use crate::fleet::Instance;
use crate::ledger::{Outcome, Violation};
use crate::subjects::{Kind, Subject, Truth};
use crate::world::World;

/// `THUMBMILL_WAIT`.
const WAIT: Duration = Duration::from_secs(10);
/// What a request may take over its wait: two looks into a store that does not answer, each with
/// its `THUMBMILL_S3_OPERATION_TIMEOUT`, and the time that two busy cores need.
const SLACK: Duration = Duration::from_secs(20);
/// A client that hangs for so long gives up, and counts as stuck.
const HANGS: Duration = Duration::from_secs(90);
/// An announcement is heard within this.
const HEARD_WITHIN: Duration = Duration::from_secs(1);
/// Without announcements an api keeps descriptions for 5 seconds.
const KEPT_FOR: Duration = Duration::from_secs(6);

/// How long a client says that it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Nothing.
    Default,
    /// `Prefer: wait=N`.
    Seconds(u64),
    /// `Prefer: respond-async`.
    Async,
}

impl Patience {
    /// Says it in a request.
    pub fn say(self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Default => request,
            Self::Seconds(seconds) => request.header("prefer", format!("wait={seconds}")),
            Self::Async => request.header("prefer", "respond-async"),
        }
    }

    fn wait(self) -> Duration {
        match self {
            Self::Default => WAIT,
            Self::Seconds(seconds) => Duration::from_secs(seconds),
            Self::Async => Duration::ZERO,
        }
    }
}

/// A thumbnail that somebody wants.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Of this original.
    pub subject: Arc<Subject>,
    /// Its sides; the picture is cut to them.
    pub size: (u32, u32),
    /// `format=` and the like, or nothing.
    pub more: &'static str,
}

impl Wish {
    /// Path and query.
    pub fn path(&self) -> String {
        let (width, height) = self.size;
        let (id, more) = (&self.subject.id, self.more);
        format!("/assets/{id}?width={width}&height={height}{more}")
    }
}

/// What a client does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it has what it wanted, or was told that it cannot have it.
    Over,
    /// It asks again after this.
    Again(Duration),
}

/// A request under way.
struct Asked<'a> {
    world: &'a World,
    wish: &'a Wish,
    api: Arc<Instance>,
    begun: Instant,
}

/// Asks an api for a thumbnail, and judges its answer.
pub async fn ask(world: &World, wish: &Wish, patience: Patience, api: Arc<Instance>) -> Next {
    let request = world.client.get(format!("{}{}", api.url, wish.path()));
    let asked = Asked {
        world,
        wish,
        api,
        begun: Instant::now(),
    };
    let sent = patience.say(request).timeout(HANGS).send().await;
    let (outcome, next) = match sent {
        Err(error) => asked.lost(&error),
        Ok(answer) => asked.answered(answer).await,
    };
    let over = asked.begun.elapsed().saturating_sub(patience.wait());
    if over > SLACK {
        let took = asked.begun.elapsed();
        world.violation(Violation::Stuck, &format!("{took:?} for {}", wish.path()));
    }
    if let Some(outcome) = outcome {
        world.ledger.count(outcome, over);
    }
    next
}

const SOON: Next = Next::Again(Duration::from_millis(500));

impl Asked<'_> {
    fn wrong(&self, violation: Violation, what: &str) -> (Option<Outcome>, Next) {
        let what = format!("{what}, {}", self.wish.path());
        self.world.violation(violation, &what);
        (None, SOON)
    }

    /// No answer: right only from an api that was killed.
    fn lost(&self, error: &reqwest::Error) -> (Option<Outcome>, Next) {
        if self.api.has_ended() {
            (Some(Outcome::Gone), SOON)
        } else {
            self.wrong(Violation::Unexpected, &format!("no answer: {error:?}"))
        }
    }

    async fn answered(&self, answer: Response) -> (Option<Outcome>, Next) {
        let status = answer.status().as_u16();
        let (timing, after) = (
            header(&answer, "server-timing"),
            header(&answer, "retry-after"),
        );
        let body = match answer.bytes().await {
            Ok(body) => body,
            Err(error) => return self.cut_off(&error),
        };
        let after = after.parse().ok().map(Duration::from_secs);
        match (status, after) {
            (200, _) => self.shown(&body, &timing),
            (202, Some(after)) => (Some(Outcome::Accepted), Next::Again(after)),
            (404, _) if self.wish.subject.may_be_gone(Instant::now()) => {
                (Some(Outcome::Refused), Next::Over)
            }
            (404, _) => self.wrong(Violation::Lost, "404 for an original that is there"),
            (400 | 422, _) if self.wish.subject.kind == Kind::Broken(status) => {
                let outcome = if status == 422 {
                    Outcome::Unrenderable
                } else {
                    Outcome::Refused
                };
                (Some(outcome), Next::Over)
            }
            (429, Some(after)) => (Some(Outcome::TooMany), Next::Again(after)),
            (502..=504, Some(after)) => (Some(Outcome::Later), Next::Again(after)),
            (429 | 502..=504, None) => self.wrong(Violation::NoRetryAfter, &status.to_string()),
            (500, _) => self.wrong(Violation::InternalError, &String::from_utf8_lossy(&body)),
            _ => {
                let body = String::from_utf8_lossy(&body);
                self.wrong(Violation::Unexpected, &format!("{status} {body}"))
            }
        }
    }

    /// The client knows that it has not got all: right while something was broken.
    fn cut_off(&self, error: &reqwest::Error) -> (Option<Outcome>, Next) {
        let s3 = self.world.diary.hit(Server::S3, self.begun, Instant::now());
        if s3 || self.api.has_ended() {
            (Some(Outcome::CutOff), SOON)
        } else {
            self.wrong(Violation::Unexpected, &format!("cut off: {error:?}"))
        }
    }

    fn shown(&self, body: &Bytes, timing: &str) -> (Option<Outcome>, Next) {
        let shown = match recognise(body) {
            Ok(shown) => shown,
            Err(why) => return self.wrong(Violation::Corrupt, &format!("{why}; {timing}")),
        };
        if shown.size != self.wish.size {
            return self.wrong(Violation::Corrupt, &format!("{:?}", shown.size));
        }
        let ended = Instant::now();
        match self.wish.subject.truth(shown.colour, self.begun, ended) {
            Truth::Current => {}
            Truth::Foreign => {
                return self.wrong(Violation::Corrupt, &format!("colour {}", shown.colour));
            }
            Truth::Old(replaced, by) => {
                let age = self.begun.duration_since(replaced);
                let unheard = self.world.diary.hit(Server::Redis, replaced, ended);
                let allowed = if unheard { KEPT_FOR } else { HEARD_WITHIN };
                if Arc::ptr_eq(&by, &self.api) || age > allowed {
                    let what = format!("replaced {age:?} before it was asked for ({timing})");
                    return self.wrong(Violation::Stale, &what);
                }
                self.world.ledger.unheard(age);
            }
        }
        let hit = timing.starts_with("hit");
        (
            Some(if hit { Outcome::Hit } else { Outcome::Miss }),
            Next::Over,
        )
    }
}
