//! A whole service: one process on embedded parts, or apis and workers on real servers.

use std::collections::VecDeque;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Confirmation, Connection, ConnectionProperties};
use reqwest::multipart::{Form, Part};
use reqwest::{Response, StatusCode};
use tempfile::TempDir;
use thumbmill_shared::settings::FilesMode;
use thumbmill_shared::storage::{S3Options, Storage};

use crate::servers::BUCKET;
use crate::service::{Binary, Service, run_to_end};

/// How long a process may take to end.
const END_WITHIN: Duration = Duration::from_secs(30);
/// How many published jobs may lack their confirmation.
const UNCONFIRMED: usize = 1000;
/// How long a test waits for what must come.
const COMES_WITHIN: Duration = Duration::from_mins(3);

/// A variable that `tests/run` sets.
pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run ./tests/run"))
}

/// A header of an answer; empty when it is absent.
pub fn header(answer: &Response, name: &str) -> String {
    answer
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap().to_owned())
        .unwrap_or_default()
}

/// Looks until it is `there`; panics if that takes minutes.
pub async fn until(what: &str, mut there: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !there().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let came = tokio::time::timeout(COMES_WITHIN, looking).await;
    assert!(came.is_ok(), "{what}: not within {COMES_WITHIN:?}");
}

/// A job of the campaign `c`, for a thumbnail of an original.
pub fn job_of_campaign(id: &str, number: u32) -> String {
    let width = number + 1;
    format!(
        r#"{{"version":1,"asset":"{id}","variants":[{{"width":{width}}}],"campaign":"c","number":{number}}}"#
    )
}

/// A service with names of its own.
#[derive(Debug)]
pub struct Cluster {
    /// Processes that serve HTTP.
    pub apis: Vec<Service>,
    /// Processes that only work.
    pub workers: Vec<Service>,
    /// Prefix of all names on shared servers.
    pub namespace: String,
    /// Variables of every process.
    pub variables: Vec<(&'static str, String)>,
    client: reqwest::Client,
    _data: TempDir,
}

impl Cluster {
    /// One process, with data in a folder of its own, and `more` variables.
    pub async fn embedded(more: &[(&'static str, String)]) -> Self {
        Self::embedded_under(&[], more).await
    }

    /// The same by a command that becomes the process.
    pub async fn embedded_under(command: &[&str], more: &[(&'static str, String)]) -> Self {
        let command: Vec<_> = command.iter().map(ToString::to_string).collect();
        let data = tempfile::tempdir().unwrap();
        let mut variables = vec![(
            "THUMBMILL_STORAGE",
            format!("file:{}", data.path().display()),
        )];
        variables.extend_from_slice(more);
        let apis = vec![Service::start_under(&command, Binary::Thumbmill, &variables).await];
        let (namespace, client) = (String::new(), client());
        Self {
            apis,
            workers: Vec::new(),
            namespace,
            variables,
            client,
            _data: data,
        }
    }

    /// Apis and workers on RabbitMQ, Redis and S3, and `more` variables.
    pub async fn distributed(apis: usize, workers: usize, more: &[(&'static str, String)]) -> Self {
        let namespace = format!("t{}", uuid::Uuid::new_v4().simple());
        let mut variables = vec![
            ("THUMBMILL_NAMESPACE", namespace.clone()),
            ("THUMBMILL_STORAGE", format!("s3://{BUCKET}/{namespace}")),
            ("THUMBMILL_S3_ENDPOINT", variable("THUMBMILL_TEST_S3")),
            ("THUMBMILL_QUEUE", variable("THUMBMILL_TEST_AMQP")),
            ("THUMBMILL_READINESS", variable("THUMBMILL_TEST_REDIS")),
        ];
        variables.extend_from_slice(more);
        let mut this = Self {
            apis: Vec::new(),
            workers: Vec::new(),
            namespace,
            variables,
            client: client(),
            _data: tempfile::tempdir().unwrap(),
        };
        for _ in 0..apis {
            this.apis
                .push(Service::start(Binary::Api, &this.variables).await);
        }
        for _ in 0..workers {
            this.start_worker().await;
        }
        this
    }

    /// Ends all processes and starts as many anew, with the variables as they are by now.
    pub async fn restart(&mut self) {
        let (apis, workers) = (self.apis.len(), self.workers.len());
        self.end().await;
        let alone = self.namespace.is_empty();
        let api = if alone {
            Binary::Thumbmill
        } else {
            Binary::Api
        };
        for _ in 0..apis {
            self.apis.push(Service::start(api, &self.variables).await);
        }
        for _ in 0..workers {
            self.start_worker().await;
        }
    }

    /// One more worker.
    pub async fn start_worker(&mut self) {
        self.workers
            .push(Service::start(Binary::Worker, &self.variables).await);
    }

    /// The store that all processes use.
    pub async fn storage(&self) -> Storage {
        let value = |name: &str| {
            self.variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value.clone())
        };
        let options = S3Options {
            endpoint: value("THUMBMILL_S3_ENDPOINT"),
            connect_timeout: Duration::from_secs(1),
            attempt_timeout: Duration::from_secs(5),
            operation_timeout: Duration::from_secs(10),
        };
        Storage::open(
            &value("THUMBMILL_STORAGE").unwrap().parse().unwrap(),
            &options,
            FilesMode::Private,
        )
        .await
        .unwrap()
    }

    /// Runs the operator's command on this service: its exit code and what it prints.
    pub fn command(&self, arguments: &[&str]) -> (i32, String) {
        let variables = self.commands_variables();
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let folder = std::path::Path::new(".");
        run_to_end(Binary::Thumbmill, arguments, &variables, folder)
    }

    /// The same with something to read, and the command in one line; gives its standard output.
    pub fn command_with(&self, input: &str, words: &str) -> (i32, String) {
        let mut command = self.prepared(words.split(' '));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        (output.status.code().unwrap_or(-1), printed)
    }

    /// Starts such a command; what it prints is lost.
    pub fn begin_command(&self, arguments: &[&str]) -> Child {
        let mut command = self.prepared(arguments.iter().copied());
        command.stdout(Stdio::null()).spawn().unwrap()
    }

    fn prepared<'a>(&self, arguments: impl Iterator<Item = &'a str>) -> Command {
        let mut command = Command::new(Binary::Thumbmill.path());
        command.args(arguments).env_clear();
        command.envs(self.commands_variables());
        command.stderr(Stdio::null());
        command
    }

    /// Those of the service, and the credentials.
    fn commands_variables(&self) -> Vec<(String, String)> {
        let credentials = std::env::vars().filter(|(name, _)| name.starts_with("AWS_"));
        let variables = self.variables.iter();
        let variables = variables.map(|(name, value)| ((*name).to_owned(), value.clone()));
        variables.chain(credentials).collect()
    }

    /// The first api's `path`.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.apis[0].url())
    }

    /// An HTTP client that follows nothing and decodes nothing.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Gets `path`.
    pub async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    /// Uploads a file and gives its id.
    pub async fn upload(&self, filename: &str, bytes: impl Into<Vec<u8>>) -> String {
        let part = Part::bytes(bytes.into()).file_name(filename.to_owned());
        let answer = self
            .client
            .post(self.url("/files"))
            .multipart(Form::new().part("file", part))
            .send()
            .await
            .unwrap();
        let (status, body) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, StatusCode::OK, "{body}");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        body["data"]["id"].as_str().unwrap().to_owned()
    }

    /// The sum of a metric over all processes.
    pub async fn metric(&self, name: &str, label: &str) -> u64 {
        let mut sum = 0;
        for service in self.apis.iter().chain(&self.workers) {
            sum += service.metric(name, label).await;
        }
        sum
    }

    /// Waits until a metric's sum over all processes is at least this.
    pub async fn until(&self, name: &str, label: &str, least: u64) {
        let what = format!("{least} {name} {label}");
        until(&what, async || self.metric(name, label).await >= least).await;
    }

    /// Waits until every process has its connection to the queue: its queues are there then.
    pub async fn until_connected(&self) {
        let processes = (self.apis.len() + self.workers.len()) as u64;
        self.until("thumbmill_connected", "queue", processes).await;
    }

    /// Publishes jobs as any client may, and waits until RabbitMQ has confirmed them.
    pub async fn publish(&self, lane: &str, bodies: impl Iterator<Item = String>) {
        self.until_connected().await;
        let (url, options) = (
            variable("THUMBMILL_TEST_AMQP"),
            ConnectionProperties::default(),
        );
        let connection = Connection::connect(&url, options).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let confirms = ConfirmSelectOptions::default();
        channel.confirm_select(confirms).await.unwrap();
        let mut confirms = VecDeque::with_capacity(UNCONFIRMED);
        for body in bodies {
            if confirms.len() == UNCONFIRMED
                && let Some(oldest) = confirms.pop_front()
            {
                taken(oldest.await);
            }
            let (exchange, lane) = (self.namespace.as_str().into(), lane.into());
            let properties = BasicProperties::default().with_delivery_mode(2);
            let options = BasicPublishOptions {
                mandatory: true,
                ..BasicPublishOptions::default()
            };
            let publish =
                channel.basic_publish(exchange, lane, options, body.as_bytes(), properties);
            confirms.push_back(publish.await.unwrap());
        }
        for confirm in confirms {
            taken(confirm.await);
        }
    }

    /// How many messages wait in a queue, by its name behind the namespace.
    pub async fn waiting(&self, queue: &str) -> u32 {
        let options = ConnectionProperties::default();
        let connection = Connection::connect(&variable("THUMBMILL_TEST_AMQP"), options)
            .await
            .unwrap();
        let channel = connection.create_channel().await.unwrap();
        let name = format!("{}.{queue}", self.namespace);
        let passive = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        channel
            .queue_declare(name.into(), passive, FieldTable::default())
            .await
            .unwrap()
            .message_count()
    }

    /// Ends all processes as an operator would; each must end well.
    pub async fn end(&mut self) {
        let services: Vec<_> = self.workers.drain(..).chain(self.apis.drain(..)).collect();
        for service in services {
            let status = service.terminate(END_WITHIN).await;
            assert!(status.success(), "ended with {status}");
        }
    }

    /// The same, and no job may be left but `dead` dead letters.
    pub async fn finish(mut self, dead: u32) {
        let on_rabbitmq = !self.namespace.is_empty();
        self.end().await;
        if on_rabbitmq {
            for (queue, expected) in [
                ("interactive", 0),
                ("background", 0),
                ("bulk", 0),
                ("retry.5s", 0),
                ("retry.30s", 0),
                ("retry.5m", 0),
                ("expired", 0),
                ("dead", dead),
            ] {
                assert_eq!(
                    self.waiting(queue).await,
                    expected,
                    "messages left in {queue}"
                );
            }
        }
    }
}

fn taken(confirmation: lapin::Result<Confirmation>) {
    let confirmation = confirmation.unwrap();
    assert_eq!(confirmation, Confirmation::Ack(None), "a job was not taken");
}

fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap()
}
