//! A RabbitMQ of the soak's own, which it may kill. The broker ends with the thread that started
//! it, so that thread takes orders.

use std::path::Path;
use std::sync::mpsc;

use anyhow::Result;
use thumbmill_tests::servers::RabbitMq;
use tokio::sync::oneshot;

/// What the broker's keeper is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Kill it, and start it again on what it had written.
    Kill,
    /// Let it be short of memory.
    Alarm,
    /// And not any more.
    AllClear,
    /// Say how many messages each queue has.
    Queues,
}

type Orders = mpsc::Sender<(Order, oneshot::Sender<Result<String>>)>;

/// The broker's keeper.
#[derive(Debug)]
pub struct Keeper {
    orders: Orders,
    /// Where the broker is.
    pub url: String,
}

/// Messages of one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Its name behind the namespace.
    pub queue: String,
    /// Messages that wait.
    pub ready: u64,
    /// Messages that workers have.
    pub unacked: u64,
}

impl Keeper {
    /// Starts the broker.
    pub async fn start(folder: &Path) -> Self {
        let (orders, taken) = mpsc::channel::<(Order, oneshot::Sender<Result<String>>)>();
        let (started, url) = oneshot::channel();
        let folder = folder.to_owned();
        std::thread::spawn(move || {
            let mut rabbitmq = RabbitMq::start(&folder).unwrap();
            // Whoever waited may have given up; then the orders end, too.
            let _ = started.send(rabbitmq.url());
            while let Ok((order, done)) = taken.recv() {
                let _ = done.send(obey(&mut rabbitmq, &folder, order));
            }
        });
        Self {
            orders,
            url: url.await.expect("RabbitMQ starts"),
        }
    }

    /// Has an order carried out, and gives what was printed.
    pub async fn order(&self, order: Order) -> Result<String> {
        let (done, result) = oneshot::channel();
        self.orders.send((order, done))?;
        result.await?
    }

    /// How many messages the queues of a namespace have.
    pub async fn depths(&self, namespace: &str) -> Result<Vec<Depth>> {
        let text = self.order(Order::Queues).await?;
        let of_line = |line: &str| {
            let mut fields = line.split_whitespace();
            let queue = fields.next()?.strip_prefix(namespace)?.strip_prefix('.')?;
            let (ready, unacked) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
            Some(Depth {
                queue: queue.to_owned(),
                ready,
                unacked,
            })
        };
        Ok(text.lines().filter_map(of_line).collect())
    }
}

fn obey(rabbitmq: &mut RabbitMq, folder: &Path, order: Order) -> Result<String> {
    let watermark = |rabbitmq: &RabbitMq, to| rabbitmq.ctl(&["set_vm_memory_high_watermark", to]);
    match order {
        Order::Kill => rabbitmq.restart(folder).map(|()| String::new()),
        Order::Alarm => watermark(rabbitmq, "0.0000001"),
        Order::AllClear => watermark(rabbitmq, "0.6"),
        Order::Queues => rabbitmq.ctl(&[
            "list_queues",
            "--quiet",
            "--no-table-headers",
            "name",
            "messages_ready",
            "messages_unacknowledged",
        ]),
    }
}
