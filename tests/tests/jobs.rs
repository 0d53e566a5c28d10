//! Jobs that come more than once, and announcements: played by the test against real processes.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::StatusCode;
use thumbmill_shared::asset::AssetId;
use thumbmill_shared::encoding::Encoding;
use thumbmill_shared::format::Format;
use thumbmill_shared::job::{JOB_VERSION, RenderJob};
use thumbmill_shared::outcome::{Outcome, Ready};
use thumbmill_shared::queue::{Lane, Message, Queue, Seen};
use thumbmill_shared::readiness::{
    ANNOUNCED_BYTES, Claim, Claimant, DeliveryKind, Ending, Hears, Readiness,
};
use thumbmill_shared::settings::{self, Program};
use thumbmill_shared::shutdown::Shutdown;
use thumbmill_shared::storage::{Condition, Source};
use thumbmill_shared::trace::TraceContext;
use thumbmill_shared::transform::VariantRequest;
use thumbmill_shared::variant::Variant;
use thumbmill_tests::cluster::{Cluster, header, variable};
use thumbmill_tests::pictures::photo_jpeg;

/// A picture, a thumbnail of it, and the means to play a worker or a publisher.
struct Play {
    cluster: Cluster,
    path: String,
    variant: Variant,
    readiness: Readiness,
    shutdown: Shutdown,
}

impl Play {
    async fn begin(workers: usize) -> Self {
        let cluster = Cluster::distributed(1, workers, &[]).await;
        let id = cluster.upload("a.jpg", photo_jpeg(480, 320)).await;
        let etag = header(&cluster.get(&format!("/assets/{id}")).await, "etag");
        let request: VariantRequest = serde_json::from_str(r#"{"width":24}"#).unwrap();
        let version = serde_json::from_value(etag.trim_matches('"').into());
        let variant = Variant {
            asset: id.parse::<AssetId>().unwrap(),
            original_version: version.unwrap(),
            transform: request.resolve(Format::Jpeg, Format::Jpeg),
            encoding: Encoding::default(),
        };
        let location = variable("THUMBMILL_TEST_REDIS").parse().unwrap();
        let namespace = cluster.namespace.parse().unwrap();
        let shutdown = Shutdown::default();
        Self {
            path: format!("/assets/{id}?width=24"),
            variant,
            readiness: Readiness::open(&location, &namespace, Hears::Changes, &shutdown).unwrap(),
            shutdown,
            cluster,
        }
    }

    /// Asks for the thumbnail, until the api waits for its job.
    async fn ask(&self) -> tokio::task::JoinHandle<(StatusCode, Bytes)> {
        let get = self.cluster.client().get(self.cluster.url(&self.path));
        let asking = tokio::spawn(async move {
            let answer = get.send().await.unwrap();
            (answer.status(), answer.bytes().await.unwrap())
        });
        let published = "thumbmill_jobs_published_total";
        self.cluster.until(published, "confirmed", 1).await;
        asking
    }

    /// Ends the thumbnail as a worker would.
    async fn finish(&self, ending: Ending) {
        let by = Claimant {
            job: RenderJob::id_of(b"played"),
            attempt: 1,
            worker: "played".to_owned(),
            delivery: DeliveryKind::First,
        };
        let key = self.variant.key();
        self.readiness.finish(&key, &by, &ending).await.unwrap();
    }

    async fn put(&self, picture: &'static [u8]) {
        let storage = self.cluster.storage().await;
        let (object, source) = (self.variant.object(), Source::Bytes(picture.into()));
        let put = storage.put(&object, source, "image/jpeg", Condition::Always);
        put.await.unwrap();
    }

    /// Publishes the thumbnail's job as the api does, so many times at once.
    async fn publish(&self, copies: usize, attempt: u32, seen: Seen) {
        let arguments = [
            "thumbmill".to_owned(),
            format!("--namespace={}", self.cluster.namespace),
            format!("--queue={}", variable("THUMBMILL_TEST_AMQP")),
            "--queue-timeout=10s".to_owned(),
        ];
        let matches = settings::command(Program::Everything, "test")
            .try_get_matches_from(arguments)
            .unwrap();
        let settings = settings::read(Program::Everything, &matches).unwrap();
        let queue = Queue::open(&settings, &self.shutdown).unwrap();
        let job = RenderJob {
            version: JOB_VERSION,
            asset: self.variant.asset,
            original_version: Some(self.variant.original_version.clone()),
            variants: vec![self.variant.transform.to_request()],
            encoding: None,
            campaign: None,
            number: None,
            begun_unix: None,
            priority: None,
        };
        let body = job.to_body().unwrap();
        let message = Message {
            id: RenderJob::id_of(&body),
            body,
            attempt,
            outages: 0,
            trace: TraceContext::random(),
            published: SystemTime::now(),
            seen,
        };
        let published = (0..copies).map(|_| queue.publish(Lane::Interactive, message.clone()));
        for published in futures_util::future::join_all(published).await {
            published.unwrap();
        }
    }

    /// Waits until workers are done with so many jobs; says how many pictures they rendered.
    async fn renders_after(&self, jobs: u64) -> u64 {
        self.cluster
            .until("thumbmill_jobs_total", "done", jobs)
            .await;
        self.cluster.metric("thumbmill_renders_total", "").await
    }

    /// The job that the test did in its stead is left to a worker, who finds nothing to do.
    async fn end_with_a_worker(mut self) {
        self.cluster.start_worker().await;
        assert_eq!(self.renders_after(1).await, 0);
        self.cluster.finish(0).await;
    }
}

fn ready(picture: &[u8]) -> Ready {
    Ready {
        length_bytes: picture.len() as u64,
        render_ms: None,
        queued_ms: None,
    }
}

#[tokio::test]
async fn what_is_announced_is_not_read_from_the_store() {
    let play = Play::begin(0).await;
    let asking = play.ask().await;
    // Other bytes than a worker would have put show where they come from.
    play.put(b"stored").await;
    let announced = Bytes::from_static(b"announced");
    play.finish(Ending::stored(ready(&announced), announced.clone()))
        .await;
    assert_eq!(asking.await.unwrap(), (StatusCode::OK, announced));
    let later = play.cluster.get(&play.path).await;
    assert_eq!(later.bytes().await.unwrap(), "stored");
    play.end_with_a_worker().await;
}

#[tokio::test]
async fn what_is_announced_without_its_bytes_is_read_from_the_store() {
    let play = Play::begin(0).await;
    let asking = play.ask().await;
    play.put(b"stored").await;
    play.finish(Outcome::Ready(ready(b"stored")).into()).await;
    assert_eq!(asking.await.unwrap(), (StatusCode::OK, "stored".into()));
    play.end_with_a_worker().await;
}

/// Redis has the outcome, but the announcement never arrives.
#[tokio::test]
async fn a_missed_announcement_costs_a_second_and_no_thumbnail() {
    let play = Play::begin(0).await;
    let asking = play.ask().await;
    play.put(b"stored").await;
    let client = redis::Client::open(variable("THUMBMILL_TEST_REDIS")).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let state = format!(
        "{}:{{{}}}:state",
        play.cluster.namespace,
        play.variant.key()
    );
    let outcome = serde_json::to_string(&Outcome::Ready(ready(b"stored"))).unwrap();
    let set: redis::RedisResult<()> = redis::cmd("SET")
        .arg(state)
        .arg(outcome)
        .query_async(&mut connection)
        .await;
    set.unwrap();
    assert_eq!(asking.await.unwrap(), (StatusCode::OK, "stored".into()));
    play.end_with_a_worker().await;
}

/// What a worker announces is what it stored, and an answer made of it is what a hit will be.
#[tokio::test]
async fn a_miss_is_answered_like_the_hit_after_it() {
    let play = Play::begin(1).await;
    let id = play.variant.asset;
    let table = [
        ("width=24&format=png", None),
        ("width=25&download", Some("bytes=2-9")),
        ("width=26", Some("bytes=-3")),
        ("width=480&format=png", None),
    ];
    for (query, range) in table {
        let url = play.cluster.url(&format!("/assets/{id}?{query}"));
        let mut answers = Vec::new();
        for kind in ["miss", "hit"] {
            let mut get = play.cluster.client().get(&url);
            if let Some(range) = range {
                get = get.header("range", range);
            }
            let answer = get.send().await.unwrap();
            assert!(header(&answer, "server-timing").starts_with(kind), "{kind}");
            let status = answer.status();
            let mut headers = answer.headers().clone();
            for own in ["server-timing", "date", "x-request-id"] {
                headers.remove(own);
            }
            answers.push((status, headers, answer.bytes().await.unwrap()));
        }
        assert_eq!(answers[0], answers[1], "{query}");
        let large = answers[0].2.len() > ANNOUNCED_BYTES;
        assert_eq!(large, query == "width=480&format=png", "{query}");
    }
    play.cluster.finish(0).await;
}

#[tokio::test]
async fn two_copies_of_a_job_cause_one_render() {
    let play = Play::begin(2).await;
    play.publish(2, 1, Seen::Absent).await;
    assert_eq!(play.renders_after(2).await, 1);
    play.cluster.finish(0).await;
}

/// Another worker makes it, and gives it up without a word: nobody else would.
#[tokio::test]
async fn a_job_comes_again_while_another_worker_has_its_thumbnail() {
    let play = Play::begin(1).await;
    let other = Claimant {
        job: RenderJob::id_of(b"another"),
        attempt: 1,
        worker: "played".to_owned(),
        delivery: DeliveryKind::First,
    };
    let key = play.variant.key();
    let claimed = play.readiness.claim(&key, &other).await.unwrap();
    assert_eq!(claimed, Claim::Won);
    play.publish(1, 1, Seen::Absent).await;
    while play
        .cluster
        .metric("thumbmill_jobs_total", "deferred")
        .await
        < 1
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(play.cluster.metric("thumbmill_renders_total", "").await, 0);
    play.readiness.release(&key, &other).await.unwrap();
    assert_eq!(play.renders_after(1).await, 1);
    play.cluster.finish(0).await;
}

/// Redis has forgotten the thumbnail; only the store knows it.
#[tokio::test]
async fn a_job_that_comes_again_does_not_render_what_is_stored() {
    let play = Play::begin(1).await;
    play.publish(1, 1, Seen::Absent).await;
    assert_eq!(play.renders_after(1).await, 1);
    for (jobs, attempt, seen) in [(2, 2, Seen::Absent), (3, 1, Seen::Nothing)] {
        play.readiness.forget(&play.variant.key()).await.unwrap();
        play.publish(1, attempt, seen).await;
        assert_eq!(play.renders_after(jobs).await, 1);
    }
    play.cluster.finish(0).await;
}
