//! Readiness in Redis, for many processes. Each decision is one Lua script, so it is made at one
//! moment; all keys of one variant share a hash tag, so Redis Cluster keeps them together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{IntoConnectionInfo, RedisError, Script, ScriptInvocation};
use tokio::sync::broadcast;
use tokio::time::timeout;

use super::{
    Claim, Claimant, DeliveryKind, EVENTS, Ending, Enqueue, Event, Hears, LEASE_FOR, PENDING_FOR,
    PUBLISHING_FOR, Pending, ReadinessError, remembered_for,
};
use crate::asset::AssetId;
use crate::campaigns::redis as campaigns;
use crate::outcome::Outcome;
use crate::settings::Namespace;
use crate::shutdown::Shutdown;
use crate::variant::VariantKey;

mod announcement;
mod listen;
mod scripts;

use scripts::Scripts;

/// How long Redis may take to answer; then the caller goes on without it.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// Readiness in Redis; clones share one connection.
#[derive(Clone)]
pub struct Redis {
    connection: ConnectionManager,
    names: Arc<Names>,
    scripts: Arc<Scripts>,
    campaign_scripts: Arc<campaigns::Scripts>,
    events: broadcast::Sender<Event>,
    listening: Arc<AtomicBool>,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// The names of all keys and channels.
#[derive(Debug)]
struct Names {
    namespace: String,
}

impl Names {
    fn state(&self, key: &VariantKey) -> String {
        format!("{}:{{{key}}}:state", self.namespace)
    }

    fn pending(&self, key: &VariantKey) -> String {
        format!("{}:{{{key}}}:pending", self.namespace)
    }

    fn lease(&self, key: &VariantKey) -> String {
        format!("{}:{{{key}}}:lease", self.namespace)
    }

    fn done(&self) -> String {
        format!("{}:done", self.namespace)
    }

    fn changed(&self) -> String {
        format!("{}:changed", self.namespace)
    }

    fn channels(&self, hears: Hears) -> Vec<String> {
        match hears {
            Hears::Everything => vec![self.done(), self.changed()],
            Hears::Changes => vec![self.changed()],
        }
    }
}

impl From<RedisError> for ReadinessError {
    fn from(error: RedisError) -> Self {
        Self(error.to_string())
    }
}

impl From<serde_json::Error> for ReadinessError {
    fn from(error: serde_json::Error) -> Self {
        Self(format!("a value that is not an outcome: {error}"))
    }
}

impl Redis {
    pub(super) fn open(
        url: &str,
        namespace: &Namespace,
        hears: Hears,
        shutdown: &Shutdown,
    ) -> Result<Self, ReadinessError> {
        // A small command must not wait for the answer to the one before it.
        let info = url.into_connection_info()?;
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        let client = redis::Client::open(info.set_tcp_settings(tcp))?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(ANSWER_WITHIN))
            .set_response_timeout(Some(ANSWER_WITHIN))
            .set_number_of_retries(1)
            .set_max_delay(ANSWER_WITHIN);
        let this = Self {
            connection: ConnectionManager::new_lazy_with_config(client.clone(), config)?,
            names: Arc::new(Names {
                namespace: namespace.as_str().to_owned(),
            }),
            scripts: Arc::default(),
            campaign_scripts: Arc::default(),
            events: broadcast::Sender::new(EVENTS),
            listening: Arc::default(),
        };
        // Whoever waits while the process ends hears of it, too.
        shutdown.spawn_detached(listen::run(
            client,
            this.names.channels(hears),
            Arc::clone(&this.names),
            this.events.clone(),
            Arc::clone(&this.listening),
        ));
        Ok(this)
    }

    /// Prefix of all names.
    pub(crate) fn namespace(&self) -> &str {
        &self.names.namespace
    }

    pub(crate) fn campaign_scripts(&self) -> &campaigns::Scripts {
        &self.campaign_scripts
    }

    pub(crate) async fn run<T: redis::FromRedisValue>(
        &self,
        call: &ScriptInvocation<'_>,
    ) -> Result<T, ReadinessError> {
        let mut connection = self.connection.clone();
        in_time(call.invoke_async(&mut connection)).await
    }

    pub(crate) async fn ask<T: redis::FromRedisValue>(
        &self,
        command: &redis::Cmd,
    ) -> Result<T, ReadinessError> {
        let mut connection = self.connection.clone();
        in_time(command.query_async(&mut connection)).await
    }

    pub(super) async fn enqueue(
        &self,
        key: &VariantKey,
        job: &Pending,
    ) -> Result<Enqueue, ReadinessError> {
        let mut call = self.scripts.enqueue.key(self.names.state(key));
        call.key(self.names.pending(key))
            .arg(pending(job))
            .arg(millis(PUBLISHING_FOR))
            .arg(job.priority.name());
        let (word, state): (String, String) = self.run(&call).await?;
        match word.as_str() {
            "known" => Ok(Enqueue::Known(serde_json::from_str(&state)?)),
            "pending" => Ok(Enqueue::Pending),
            _ => Ok(Enqueue::Publish),
        }
    }

    pub(super) async fn published(
        &self,
        key: &VariantKey,
        job: &Pending,
    ) -> Result<(), ReadinessError> {
        self.extend(self.names.pending(key), &pending(job), PENDING_FOR)
            .await
    }

    pub(super) async fn withdraw(
        &self,
        key: &VariantKey,
        job: &Pending,
    ) -> Result<(), ReadinessError> {
        self.remove(self.names.pending(key), &pending(job)).await
    }

    pub(super) async fn claim(
        &self,
        key: &VariantKey,
        by: &Claimant,
    ) -> Result<Claim, ReadinessError> {
        let again = match by.delivery {
            DeliveryKind::First => "0",
            DeliveryKind::Again => "1",
        };
        let mut call = self.scripts.claim.key(self.names.state(key));
        call.key(self.names.lease(key))
            .arg(by.job.as_str())
            .arg(by.attempt)
            .arg(owner(by));
        call.arg(again).arg(millis(LEASE_FOR));
        let (word, state): (String, String) = self.run(&call).await?;
        match word.as_str() {
            "known" => Ok(Claim::Known(serde_json::from_str(&state)?)),
            "held" => Ok(Claim::Held),
            _ => Ok(Claim::Won),
        }
    }

    pub(super) async fn renew(
        &self,
        key: &VariantKey,
        by: &Claimant,
    ) -> Result<(), ReadinessError> {
        self.extend(self.names.lease(key), &owner(by), LEASE_FOR)
            .await
    }

    pub(super) async fn release(
        &self,
        key: &VariantKey,
        by: &Claimant,
    ) -> Result<(), ReadinessError> {
        self.remove(self.names.lease(key), &owner(by)).await
    }

    pub(super) async fn finish(
        &self,
        key: &VariantKey,
        by: &Claimant,
        ending: &Ending,
    ) -> Result<(), ReadinessError> {
        let outcome = &ending.outcome;
        let overwrite = match outcome {
            Outcome::Ready(_) => "1",
            Outcome::Failed(_) => "0",
        };
        let mut call = self.scripts.finish.key(self.names.state(key));
        call.key(self.names.pending(key)).key(self.names.lease(key));
        call.arg(serde_json::to_string(outcome)?)
            .arg(remembered_for(outcome).map_or(0, millis))
            .arg(owner(by))
            .arg(overwrite);
        call.arg(self.names.done())
            .arg(announcement::opening(key))
            .arg(announcement::rest(ending));
        self.run(&call).await
    }

    pub(super) async fn forget(&self, key: &VariantKey) -> Result<(), ReadinessError> {
        self.run(&Script::new("redis.call('DEL', KEYS[1])").key(self.names.state(key)))
            .await
    }

    pub(super) async fn original_changed(&self, asset: AssetId) -> Result<(), ReadinessError> {
        let script = Script::new("redis.call('PUBLISH', ARGV[1], ARGV[2])");
        let mut call = script.arg(self.names.changed());
        call.arg(asset.to_string());
        self.run(&call).await
    }

    pub(super) fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    pub(super) fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Relaxed)
    }

    async fn extend(
        &self,
        key: String,
        value: &str,
        lasts: Duration,
    ) -> Result<(), ReadinessError> {
        let mut call = self.scripts.extend.key(key);
        call.arg(value).arg(millis(lasts));
        self.run(&call).await
    }

    async fn remove(&self, key: String, value: &str) -> Result<(), ReadinessError> {
        let mut call = self.scripts.remove.key(key);
        call.arg(value);
        self.run(&call).await
    }
}

async fn in_time<T>(
    answer: impl Future<Output = redis::RedisResult<T>>,
) -> Result<T, ReadinessError> {
    let answer = timeout(2 * ANSWER_WITHIN, answer).await;
    Ok(answer.map_err(|_| ReadinessError("no answer in time".to_owned()))??)
}

/// What stands in a lease: job, attempt and worker.
fn pending(job: &Pending) -> String {
    format!("{} {}", job.job, job.priority.name())
}

fn owner(by: &Claimant) -> String {
    format!("{} {} {}", by.job, by.attempt, by.worker)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
