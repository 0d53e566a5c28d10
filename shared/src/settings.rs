//! Every setting, in one list: each line gives the flag, the variable, the default, the help
//! and the row in deploy/SETTINGS.md.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue};

use crate::access::SigningKeys;
use crate::asset::Access;
use crate::encoding::{Chroma, Encoding, Scans, Step};
use crate::preset::Policy;
use crate::queue::QueueLocation;
use crate::readiness::ReadinessLocation;
use crate::shown::{one_line, shown};
use crate::storage::Location;
use crate::telemetry::{LogFilter, LogFormat};
use crate::transform::Ladder;

mod text;

use text::FromText;
pub(crate) use text::is_url;
pub use text::{
    ByteSize, Connections, Endpoint, FilesMode, HeaderName, HttpUrl, Isolation, Memory, MissingEnd,
    Names, Namespace, Slots, WhoMay,
};

/// Which program a setting is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// `thumbmill-api`, and `thumbmill`.
    Api,
    /// `thumbmill-worker`, and `thumbmill`.
    Worker,
    /// All programs.
    Every,
}

/// A program that has settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `thumbmill-api`.
    Api,
    /// `thumbmill-worker`.
    Worker,
    /// `thumbmill`: both in one process.
    Everything,
}

impl Program {
    /// Its file's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "thumbmill-api",
            Self::Worker => "thumbmill-worker",
            Self::Everything => "thumbmill",
        }
    }

    fn reads(self, reader: Reader) -> bool {
        match (self, reader) {
            (_, Reader::Every)
            | (Self::Everything, _)
            | (Self::Api, Reader::Api)
            | (Self::Worker, Reader::Worker) => true,
            (Self::Api, Reader::Worker) | (Self::Worker, Reader::Api) => false,
        }
    }
}

/// One line of the list.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The field's name; the flag is `--the-name`, the variable `THUMBMILL_THE_NAME`.
    pub name: &'static str,
    /// What it is when nothing is said; empty means unset.
    pub default: &'static str,
    /// What it is for.
    pub help: &'static str,
    /// Who reads it.
    pub reader: Reader,
}

impl Setting {
    /// For example `THUMBMILL_WAIT_MAX`.
    pub fn variable(&self) -> String {
        format!("THUMBMILL_{}", self.name.to_uppercase())
    }

    /// For example `wait-max`.
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }
}

macro_rules! settings {
    ($($reader:ident $name:ident: $type:ty = $default:literal, $help:literal;)*) => {
        /// What the operator chose.
        #[derive(Clone, Debug)]
        pub struct Settings {
            $(#[doc = $help] pub $name: $type,)*
        }

        /// The list.
        pub const SETTINGS: &[Setting] = &[
            $(Setting { name: stringify!($name), default: $default, help: $help, reader: Reader::$reader },)*
        ];

        fn build(value: impl Fn(&str, &'static str) -> String) -> Result<Settings, Vec<Problem>> {
            let mut problems = Vec::new();
            $(
                let text = value(stringify!($name), $default);
                let $name = <$type>::from_text(&text)
                    .map_err(|reason| problems.push(Problem::new::<$type>(stringify!($name), &text, reason)))
                    .ok();
            )*
            match ($($name,)*) {
                ($(Some($name),)*) => Settings { $($name,)* }.checked(),
                _ => Err(problems),
            }
        }
    };
}

settings! {
    Api listen: SocketAddr = "127.0.0.1:8080", "Address and port that HTTP is served on.";
    Worker metrics_listen: SocketAddr = "127.0.0.1:9090", "Address and port of thumbmill-worker's /livez, /readyz and /metrics.";
    Every header_timeout: Duration = "10s", "How long the head of an HTTP request may take to come.";
    Api body_timeout: Duration = "30s", "How long a request's body may stand still; one that goes on, however slowly, is read to its end.";
    Every idle_timeout: Duration = "60s", "How long an HTTP connection may wait for its next request. Set it above the same limit of a proxy in front.";
    Every write_timeout: Duration = "30s", "How long a client may take none of an answer's bytes.";
    Every linger_timeout: Duration = "5s", "How long a connection is still read after its last answer, so that a client that sends its whole request first sees the answer.";
    Every max_connections: Connections = "auto", "HTTP connections that may be open at a time; further ones get 503. `auto` leaves half of the open files that the system allows (`ulimit -n`) for other things, and is 2048 at most.";
    Every max_connections_per_client: u32 = "100", "The same of one client, which is an IPv4 address or an IPv6 /64 network, and never more than half of them all; further ones get 429. It does not count behind a proxy, where `THUMBMILL_CLIENT_HEADER` is set.";
    Api admin_listen: Option<SocketAddr> = "", "Address and port of `/files`, `/campaigns` and `/metrics`, if they shall not be where `/assets` is.";
    Api access: WhoMay = "auto", "Who may do what without a token: `auto`, `local` or `open`. `auto` is `local` on a loopback address without tokens; otherwise public files can be read, and everything else needs a token. `local` lets everybody do everything who calls this machine `localhost` or by a loopback address, and not through a proxy: for a port that only this machine reaches. `open` lets everybody do everything.";
    Api tokens: Option<PathBuf> = "", "TOML file of tokens, which `thumbmill tokens new` writes; it is read again when it changes and on SIGHUP.";
    Api token_cookie: Option<String> = "", "Cookie that a token may come in, besides `Authorization: Bearer` and `?access_token=`.";
    Api default_access: Access = "public", "Who may see files of which nothing else is said: `public` (everybody) or `private` (whoever has a token or a signed URL, or whom `THUMBMILL_AUTHORIZE` lets).";
    Api originals: Access = "public", "Who may see originals themselves: `public` (whoever may see the file) or `private` (as if the file were private); its thumbnails are not meant.";
    Api signing_keys: SigningKeys = "", "Keys of signed URLs: `NAME:SECRET,NAME:SECRET`. `thumbmill sign` takes the first, all are good for checking. A secret has 32 characters or more.";
    Api authorize: Option<HttpUrl> = "", "URL of an application that says who may see a private file. It gets a GET with the client's Authorization and Cookie, X-Original-Method, and X-Original-URI, which is `/assets/ID` and the `access_token` if there is one. It answers 2xx for yes, and 401, 403 or 404 for no.";
    Api authorize_for: Duration = "30s", "How long such a verdict is kept, by credential and file; `0s` asks each time.";
    Api authorize_timeout: Duration = "2s", "How long the application may take; after that private files are answered with 503.";
    Every max_header_bytes: ByteSize = "32KiB", "Longest head of an HTTP request.";
    Api max_json_bytes: ByteSize = "64KiB", "Longest JSON body of a request.";
    Api max_fields_bytes: ByteSize = "64KiB", "Most that an upload may have before its file: fields, headers of parts and everything else together.";
    Api max_part_header_bytes: ByteSize = "8KiB", "Most that the headers of one part of an upload may have.";
    Every storage: Location = "file:./data", "Where originals and variants lie: `file:FOLDER` or `s3://BUCKET/PREFIX`. S3 credentials and region come from the usual AWS_* variables.";
    Every files_mode: FilesMode = "private", "Who may read the files of a folder store: `private` (only the user that the service runs as: folders 0700, files 0600) or `umask` (as the process' umask says, for a folder that several users share).";
    Every s3_endpoint: Option<Endpoint> = "", "URL of an S3 server that is not AWS; switches to path-style addresses.";
    Every s3_connect_timeout: Duration = "500ms", "How long a connection to S3 may take.";
    Every s3_attempt_timeout: Duration = "3s", "How long S3 may take to answer one attempt.";
    Every s3_operation_timeout: Duration = "8s", "How long one S3 operation may take with its retries.";
    Every queue: QueueLocation = "embedded", "Where jobs wait: `embedded` (in this process) or `amqp://USER:PASSWORD@HOST:PORT/VHOST` (RabbitMQ).";
    Every queue_limit: u32 = "10000", "Jobs that may wait in the interactive lane, and as many in the background lane; further misses get 503. Fixed when the queues are first declared.";
    Every queue_timeout: Duration = "1s", "How long RabbitMQ may take to confirm a job.";
    Every queue_unconfirmed: u32 = "1000", "Jobs that one process may have sent to RabbitMQ without its confirmation; further ones wait their turn within the same time.";
    Every readiness: ReadinessLocation = "embedded", "Who tells waiters that a variant is ready: `embedded` (this process) or `redis://HOST:PORT/DB`.";
    Every namespace: Namespace = "thumbmill", "Prefix of queue names and Redis keys: letters, digits, `-` and `_`.";
    Every presets: Option<PathBuf> = "", "TOML file of presets.";
    Every max_original_bytes: ByteSize = "100MiB", "Largest original, uploaded or rendered.";
    Api pregenerate: Names = "", "Presets that are made of every new or replaced original before anybody asks for them: `card,hero`.";
    Api transforms: Policy = "all", "Which transforms clients may ask for: `all`, `presets` (exactly the configured ones), `none` (only the built-in ones) or `signed` (presets, and anything in a signed URL).";
    Every widths: Option<Ladder> = "", "Widths that thumbnails are made in, such as `100,200,400,800`: one that a request names becomes the next of them, a height beside it keeps the ratio, a height alone becomes the next of them, too. Sizes of presets, of `transforms` and of jobs that others publish are exact. If unset, all are.";
    Api renew_after: Option<Duration> = "", "How old a thumbnail's date in the store must be to be renewed when it is asked for, such as `1d`; then `thumbmill variants purge --older-than` removes what nobody asked for. If unset, the date is that of its making; but if one of the next two settings is set, this one is `1d`, or half of `THUMBMILL_PURGE_OLDER_THAN` if that is less.";
    Every variants_max_bytes: Option<ByteSize> = "", "Bytes that all thumbnails in the store may have, such as `50GB`: above it workers remove those that were not asked for for longest, down to nine tenths. They count what lies there already. Until they are done the store may have more, by what is written meanwhile. Give api and worker the same. If unset, there is no bound.";
    Every purge_older_than: Option<Duration> = "", "Workers remove thumbnails that nobody has asked for for so long, such as `90d`. Give api and worker the same. If unset, they stay.";
    Worker sweep_every: Duration = "6h", "How often the workers together look through the store for the two settings above; for the bound they do so sooner, when they have written as much as may be too much.";
    Api wait: Duration = "10s", "How long a request waits for a missing variant.";
    Api wait_max: Duration = "30s", "The longest wait that a request may ask for with `Prefer: wait=N`.";
    Api max_waiting: u32 = "1000", "Thumbnails that one process may have asked for and that are not made yet, each counted once for every client; further ones get 503 at once.";
    Api max_waiting_per_client: u32 = "250", "The same of one client, which is an IPv4 address or an IPv6 /64 network, whether it waits, comes back later or has hung up; further ones get 429.";
    Api max_waiting_per_original: u32 = "100", "The same of one original; further ones get 429, but for a client that has less than its share of them.";
    Every client_header: Option<HeaderName> = "", "Header whose last address is the client's, such as `x-forwarded-for`, if a proxy adds it; if unset, whoever connects is the client, so behind a proxy it has to be set.";
    Api cache_control: String = "public, max-age=2592000", "Cache-Control of originals and variants.";
    Worker slots: Slots<0> = "auto", "Renders at a time that somebody waits for; `auto` is the number of cores.";
    Worker bulk_slots: Slots<1> = "auto", "Renders of bulk jobs at a time, beside the others; in child processes they get the CPU that those leave. `auto` is one less than there are cores, and at least 1.";
    Worker max_original_pixels: u64 = "36000000", "Most pixels of an original, checked on its header.";
    Worker max_dimension: u32 = "6000", "Longest side in pixels of an original and of a variant.";
    Worker max_variant_pixels: u64 = "36000000", "Most pixels of a thumbnail with its bars and edges: what one request can put into the store is bounded by it. The default is no bound below that of `THUMBMILL_MAX_DIMENSION`.";
    Every max_avif_pixels: u64 = "4000000", "Most pixels of an AVIF thumbnail, which takes about a second for each million; `auto` takes WebP for larger ones, and where no size is asked for.";
    Worker memory: Memory = "auto", "Memory that the originals and pixels of all jobs at a time may take: half of it originals, half of it pixels; a job waits for its share, bulk gets half of each at most. `auto` is half of what the container or the machine has.";
    Worker max_original_memory: ByteSize = "256MiB", "Most memory that the pixels of one decoded original may take.";
    Worker jpeg_missing_end: MissingEnd = "refuse", "What becomes of a JPEG that is cut off: `refuse` it, or `tolerate` that a part is gray.";
    Every jpeg_progressive: bool = "false", "Are JPEG thumbnails progressive: `true` or `false`.";
    Every jpeg_chroma: Chroma = "4:2:0", "Colour samples of JPEG thumbnails: `4:2:0` or `4:4:4`.";
    Every png_level: Step<9, 6> = "6", "Compression of PNG thumbnails, from 0 (fast) to 9 (small).";
    Every webp_effort: Step<6, 4> = "4", "Effort for WebP thumbnails, from 0 (fast) to 6 (small).";
    Every avif_effort: Step<9, 4> = "4", "Effort for AVIF thumbnails, from 0 (fast) to 9 (small).";
    Worker isolation: Isolation = "required", "Whether pictures are rendered in child processes that may open no file and no connection: `required` (where the system has no seccomp or does not let limits be set, the worker refuses to start), `preferred` (it only says so) or `off` (in the worker's own process).";
    Worker isolation_memory: ByteSize = "2GiB", "Address space of such a process; one that needs more is ended.";
    Worker render_timeout: Duration = "30s", "How long the decode of an original may take, and each of its variants. A job that takes longer in all does the rest in another turn.";
    Every max_variants: u32 = "100", "Most variants of one job, each of at most 16 KiB of JSON; a job with more is a dead letter.";
    Worker attempts: u32 = "5", "How often a job is tried before it is dead-lettered.";
    Api drain_delay: Duration = "3s", "How long a process goes on as before after SIGTERM, while `/readyz` says 503: a balancer sends it nothing more by then. No delay after Ctrl-C.";
    Every grace: Duration = "25s", "How long a process may take to end once it has begun to: after SIGTERM and `THUMBMILL_DRAIN_DELAY`, or after Ctrl-C.";
    Every log: LogFormat = "text", "How log lines are written: `text` or `json`.";
    Every log_filter: LogFilter = "info", "What is logged: a level, or directives such as `info,thumbmill_worker=debug`.";
}

/// How precisely it is known when a thumbnail was last asked for, where that matters and nothing
/// else is said.
const RENEW_AFTER: Duration = Duration::from_hours(24);

impl Settings {
    /// Refuses settings that contradict each other, and adds what follows from others.
    fn checked(self) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        if self.transforms == Policy::Signed && self.signing_keys.is_empty() {
            let reason = "nobody can sign without THUMBMILL_SIGNING_KEYS";
            problems.push(Problem::new::<Policy>(
                "transforms",
                "signed",
                reason.to_owned(),
            ));
        }
        if self.access == WhoMay::Open && self.tokens.is_some() {
            let reason = "tokens mean nothing where everybody may do everything: leave THUMBMILL_TOKENS or this out";
            problems.push(Problem::new::<WhoMay>("access", "open", reason.to_owned()));
        }
        if problems.is_empty() {
            Ok(self.completed())
        } else {
            Err(problems)
        }
    }

    /// With what follows from other settings where nothing was said.
    fn completed(self) -> Self {
        let dates_matter = self.variants_max_bytes.is_some() || self.purge_older_than.is_some();
        let half = |age: Duration| age / 2;
        let most = self.purge_older_than.map_or(RENEW_AFTER, half);
        let derived = dates_matter.then(|| RENEW_AFTER.min(most));
        Self {
            renew_after: self.renew_after.or(derived),
            ..self
        }
    }

    /// What was chosen of the encoders.
    pub fn encoding(&self) -> Encoding {
        Encoding {
            jpeg_scans: if self.jpeg_progressive {
                Scans::Progressive
            } else {
                Scans::Baseline
            },
            jpeg_chroma: self.jpeg_chroma,
            png_level: self.png_level,
            webp_effort: self.webp_effort,
            avif_effort: self.avif_effort,
        }
    }
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{variable}={value}: {reason}")]
pub struct Problem {
    variable: String,
    value: String,
    reason: String,
}

impl Problem {
    fn new<T: FromText>(name: &str, value: &str, reason: String) -> Self {
        // Such a setting's text is a secret however it is mistyped. Another's may be a URL that
        // belongs elsewhere.
        let secret = T::SECRET || value.contains(['@', '/']);
        let value = if secret && !value.is_empty() {
            "***".to_owned()
        } else {
            shown(value, MOST_CHARACTERS)
        };
        Self {
            variable: format!("THUMBMILL_{}", name.to_uppercase()),
            value,
            reason,
        }
    }
}

/// So much is repeated of what was typed.
const MOST_CHARACTERS: usize = 200;

/// The exit code for settings and flags that cannot be used (`EX_USAGE` of sysexits.h).
pub const EXIT_USAGE: i32 = 64;

/// The flags of `program`.
pub fn command(program: Program, about: &'static str) -> clap::Command {
    let arguments = SETTINGS
        .iter()
        .filter(move |setting| program.reads(setting.reader))
        .map(|setting| {
            clap::Arg::new(setting.name)
                .long(setting.flag())
                .env(setting.variable())
                .default_value(setting.default)
                .hide_env_values(true)
                .help(setting.help)
                .value_name("VALUE")
                // A command's own flag may have the name of what only the api reads.
                .global(setting.reader != Reader::Api)
                // Below a command's own flags.
                .help_heading("Settings")
        });
    clap::Command::new(program.name())
        .version(env!("CARGO_PKG_VERSION"))
        .about(about)
        .args(arguments)
}

/// Reads flags and variables; flags win.
pub fn read(program: Program, matches: &clap::ArgMatches) -> Result<Settings, Vec<Problem>> {
    build(|name, default| {
        let setting = SETTINGS.iter().find(|setting| setting.name == name);
        match setting {
            Some(setting) if program.reads(setting.reader) => matches
                .get_one::<String>(name)
                .cloned()
                .unwrap_or_else(|| default.to_owned()),
            _ => default.to_owned(),
        }
    })
    .map(Settings::completed)
}

/// Reads flags and variables, or ends the process: help and version with code 0, everything
/// that is wrong at once with code 64.
pub fn read_or_exit(program: Program, about: &'static str) -> Settings {
    parse_or_exit(program, command(program, about)).0
}

/// The same for a command that may have more than [`command`] gave it.
pub fn parse_or_exit(program: Program, command: clap::Command) -> (Settings, clap::ArgMatches) {
    let matches = command.try_get_matches().unwrap_or_else(|error| {
        let error = without_secrets(error);
        // Help or a usage error; if even the terminal is gone there is nobody to tell.
        let _ = error.print();
        std::process::exit(if error.use_stderr() { EXIT_USAGE } else { 0 });
    });
    match read(program, &matches) {
        Ok(settings) => (settings, matches),
        Err(problems) => exit_with(program, &problems),
    }
}

/// The same error without what was typed, unless that can only be the name of a flag or a command: a
/// mistyped flag may have a URL behind it.
fn without_secrets(mut error: clap::Error) -> clap::Error {
    let hidden: Vec<_> = error
        .context()
        .filter_map(|(kind, value)| match (kind, value) {
            (
                ContextKind::InvalidArg
                | ContextKind::InvalidSubcommand
                | ContextKind::InvalidValue,
                ContextValue::String(text),
            ) => Some((kind, ContextValue::String(typed(text)))),
            _ => None,
        })
        .collect();
    for (kind, value) in hidden {
        error.insert(kind, value);
    }
    error
}

/// What is shown of a word of the command line.
fn typed(text: &str) -> String {
    let name = text.split('=').next().unwrap_or_default();
    // What clap itself says of a flag has a placeholder: `--wait <VALUE>`.
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.<> []".contains(c);
    match (name.len() == text.len(), name.chars().all(allowed)) {
        (true, true) => text.to_owned(),
        (false, true) => format!("{name}=***"),
        (_, false) => "***".to_owned(),
    }
}

/// Says what is wrong and ends the process with code 64.
pub fn exit_with<P: std::fmt::Display>(program: Program, problems: &[P]) -> ! {
    use std::io::Write;
    let mut stderr = std::io::stderr().lock();
    for problem in problems {
        let _ = writeln!(
            stderr,
            "{}: {}",
            program.name(),
            indented(&problem.to_string())
        );
    }
    std::process::exit(EXIT_USAGE)
}

/// A message of several lines as one: only the first begins where a message begins, and none has what
/// controls a terminal.
pub fn indented(message: &str) -> String {
    let lines: Vec<_> = message.lines().map(one_line).collect();
    lines.join("\n    ")
}

#[cfg(test)]
mod tests;
