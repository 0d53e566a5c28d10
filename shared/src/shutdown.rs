//! How a process ends: everybody who runs hears of it, and the end waits for them, within a limit.

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// How long threads that are stuck may hold up the end.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Told to every part of a process; clones are the same shutdown.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    announced: CancellationToken,
    token: CancellationToken,
    tasks: TaskTracker,
    detached: TaskTracker,
}

impl Shutdown {
    /// Says that the end will begin. Until then everything goes on, but `/readyz` says 503.
    pub fn announce(&self) {
        self.announced.cancel();
    }

    /// Will the end begin, or has it begun?
    pub fn is_announced(&self) -> bool {
        self.announced.is_cancelled()
    }

    /// Asks everybody to end.
    pub fn begin(&self) {
        self.announced.cancel();
        self.token.cancel();
    }

    /// Has the end begun?
    pub fn has_begun(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until the end has begun.
    pub async fn begun(&self) {
        self.token.cancelled().await;
    }

    /// Runs `task` in the background; the end waits for it.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Runs `task` and waits for it. It runs to its end even if this is dropped, as a request is whose client
    /// has hung up; the end of the process waits for it.
    pub async fn see_through<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> T {
        match self.tasks.spawn(task).await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The process ends before the task does.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// Runs `task` in the background until the end begins, and drops it there.
    pub fn spawn_until_begun(&self, task: impl Future<Output = ()> + Send + 'static) {
        let token = self.token.clone();
        self.tasks.spawn(async move {
            token.run_until_cancelled(task).await;
        });
    }

    /// Runs `task` in the background; it ends with the runtime. For connections that others
    /// still need while they come to their end.
    pub fn spawn_detached(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.detached.spawn(task);
    }

    /// While this is held the end waits.
    pub fn hold(&self) -> TaskTrackerToken {
        self.tasks.token()
    }

    /// Begins the end and waits for everybody, at most `grace`. True: all have ended.
    pub async fn finish(&self, grace: Duration) -> bool {
        self.begin();
        self.tasks.close();
        tokio::time::timeout(grace, self.tasks.wait()).await.is_ok()
    }
}

/// How a process ends.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// From SIGTERM until the end begins, so that balancers see in `/readyz` that it will.
    pub delay: Duration,
    /// From the beginning of the end until the rest is given up.
    pub grace: Duration,
}

/// Waits for SIGTERM, and then for `delay`, or for SIGINT.
async fn signal(shutdown: &Shutdown, delay: Duration) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let terminated = async {
        terminate.recv().await;
        tracing::info!(?delay, "asked to end; not ready from now on");
        shutdown.announce();
        tokio::time::sleep(delay).await;
    };
    tokio::select! {
        () = terminated => {}
        _ = interrupt.recv() => tracing::info!("interrupted"),
    }
    Ok(())
}

/// Runs a process from its first to its last step: `main` until it returns, SIGTERM begins the
/// end as `ending` says, and after its grace the rest is given up. Exit code 0: everything came to its end.
pub fn run_to_end<F, E>(ending: Ending, main: impl FnOnce(Shutdown) -> F) -> ExitCode
where
    F: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "start threads");
            return ExitCode::FAILURE;
        }
    };
    let shutdown = Shutdown::default();
    let Ending { delay, grace } = ending;
    let code = runtime.block_on(async {
        let (signalled, over) = (shutdown.clone(), shutdown.clone());
        shutdown.spawn_detached(async move {
            if let Err(error) = signal(&signalled, delay).await {
                tracing::error!(%error, "listen for signals");
            }
            signalled.begin();
        });
        let all = async {
            main(shutdown.clone()).await?;
            over.finish(grace).await;
            Ok::<_, E>(())
        };
        let deadline = async {
            shutdown.begun().await;
            tokio::time::sleep(grace).await;
        };
        tokio::select! {
            ended = all => match ended {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    tracing::error!("{error:#}");
                    ExitCode::FAILURE
                }
            },
            () = deadline => {
                tracing::error!(?grace, "the grace time has passed; what is unfinished will be delivered again");
                ExitCode::FAILURE
            }
        }
    });
    runtime.shutdown_timeout(LAST_WORDS);
    code
}
