//! Listeners that can lose their connection and get another one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bergen_memory::MemoryDriver;
use bergen_messaging::driver::{
    BoxFuture, Driver, ListenError, ListenOptions, Listener, NotificationSink, RequestSink,
};
use bergen_messaging::target::Target;
use tokio::sync::watch;

use super::kit::Kit;
use super::sinks::{WatchedNotifications, WatchedRequests};

/// All listeners of a bus.
#[derive(Default)]
pub(crate) struct Listening {
    all: Mutex<Vec<Weak<Line>>>,
}

impl Listening {
    /// Cuts all connections; what was not acknowledged goes back.
    pub(crate) fn cut(&self) {
        for line in self.lines() {
            line.cut();
        }
    }

    /// Connects again.
    pub(crate) async fn connect(&self) {
        for line in self.lines() {
            line.connect().await;
        }
    }

    fn add(&self, line: &Arc<Line>) {
        let mut all = self.lock();
        all.retain(|line| line.strong_count() > 0);
        all.push(Arc::downgrade(line));
    }

    fn lines(&self) -> Vec<Arc<Line>> {
        self.lock().iter().filter_map(Weak::upgrade).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Line>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a listener listens for, for as many connections as it lives to see.
pub(crate) enum Wanted {
    Requests {
        target: Target,
        sink: Arc<dyn RequestSink>,
    },
    Notifications {
        targets: Vec<(Target, String)>,
        pool: Option<String>,
        sink: Arc<dyn NotificationSink>,
    },
}

/// One listener's line to the bus.
pub(crate) struct Line {
    driver: Arc<MemoryDriver>,
    kit: Arc<Kit>,
    wanted: Wanted,
    options: ListenOptions,
    inner: Mutex<Inner>,
    failed: watch::Sender<Option<ListenError>>,
}

#[derive(Default)]
struct Inner {
    listener: Option<Box<dyn Listener>>,
    stopped: bool,
}

impl Line {
    /// Loses the connection.
    pub(crate) fn cut(&self) {
        let listener = self.lock().listener.take();
        // Without the lock: what is not acknowledged is handed to others meanwhile.
        drop(listener);
    }

    /// Loses the connection and gets another one soon.
    pub(crate) fn blink(self: &Arc<Self>) {
        let line = Arc::clone(self);
        let busy = self.kit.busy("a server connects again".to_owned());
        tokio::spawn(async move {
            line.cut();
            line.connect().await;
            drop(busy);
        });
    }

    async fn connect(self: &Arc<Self>) {
        if self.lock().stopped || self.lock().listener.is_some() {
            return;
        }
        match self.listen().await {
            Ok(listener) => {
                let mut inner = self.lock();
                if !inner.stopped {
                    inner.listener = Some(listener);
                }
            }
            Err(error) => {
                self.failed.send_replace(Some(error));
            }
        }
    }

    async fn listen(self: &Arc<Self>) -> Result<Box<dyn Listener>, ListenError> {
        let options = self.options.clone();
        match &self.wanted {
            Wanted::Requests { target, sink } => {
                let sink = WatchedRequests {
                    inner: Arc::clone(sink),
                    kit: Arc::clone(&self.kit),
                    topic: target.topic.clone().unwrap_or_default(),
                    line: Arc::downgrade(self),
                };
                self.driver.listen(target, options, Arc::new(sink)).await
            }
            Wanted::Notifications {
                targets,
                pool,
                sink,
            } => {
                let sink = WatchedNotifications {
                    inner: Arc::clone(sink),
                    kit: Arc::clone(&self.kit),
                };
                let listening = self.driver.listen_for_notifications(
                    targets,
                    pool.as_deref(),
                    options,
                    Arc::new(sink),
                );
                listening.await
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The handle on one listener.
pub(crate) struct KitListener {
    line: Arc<Line>,
}

impl KitListener {
    pub(crate) async fn start(
        driver: &Arc<MemoryDriver>,
        kit: &Arc<Kit>,
        wanted: Wanted,
        options: ListenOptions,
    ) -> Result<Self, ListenError> {
        let line = Arc::new(Line {
            driver: Arc::clone(driver),
            kit: Arc::clone(kit),
            wanted,
            options,
            inner: Mutex::default(),
            failed: watch::channel(None).0,
        });
        let listener = line.listen().await?;
        line.lock().listener = Some(listener);
        kit.listening.add(&line);
        Ok(Self { line })
    }
}

impl Listener for KitListener {
    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let listener = {
                let mut inner = self.line.lock();
                inner.stopped = true;
                inner.listener.take()
            };
            if let Some(listener) = listener {
                listener.stop().await;
                // What it has handed over stays valid until it is closed.
                self.line.lock().listener = Some(listener);
            }
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.stop().await;
            let listener = self.line.lock().listener.take();
            if let Some(listener) = listener {
                listener.close().await;
            }
        })
    }

    fn failed(&self) -> BoxFuture<'_, ListenError> {
        Box::pin(async {
            let mut failed = self.line.failed.subscribe();
            let error = failed.wait_for(Option::is_some).await;
            match error.ok().and_then(|error| error.clone()) {
                Some(error) => error,
                None => ListenError::Closed,
            }
        })
    }
}

impl Drop for KitListener {
    fn drop(&mut self) {
        self.line.lock().stopped = true;
        self.line.cut();
    }
}
