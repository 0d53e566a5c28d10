//! The processes: apis and workers in places of their own, which are killed, asked to end, and
//! started again. Each place reaches S3 through a proxy of its own, so that it is known who put
//! what there.

use std::io::Read;
use std::process::Stdio;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use rustix::process::{Signal, kill_process};
use thumbmill_tests::cluster::variable;
use thumbmill_tests::proxy::{Mode, Proxy, Request};
use thumbmill_tests::servers::BUCKET;
use thumbmill_tests::service::{Binary, Service};

use crate::logs::Logs;

/// More than `THUMBMILL_GRACE`.
const END_WITHIN: Duration = Duration::from_secs(40);
/// So that no job is put aside only because its workers were killed.
const ATTEMPTS: &str = "9";
const FILTER: &str = "info,thumbmill_shared::queue=debug";

/// One process, from its start to its end.
#[derive(Debug, Default)]
pub struct Instance {
    /// Where it serves.
    pub url: String,
    ended: OnceLock<Instant>,
}

impl Instance {
    /// Has it been killed or asked to end?
    pub fn has_ended(&self) -> bool {
        self.ended.get().is_some()
    }

    /// It is killed now.
    fn end(&self) {
        let _ = self.ended.set(Instant::now());
    }
}

/// A place for a process.
#[derive(Debug)]
struct Place {
    binary: Binary,
    variables: Vec<(&'static str, String)>,
    s3: Proxy,
    running: tokio::sync::Mutex<Option<Service>>,
    instances: Mutex<Vec<Arc<Instance>>>,
}

impl Place {
    async fn new(binary: Binary, common: &[(&'static str, String)]) -> Self {
        let (s3, url) = Proxy::in_front_of(&variable("THUMBMILL_TEST_S3")).await;
        let mut variables = common.to_vec();
        variables.push(("THUMBMILL_S3_ENDPOINT", url));
        let place = Self {
            binary,
            variables,
            s3,
            running: tokio::sync::Mutex::default(),
            instances: Mutex::default(),
        };
        place.start(&mut *place.running.lock().await).await;
        place
    }

    async fn start(&self, running: &mut Option<Service>) {
        let service = Service::start(self.binary, &self.variables).await;
        let instance = Instance {
            url: service.url(),
            ended: OnceLock::new(),
        };
        self.instances.lock().unwrap().push(Arc::new(instance));
        *running = Some(service);
    }

    fn instance(&self) -> Arc<Instance> {
        Arc::clone(self.instances.lock().unwrap().last().unwrap())
    }

    /// When its processes ended.
    fn ends(&self) -> Vec<Instant> {
        let instances = self.instances.lock().unwrap();
        let ends = instances.iter().filter_map(|instance| instance.ended.get());
        ends.copied().collect()
    }
}

/// What was put by the workers of one place.
#[derive(Debug)]
pub struct Puts {
    /// Every put.
    pub puts: Vec<Request>,
    /// When processes of this place ended.
    pub ends: Vec<Instant>,
}

/// All processes.
#[derive(Debug)]
pub struct Fleet {
    apis: Vec<Place>,
    workers: Vec<Place>,
    /// An operator's way to S3, and the variables of their commands.
    operator: (Proxy, Vec<(&'static str, String)>),
    /// In front of RabbitMQ, for all.
    pub rabbitmq: Proxy,
    /// In front of Redis, for all.
    pub redis: Proxy,
    /// The prefix of all names.
    pub namespace: String,
    logs: Mutex<Logs>,
}

impl Fleet {
    /// Starts all of them, with the queue at `amqp`.
    pub async fn start(apis: usize, workers: usize, amqp: &str) -> Self {
        let namespace = format!("soak{}", uuid::Uuid::new_v4().simple());
        let (rabbitmq, queue) = Proxy::in_front_of(amqp).await;
        let (redis, readiness) = Proxy::in_front_of(&variable("THUMBMILL_TEST_REDIS")).await;
        let common = [
            ("THUMBMILL_NAMESPACE", namespace.clone()),
            ("THUMBMILL_STORAGE", format!("s3://{BUCKET}/{namespace}")),
            ("THUMBMILL_QUEUE", queue),
            ("THUMBMILL_READINESS", readiness),
            ("THUMBMILL_ATTEMPTS", ATTEMPTS.to_owned()),
            ("THUMBMILL_LOG", "json".to_owned()),
            ("THUMBMILL_LOG_FILTER", FILTER.to_owned()),
        ];
        let (s3, url) = Proxy::in_front_of(&variable("THUMBMILL_TEST_S3")).await;
        let operators = [&common[..4], &[("THUMBMILL_S3_ENDPOINT", url)]].concat();
        let mut fleet = Self {
            apis: Vec::new(),
            workers: Vec::new(),
            operator: (s3, operators),
            rabbitmq,
            redis,
            namespace,
            logs: Mutex::default(),
        };
        for _ in 0..apis {
            fleet.apis.push(Place::new(Binary::Api, &common).await);
        }
        for _ in 0..workers {
            fleet
                .workers
                .push(Place::new(Binary::Worker, &common).await);
        }
        fleet
    }

    /// An api that lives, as a load balancer would choose it.
    pub fn any_api(&self, random: &mut StdRng) -> Arc<Instance> {
        let first = random.random_range(0..self.apis.len());
        let places = self.apis.iter().cycle().skip(first).take(self.apis.len());
        let mut instances = places.map(Place::instance);
        let living = instances.find(|instance| !instance.has_ended());
        living.unwrap_or_else(|| self.apis[first].instance())
    }

    /// Lets S3 fail for everybody.
    pub fn set_s3(&self, mode: Mode) {
        for place in self.apis.iter().chain(&self.workers) {
            place.s3.set(mode);
        }
        self.operator.0.set(mode);
    }

    /// Runs an operator's command to its end, and gives what it prints on standard output; it is
    /// killed when nobody waits for that any more.
    pub async fn command(&self, words: &str) -> String {
        let mut command = tokio::process::Command::new(Binary::Thumbmill.path());
        let (_, variables) = &self.operator;
        command
            .args(words.split(' '))
            .envs(variables.iter().cloned())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let output = command.output().await.unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Kills one of the workers that nobody else is at, and starts another in its place.
    pub async fn kill_a_worker(&self, random: &mut StdRng) -> bool {
        self.kill_one(&self.workers, random).await
    }

    /// The same with an api.
    pub async fn kill_an_api(&self, random: &mut StdRng) -> bool {
        self.kill_one(&self.apis, random).await
    }

    async fn kill_one(&self, places: &[Place], random: &mut StdRng) -> bool {
        let first = random.random_range(0..places.len());
        for place in places.iter().cycle().skip(first).take(places.len()) {
            if let Ok(mut running) = place.running.try_lock() {
                place.instance().end();
                if let Some(service) = running.take() {
                    let log = service.open_log();
                    // Dropped is killed.
                    drop(service);
                    self.read(log);
                }
                place.start(&mut running).await;
                return true;
            }
        }
        false
    }

    /// Kills a process that renders. Says whether there was one.
    pub fn kill_a_renderer(&self, random: &mut StdRng) -> bool {
        let place = &self.workers[random.random_range(0..self.workers.len())];
        let Ok(running) = place.running.try_lock() else {
            return false;
        };
        let children = running.as_ref().map(Service::children).unwrap_or_default();
        let chosen = random.random_range(0..children.len().max(1));
        // It may have ended meanwhile.
        children
            .get(chosen)
            .is_some_and(|child| kill_process(*child, Signal::KILL).is_ok())
    }

    /// Asks one worker after the other to end, and starts another in its place. Gives what is
    /// wrong with the ways they ended.
    pub async fn restart_workers(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for place in &self.workers {
            let mut running = place.running.lock().await;
            wrong.extend(self.end(place, &mut running).await);
            place.start(&mut running).await;
        }
        wrong
    }

    /// Asks all to end, the workers first, and gives what is wrong with the ways they ended.
    pub async fn finish(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for place in self.workers.iter().chain(&self.apis) {
            let mut running = place.running.lock().await;
            wrong.extend(self.end(place, &mut running).await);
        }
        wrong
    }

    async fn end(&self, place: &Place, running: &mut Option<Service>) -> Option<String> {
        let service = running.take()?;
        let log = service.open_log();
        place.instance().end();
        let ended = tokio::spawn(service.terminate(END_WITHIN)).await;
        self.read(log);
        match ended {
            Ok(status) if status.success() => None,
            Ok(status) => Some(format!("{:?} ended with {status}", place.binary)),
            Err(error) => Some(format!("{:?}: {error}", place.binary)),
        }
    }

    fn read(&self, mut log: std::fs::File) {
        let mut text = Vec::new();
        log.read_to_end(&mut text).unwrap();
        self.logs
            .lock()
            .unwrap()
            .read(&String::from_utf8_lossy(&text));
    }

    /// What the logs said of all that have ended.
    pub fn logs(&self) -> Logs {
        std::mem::take(&mut self.logs.lock().unwrap())
    }

    /// What the workers put into S3, by their places.
    pub fn puts(&self) -> Vec<Puts> {
        let is_put = |request: &Request| request.method == "PUT";
        let of_place = |place: &Place| Puts {
            puts: place.s3.requests().into_iter().filter(is_put).collect(),
            ends: place.ends(),
        };
        self.workers.iter().map(of_place).collect()
    }
}
