//! What a broker is made of.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

use crate::broker::Broker;
use crate::core::HostSettings;
use crate::management::{HttpSettings, Management, ManagementError};
use crate::server::access::Access;
use crate::server::listen::{Address, Listen, ListenError, Listener, check_safety};
use crate::server::{Control, Inbox, Limits, Question, State, run};
use crate::store::{Store, StoreError, StoreOptions};

/// A broker that is not started yet; [`Broker::builder`].
#[derive(Debug, Default)]
pub struct Builder {
    listens: Vec<Listen>,
    access: Option<Access>,
    insecure: bool,
    virtual_hosts: Vec<HostSettings>,
    limits: Limits,
    node: Option<String>,
    http: Option<HttpSettings>,
    data: Option<PathBuf>,
    store: StoreOptions,
}

/// Why a broker did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It cannot, or must not, listen there.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// What was kept cannot be read, or nothing can be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gave no thread or no runtime.
    #[error("cannot start the broker's thread: {0}")]
    Thread(#[source] io::Error),
    /// Its HTTP face did not start.
    #[error(transparent)]
    Http(#[from] ManagementError),
    /// Its thread ended before it was ready.
    #[error("the broker's thread ended while it started")]
    Ended,
}

impl Builder {
    /// Listens there too. Without any it is a free port of 127.0.0.1.
    #[must_use]
    pub fn listen(mut self, listen: Listen) -> Self {
        self.listens.push(listen);
        self
    }

    /// Who may log in and do what. Default: `guest` with the password `guest`, from this machine only.
    #[must_use]
    pub fn access(mut self, access: Access) -> Self {
        self.access = Some(access);
        self
    }

    /// Allows to listen where other machines can come from without users or without TLS. Default `false`.
    #[must_use]
    pub fn insecure(mut self, insecure: bool) -> Self {
        self.insecure = insecure;
        self
    }

    /// Makes this virtual host too, or changes the settings of the default one, `/`, which is always there.
    #[must_use]
    pub fn virtual_host(mut self, settings: HostSettings) -> Self {
        self.virtual_hosts.push(settings);
        self
    }

    /// What clients may cost.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The name that clients and management see. Default `bergen@localhost`, in the manner of RabbitMQ.
    #[must_use]
    pub fn node_name(mut self, name: &str) -> Self {
        self.node = Some(name.to_owned());
        self
    }

    /// Answers RabbitMQ's management API there, for example `127.0.0.1:15672`. Without it there is no HTTP at all.
    #[must_use]
    pub fn http(mut self, settings: impl Into<HttpSettings>) -> Self {
        self.http = Some(settings.into());
        self
    }

    /// Keeps durable exchanges and queues and persistent messages in this directory, which only this user may read.
    /// Default: nothing is kept, all is in memory.
    #[must_use]
    pub fn data(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data = Some(directory.into());
        self
    }

    /// How [`data`](Self::data) is kept.
    #[must_use]
    pub fn store_options(mut self, options: StoreOptions) -> Self {
        self.store = options;
        self
    }

    /// Starts the broker on a thread of its own. It accepts clients when this returns.
    pub async fn start(self) -> Result<Broker, StartError> {
        let access = self.access.unwrap_or_default();
        let mut listens = self.listens;
        if listens.is_empty() {
            listens.push(Listen::Tcp(([127, 0, 0, 1], 0).into()));
        }
        check_safety(&listens, &access, self.insecure)?;
        let guest = access.local_login();
        let (control, questions) = Control::new();
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = oneshot::channel();
        let plan = Plan {
            listens,
            access,
            node: self.node.as_deref().unwrap_or("bergen@localhost").into(),
            limits: self.limits,
            virtual_hosts: self.virtual_hosts,
            data: self.data,
            store: self.store,
        };
        let thread = thread::Builder::new()
            .name("bergen-broker".to_owned())
            .spawn(move || plan.run(questions, stopped, ready))
            .map_err(StartError::Thread)?;
        let addresses = started.await.map_err(|_| StartError::Ended)??;
        let management = match self.http {
            Some(settings) => {
                let (addresses, control) = (addresses.clone(), control.clone());
                Some(Management::start(settings, addresses, control).await?)
            }
            None => None,
        };
        Ok(Broker {
            control,
            addresses,
            login: guest,
            management,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

/// What the broker's thread starts with.
struct Plan {
    listens: Vec<Listen>,
    access: Access,
    node: Arc<str>,
    limits: Limits,
    virtual_hosts: Vec<HostSettings>,
    data: Option<PathBuf>,
    store: StoreOptions,
}

type Ready = oneshot::Sender<Result<Vec<Address>, StartError>>;

impl Plan {
    /// All that the broker's thread does.
    fn run(
        self,
        questions: UnboundedReceiver<Question>,
        stop: oneshot::Receiver<()>,
        ready: Ready,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(tokio::runtime::LocalOptions::default());
        // Whoever started us may have given up; then there is nobody to tell.
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return drop(ready.send(Err(StartError::Thread(error)))),
        };
        runtime.block_on(async {
            let inbox = Inbox {
                questions,
                disk: None,
                stop,
            };
            match self.prepare(inbox).await {
                Ok((state, listeners, inbox)) => {
                    let addresses = listeners.iter().map(|listener| listener.address().clone());
                    if ready.send(Ok(addresses.collect())).is_ok() {
                        run(state, listeners, inbox).await;
                    }
                }
                Err(error) => drop(ready.send(Err(error))),
            }
        });
    }

    async fn prepare(self, mut inbox: Inbox) -> Result<(State, Vec<Listener>, Inbox), StartError> {
        let mut state = State::new(self.limits, self.node, self.access);
        let mut virtual_hosts = self.virtual_hosts;
        if let Some(directory) = &self.data {
            let opened = Store::open(directory, self.store)?;
            inbox.disk = Some(opened.events);
            state.restore(opened.store, opened.restored, &mut virtual_hosts);
        }
        for settings in virtual_hosts {
            state.create_host(settings);
        }
        if state.host("/").is_none() {
            state.create_host(HostSettings::default());
        }
        let mut listeners = Vec::new();
        for listen in &self.listens {
            listeners.push(Listener::bind(listen).await?);
        }
        Ok((state, listeners, inbox))
    }
}
