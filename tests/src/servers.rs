//! Private RabbitMQ, Redis and S3 servers on free ports of this machine, each in a folder of its
//! own. They end with the thread that started them, whatever happens to it.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to answer.
const START_WITHIN: Duration = Duration::from_mins(1);
/// The S3 server's credentials.
pub const ACCESS_KEY: &str = "thumbmill";
/// The S3 server's credentials.
pub const SECRET_KEY: &str = "thumbmill-secret";
/// The bucket that the S3 server has.
pub const BUCKET: &str = "thumbmill-test";

/// A server process.
#[derive(Debug)]
pub struct Server {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts `command` so that it ends with this thread, and waits until `answers`.
    fn start(
        name: &'static str,
        command: &mut Command,
        log: PathBuf,
        answers: impl Fn() -> bool,
    ) -> Result<Self> {
        // setpriv(1) asks the kernel to end the server when the thread that started it ends.
        let mut tied = Command::new("setpriv");
        tied.args(["--pdeathsig", "KILL"])
            .arg(command.get_program())
            .args(command.get_args());
        for (variable, value) in command.get_envs() {
            match value {
                Some(value) => tied.env(variable, value),
                None => tied.env_remove(variable),
            };
        }
        let output = fs::File::create(&log)?;
        tied.stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let child = tied
            .spawn()
            .with_context(|| format!("start {name}: run ./tests/run, which installs it"))?;
        let mut server = Self { name, child, log };
        server.wait_until(answers)?;
        Ok(server)
    }

    fn wait_until(&mut self, answers: impl Fn() -> bool) -> Result<()> {
        let deadline = Instant::now() + START_WITHIN;
        while !answers() {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "{} ended with {status}:\n{}",
                    self.name,
                    fs::read_to_string(&self.log).unwrap_or_default()
                );
            }
            if Instant::now() > deadline {
                bail!(
                    "{} does not answer:\n{}",
                    self.name,
                    fs::read_to_string(&self.log).unwrap_or_default()
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Stops it as it stands, so that it neither answers nor closes connections.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ports that are free now.
pub fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let listeners: Vec<TcpListener> = (0..N)
        .map(|_| TcpListener::bind(("127.0.0.1", 0)))
        .collect::<Result<_, _>>()?;
    let ports = listeners
        .iter()
        .map(|listener| Ok(listener.local_addr()?.port()))
        .collect::<Result<Vec<_>>>()?;
    ports
        .try_into()
        .map_err(|_| anyhow::anyhow!("too few ports"))
}

/// Does a server at `port` answer `question` with something that begins with `answer`?
fn answers(port: u16, question: &[u8], answer: &[u8]) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(question)?;
        let mut read = vec![0; answer.len()];
        stream.read_exact(&mut read)?;
        Ok(read == answer)
    };
    ask().unwrap_or(false)
}

/// All three servers.
#[derive(Debug)]
pub struct Servers {
    /// RabbitMQ and its port mapper.
    pub rabbitmq: RabbitMq,
    /// Redis.
    pub redis: Redis,
    /// S3.
    pub s3: S3,
}

impl Servers {
    /// Starts them in folders below `folder`.
    pub fn start(folder: &Path) -> Result<Self> {
        let redis = Redis::start(&folder.join("redis"))?;
        let s3 = S3::start(&folder.join("s3"))?;
        let rabbitmq = RabbitMq::start(&folder.join("rabbitmq"))?;
        Ok(Self {
            rabbitmq,
            redis,
            s3,
        })
    }

    /// The variables by which tests find them.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("THUMBMILL_TEST_AMQP", self.rabbitmq.url()),
            ("THUMBMILL_TEST_REDIS", self.redis.url()),
            ("THUMBMILL_TEST_S3", self.s3.url()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ]
    }
}

/// Redis.
#[derive(Debug)]
pub struct Redis {
    /// Its process.
    pub server: Server,
    port: u16,
}

impl Redis {
    /// Starts it.
    pub fn start(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let [port] = free_ports()?;
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
        ]);
        command.arg(folder);
        let ping = move || answers(port, b"PING\r\n", b"+PONG");
        let server = Server::start("redis-server", &mut command, folder.join("log"), ping)?;
        Ok(Self { server, port })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
}

/// An S3 server (SeaweedFS).
#[derive(Debug)]
pub struct S3 {
    /// Its process.
    pub server: Server,
    port: u16,
}

impl S3 {
    /// Starts it with an empty bucket.
    pub fn start(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let ports: [u16; 8] = free_ports()?;
        let names = [
            "s3.port",
            "s3.port.grpc",
            "master.port",
            "master.port.grpc",
            "volume.port",
            "volume.port.grpc",
            "filer.port",
            "filer.port.grpc",
        ];
        let mut command = Command::new("weed");
        command.args([
            "mini",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-master.telemetry=false",
            "-webdav=false",
        ]);
        command.args(["-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]);
        command
            .arg(format!("-dir={}", folder.display()))
            .arg(format!("-bucket={BUCKET}"));
        command.args(
            names
                .iter()
                .zip(ports)
                .map(|(name, port)| format!("-{name}={port}")),
        );
        command
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
        let [port, ..] = ports;
        // It refuses strangers once it is up; the bucket is made as it starts.
        let question = format!("GET /{BUCKET}/ HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
        let refused = move || answers(port, question.as_bytes(), b"HTTP/1.0 403");
        let server = Server::start("weed", &mut command, folder.join("log"), refused)?;
        Ok(Self { server, port })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// RabbitMQ.
#[derive(Debug)]
pub struct RabbitMq {
    /// Its process.
    pub server: Server,
    _port_mapper: Server,
    port: u16,
    variables: Vec<(&'static str, String)>,
}

/// Debian's packages keep the programs here; elsewhere they are on the path.
const RABBITMQ_FOLDER: &str = "/usr/lib/rabbitmq/bin";

fn rabbitmq(program: &str) -> PathBuf {
    let packaged = Path::new(RABBITMQ_FOLDER).join(program);
    if packaged.exists() {
        packaged
    } else {
        PathBuf::from(program)
    }
}

impl RabbitMq {
    /// Starts a node of its own, with a port mapper of its own.
    pub fn start(folder: &Path) -> Result<Self> {
        let [port, distribution, mapper] = free_ports()?;
        let home = folder.join("home");
        fs::create_dir_all(&home)?;
        fs::write(folder.join("plugins"), "[].\n")?;
        let conf = format!(
            "listeners.tcp.1 = 127.0.0.1:{port}\nvm_memory_high_watermark.absolute = 4GB\n\
             disk_free_limit.absolute = 200MB\nlog.console = true\nlog.file = false\n"
        );
        fs::write(folder.join("rabbitmq.conf"), conf)?;
        let path = |name: &str| folder.join(name).display().to_string();
        let variables = vec![
            ("HOME", home.display().to_string()),
            ("ERL_EPMD_PORT", mapper.to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
            ("ERL_CRASH_DUMP", "/dev/null".to_owned()),
            (
                "RABBITMQ_NODENAME",
                format!("thumbmill-test-{port}@localhost"),
            ),
            ("RABBITMQ_NODE_PORT", port.to_string()),
            ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_DIST_PORT", distribution.to_string()),
            ("RABBITMQ_MNESIA_BASE", path("mnesia")),
            ("RABBITMQ_LOG_BASE", path("logs")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins")),
            ("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf")),
            ("RABBITMQ_CONF_ENV_FILE", "/dev/null".to_owned()),
            ("RABBITMQ_PID_FILE", path("pid")),
            ("RABBITMQ_GENERATED_CONFIG_DIR", path("config")),
            (
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "-kernel inet_dist_use_interface {127,0,0,1}".to_owned(),
            ),
            // The script becomes the server instead of starting it, and the server reads no input.
            ("RABBITMQ_ALLOW_INPUT", "1".to_owned()),
            ("RABBITMQ_SERVER_START_ARGS", "-noinput".to_owned()),
        ];
        let mut epmd = Command::new("epmd");
        epmd.args(["-port", &mapper.to_string(), "-address", "127.0.0.1"]);
        let connects = move || TcpStream::connect(("127.0.0.1", mapper)).is_ok();
        let port_mapper = Server::start("epmd", &mut epmd, folder.join("epmd.log"), connects)?;
        Ok(Self {
            server: Self::node(folder, port, &variables)?,
            _port_mapper: port_mapper,
            port,
            variables,
        })
    }

    fn node(folder: &Path, port: u16, variables: &[(&'static str, String)]) -> Result<Server> {
        let mut command = Command::new(rabbitmq("rabbitmq-server"));
        command.envs(variables.iter().cloned());
        // Connection.start is sent to whoever sends the protocol header (AMQP 0-9-1, 4.2.2).
        let greets = move || answers(port, b"AMQP\0\0\x09\x01", b"\x01");
        Server::start("rabbitmq-server", &mut command, folder.join("log"), greets)
    }

    /// Kills it, and starts it again on what it had written.
    pub fn restart(&mut self, folder: &Path) -> Result<()> {
        self.server.child.kill()?;
        self.server.child.wait()?;
        self.server = Self::node(folder, self.port, &self.variables)?;
        Ok(())
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// Runs `rabbitmqctl` on this node and gives what it prints.
    pub fn ctl(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(rabbitmq("rabbitmqctl"))
            .args(arguments)
            .envs(self.variables.iter().cloned())
            .output()?;
        if !output.status.success() {
            bail!(
                "rabbitmqctl {arguments:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}
