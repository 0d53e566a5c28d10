//! What breaks servers: one task for each, so that several may be broken at the same time.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use thumbmill_tests::cluster::variable;
use thumbmill_tests::proxy::{Mode, Proxy};

use crate::diary::Fault;
use crate::keeper::Order;
use crate::world::World;

const RABBITMQ: [Fault; 8] = [
    Fault::RabbitMqAway,
    Fault::RabbitMqAway,
    Fault::RabbitMqCut,
    Fault::RabbitMqCut,
    Fault::RabbitMqSilent,
    Fault::RabbitMqSilent,
    Fault::RabbitMqKilled,
    Fault::RabbitMqAlarm,
];
const REDIS: [Fault; 4] = [
    Fault::RedisAway,
    Fault::RedisCut,
    Fault::RedisSilent,
    Fault::RedisFlushed,
];
const S3: [Fault; 5] = [
    Fault::S3Away,
    Fault::S3Silent,
    Fault::S3CutShort,
    Fault::S3Slow,
    Fault::S3SlowDown,
];
const SLOW_BY: Duration = Duration::from_secs(5);

/// Breaks RabbitMQ again and again until the load ends.
pub async fn rabbitmq(world: Arc<World>) {
    let mut random = world.plan.random("rabbitmq", 0);
    while world.pause_between(&mut random, 4000, 12_000).await {
        let (fault, time) = draw(&world, &RABBITMQ, &mut random);
        let entry = world.diary.begun(fault);
        let proxy = &world.fleet.rabbitmq;
        match fault {
            Fault::RabbitMqKilled => {
                world.keeper.order(Order::Kill).await.unwrap();
            }
            Fault::RabbitMqAlarm => {
                world.keeper.order(Order::Alarm).await.unwrap();
                world.pause(time).await;
                world.keeper.order(Order::AllClear).await.unwrap();
            }
            Fault::RabbitMqCut => cut(&world, proxy, time).await,
            Fault::RabbitMqSilent => hold(&world, proxy, Mode::Silent, time).await,
            _ => hold(&world, proxy, Mode::Refuse, time).await,
        }
        world.diary.ended(entry);
    }
}

/// The same with Redis.
pub async fn redis(world: Arc<World>) {
    let mut random = world.plan.random("redis", 0);
    let client = redis::Client::open(variable("THUMBMILL_TEST_REDIS")).unwrap();
    while world.pause_between(&mut random, 4000, 12_000).await {
        let (fault, time) = draw(&world, &REDIS, &mut random);
        let entry = world.diary.begun(fault);
        let proxy = &world.fleet.redis;
        match fault {
            Fault::RedisFlushed => {
                let mut connection = client.get_multiplexed_async_connection().await.unwrap();
                let emptied: redis::RedisResult<()> =
                    redis::cmd("FLUSHALL").query_async(&mut connection).await;
                emptied.unwrap();
            }
            Fault::RedisCut => cut(&world, proxy, time).await,
            Fault::RedisSilent => hold(&world, proxy, Mode::Silent, time).await,
            _ => hold(&world, proxy, Mode::Refuse, time).await,
        }
        world.diary.ended(entry);
    }
}

/// The same with S3.
pub async fn s3(world: Arc<World>) {
    let mut random = world.plan.random("s3", 0);
    while world.pause_between(&mut random, 5000, 14_000).await {
        let (fault, time) = draw(&world, &S3, &mut random);
        let mode = match fault {
            Fault::S3Silent => Mode::Silent,
            Fault::S3CutShort => Mode::CutAfter(random.random_range(0..40_000)),
            Fault::S3Slow => Mode::Slow(SLOW_BY),
            Fault::S3SlowDown => Mode::SlowDown,
            _ => Mode::Refuse,
        };
        let entry = world.diary.begun(fault);
        world.fleet.set_s3(mode);
        world.pause(time).await;
        world.fleet.set_s3(Mode::Pass);
        world.diary.ended(entry);
    }
}

/// A fault, and how long it lasts: seconds as a rule.
fn draw(world: &World, faults: &[Fault], random: &mut StdRng) -> (Fault, Duration) {
    let fault = *faults.choose(random).unwrap();
    let longest = world.plan.longest_outage().as_millis() as u64;
    let most = if random.random_bool(0.15) {
        longest
    } else {
        5000.min(longest)
    };
    let time = random.random_range(500..most.max(501));
    (fault, Duration::from_millis(time))
}

async fn hold(world: &World, proxy: &Proxy, mode: Mode, time: Duration) {
    proxy.set(mode);
    world.pause(time).await;
    proxy.set(Mode::Pass);
}

async fn cut(world: &World, proxy: &Proxy, time: Duration) {
    let times = time.as_millis() / 300;
    for _ in 0..=times {
        proxy.cut();
        world.pause(Duration::from_millis(300)).await;
    }
}
