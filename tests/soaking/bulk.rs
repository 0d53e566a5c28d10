//! A publisher of bulk jobs, as a campaign is: several thumbnails of an original in a job, now and
//! then the same job twice, and messages that are no jobs.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::json;
use thumbmill_shared::asset::OriginalVersion;
use thumbmill_shared::encoding::Encoding;
use thumbmill_shared::format::SourceFormat;
use thumbmill_shared::job::RenderJob;
use thumbmill_shared::queue::{Lane, Message, Queue, Seen};
use thumbmill_shared::settings::{self, Program};
use thumbmill_shared::shutdown::Shutdown;
use thumbmill_shared::storage::Storage;
use thumbmill_shared::trace::TraceContext;
use thumbmill_shared::variant::Variant;

use crate::colour::Encoded;
use crate::diary::Fault;
use crate::ledger::Violation;
use crate::subjects::Subject;
use crate::world::World;

/// A job that was published.
#[derive(Debug)]
pub struct Published {
    /// Its id.
    pub id: String,
    subject: Arc<Subject>,
    /// The original's version and number of changes then, if they were certain.
    before: Option<(String, usize)>,
    job: RenderJob,
}

/// What was published in all.
#[derive(Debug, Default)]
pub struct Campaign {
    /// Jobs.
    pub jobs: Vec<Published>,
    /// Messages that are no jobs.
    pub no_jobs: Vec<String>,
}

/// The queue, on a way that is never cut; the broker itself may be away.
pub fn queue(world: &World) -> Queue {
    let namespace = format!("--namespace={}", world.fleet.namespace);
    let arguments = [
        "soak",
        &namespace,
        "--queue-timeout=10s",
        "--queue",
        &world.keeper.url,
    ];
    let matches = settings::command(Program::Everything, "soak").try_get_matches_from(arguments);
    let settings = settings::read(Program::Everything, &matches.unwrap()).unwrap();
    Queue::open(&settings, &Shutdown::default()).unwrap()
}

/// Publishes jobs until the load ends.
pub async fn publisher(world: Arc<World>, queue: Queue) -> Campaign {
    let mut random = world.plan.random("bulk", 0);
    let mut campaign = Campaign::default();
    while world.pause_between(&mut random, 300, 1500).await {
        let number = campaign.jobs.len() + campaign.no_jobs.len();
        let (twice, no_job) = (random.random_bool(0.25), random.random_bool(0.03));
        if no_job {
            let id = publish(&world, &queue, format!("no job {number}").into_bytes()).await;
            campaign.no_jobs.push(id);
            continue;
        }
        let place = random.random_range(0..world.subjects.healthy());
        let subject = world.subjects.at(place);
        let job = job(&subject, number, &mut random);
        let before = subject.settled();
        let body = job.to_body().unwrap();
        let id = publish(&world, &queue, body.clone()).await;
        if twice {
            world.diary.happened(Fault::JobTwice);
            publish(&world, &queue, body).await;
        }
        campaign.jobs.push(Published {
            id,
            subject,
            before,
            job,
        });
    }
    campaign
}

fn job(subject: &Subject, number: usize, random: &mut StdRng) -> RenderJob {
    let mut variants = Vec::new();
    for _ in 0..random.random_range(1..4) {
        let (width, height) = (random.random_range(30..420), random.random_range(30..320));
        variants.push(json!({"width": width, "height": height}));
    }
    let job = json!({
        "version": 1, "asset": subject.id, "variants": variants,
        "campaign": "soak", "number": number,
    });
    serde_json::from_value(job).unwrap()
}

/// Publishes until it is confirmed, and gives the job's id.
async fn publish(world: &World, queue: &Queue, body: Vec<u8>) -> String {
    let id = RenderJob::id_of(&body);
    while !world.must_be_drained() {
        let message = Message {
            body: body.clone(),
            id: id.clone(),
            attempt: 1,
            outages: 0,
            trace: TraceContext::random(),
            published: SystemTime::now(),
            seen: Seen::Nothing,
        };
        if queue.publish(Lane::Bulk, message).await.is_ok() {
            return id.to_string();
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    world.violation(Violation::Lost, "a bulk job could not be published");
    id.to_string()
}

impl Published {
    /// Those of its thumbnails that the store must have, and has not: the original is as it was.
    pub async fn missing(&self, storage: &Storage) -> Vec<String> {
        let mut missing = Vec::new();
        let Some((version, _)) = self
            .before
            .clone()
            .filter(|_| self.before == self.subject.settled())
        else {
            return missing;
        };
        let source = match self.subject.look.0 {
            Encoded::Jpeg => SourceFormat::Jpeg,
            Encoded::Png => SourceFormat::Png,
            Encoded::Webp => SourceFormat::Webp,
        };
        for request in &self.job.variants {
            let variant = Variant {
                asset: self.job.asset,
                original_version: OriginalVersion::try_from(version.clone()).unwrap(),
                transform: request.resolve(source, source.plain()),
                encoding: Encoding::default(),
            };
            let object = variant.object();
            if storage.head(&object).await.unwrap().is_none() {
                missing.push(object);
            }
        }
        missing
    }
}
