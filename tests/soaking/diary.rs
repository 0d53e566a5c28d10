//! What was broken, and when: the closed list of faults, and their times.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Something that is done to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// SIGKILL of a worker.
    WorkerKilled,
    /// SIGTERM to one worker after the other.
    WorkersRestarted,
    /// SIGKILL of a process that renders for a worker.
    RendererKilled,
    /// SIGKILL of an api.
    ApiKilled,
    /// No connection to RabbitMQ.
    RabbitMqAway,
    /// All its connections broken, several times.
    RabbitMqCut,
    /// It does not answer.
    RabbitMqSilent,
    /// SIGKILL of the broker, and its restart.
    RabbitMqKilled,
    /// It is short of memory, and takes no jobs.
    RabbitMqAlarm,
    /// No connection to Redis.
    RedisAway,
    /// All its connections broken, several times.
    RedisCut,
    /// It does not answer.
    RedisSilent,
    /// It has forgotten everything.
    RedisFlushed,
    /// No connection to S3.
    S3Away,
    /// It does not answer.
    S3Silent,
    /// It breaks off in the middle of bodies.
    S3CutShort,
    /// It takes 5 seconds longer.
    S3Slow,
    /// It answers 503.
    S3SlowDown,
    /// An original replaced while its thumbnails are made.
    Replaced,
    /// An original deleted while its thumbnails are made.
    Deleted,
    /// The same job published twice.
    JobTwice,
}

impl Fault {
    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::WorkerKilled => "worker SIGKILL",
            Self::WorkersRestarted => "rolling restart",
            Self::RendererKilled => "renderer SIGKILL",
            Self::ApiKilled => "api SIGKILL",
            Self::RabbitMqAway => "RabbitMQ away",
            Self::RabbitMqCut => "RabbitMQ cut",
            Self::RabbitMqSilent => "RabbitMQ silent",
            Self::RabbitMqKilled => "RabbitMQ SIGKILL",
            Self::RabbitMqAlarm => "RabbitMQ alarm",
            Self::RedisAway => "Redis away",
            Self::RedisCut => "Redis cut",
            Self::RedisSilent => "Redis silent",
            Self::RedisFlushed => "Redis flushed",
            Self::S3Away => "S3 away",
            Self::S3Silent => "S3 silent",
            Self::S3CutShort => "S3 cut in mid-body",
            Self::S3Slow => "S3 slow by 5 s",
            Self::S3SlowDown => "S3 503 SlowDown",
            Self::Replaced => "replaced in mid-render",
            Self::Deleted => "deleted in mid-render",
            Self::JobTwice => "job published twice",
        }
    }

    /// The server that it hits, if it hits one.
    pub fn server(self) -> Option<Server> {
        match self {
            Self::RabbitMqAway
            | Self::RabbitMqCut
            | Self::RabbitMqSilent
            | Self::RabbitMqKilled
            | Self::RabbitMqAlarm => Some(Server::RabbitMq),
            Self::RedisAway | Self::RedisCut | Self::RedisSilent | Self::RedisFlushed => {
                Some(Server::Redis)
            }
            Self::S3Away | Self::S3Silent | Self::S3CutShort | Self::S3Slow | Self::S3SlowDown => {
                Some(Server::S3)
            }
            Self::WorkerKilled
            | Self::WorkersRestarted
            | Self::RendererKilled
            | Self::ApiKilled
            | Self::Replaced
            | Self::Deleted
            | Self::JobTwice => None,
        }
    }
}

/// A server that the service stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// The queue.
    RabbitMq,
    /// Readiness.
    Redis,
    /// The store.
    S3,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    fault: Fault,
    begun: Instant,
    ended: Option<Instant>,
}

/// Every fault with its time.
#[derive(Debug, Default)]
pub struct Diary(Mutex<Vec<Entry>>);

/// An effect of a fault may last so much longer: connections are noticed and built anew.
const AFTERMATH: Duration = Duration::from_secs(3);

impl Diary {
    /// A fault begins; [`Diary::ended`] takes what this gives.
    pub fn begun(&self, fault: Fault) -> usize {
        let mut entries = self.0.lock().unwrap();
        let begun = Instant::now();
        entries.push(Entry {
            fault,
            begun,
            ended: None,
        });
        entries.len() - 1
    }

    /// It is over.
    pub fn ended(&self, entry: usize) {
        self.0.lock().unwrap()[entry].ended = Some(Instant::now());
    }

    /// A fault of a moment.
    pub fn happened(&self, fault: Fault) {
        let entry = self.begun(fault);
        self.ended(entry);
    }

    /// Was a server broken, or had just been, between these moments?
    pub fn hit(&self, server: Server, from: Instant, to: Instant) -> bool {
        self.0.lock().unwrap().iter().any(|entry| {
            let over = entry.ended.is_some_and(|ended| ended + AFTERMATH < from);
            entry.fault.server() == Some(server) && entry.begun <= to && !over
        })
    }

    /// Each fault, how often, and for how long together.
    pub fn sums(&self) -> Vec<(Fault, usize, Duration)> {
        let mut sums = std::collections::BTreeMap::<Fault, (usize, Duration)>::new();
        for entry in self.0.lock().unwrap().iter() {
            let (count, time) = sums.entry(entry.fault).or_default();
            *count += 1;
            *time += entry.ended.unwrap_or_else(Instant::now) - entry.begun;
        }
        sums.into_iter()
            .map(|(fault, (count, time))| (fault, count, time))
            .collect()
    }
}
