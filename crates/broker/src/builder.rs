//! What a broker is made of.

use std::io;
use std::sync::Arc;
use std::thread;

use tokio::sync::oneshot;

use crate::broker::Broker;
use crate::core::HostSettings;
use crate::management::{HttpSettings, Management, ManagementError};
use crate::server::access::Access;
use crate::server::listen::{Listen, ListenError, Listener, check_safety};
use crate::server::{Control, Limits, Question, State, run};

/// A broker that is not started yet; [`Broker::builder`].
#[derive(Debug)]
pub struct Builder {
    listens: Vec<Listen>,
    access: Option<Access>,
    insecure: bool,
    virtual_hosts: Vec<HostSettings>,
    limits: Limits,
    node: Option<String>,
    http: Option<HttpSettings>,
}

/// Why a broker did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It cannot, or must not, listen there.
    #[error(transparent)]
    Listen(#[from] ListenError),
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

impl Default for Builder {
    fn default() -> Self {
        Self {
            listens: Vec::new(),
            access: None,
            insecure: false,
            virtual_hosts: Vec::new(),
            limits: Limits::default(),
            node: None,
            http: None,
        }
    }
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

    /// Starts the broker on a thread of its own. It accepts clients when this returns.
    pub async fn start(self) -> Result<Broker, StartError> {
        let access = self.access.unwrap_or_default();
        let mut listens = self.listens;
        if listens.is_empty() {
            listens.push(Listen::Tcp(([127, 0, 0, 1], 0).into()));
        }
        check_safety(&listens, &access, self.insecure)?;
        let guest = access.local_login();
        let node: Arc<str> = self.node.as_deref().unwrap_or("bergen@localhost").into();
        let limits = self.limits;
        let virtual_hosts = self.virtual_hosts;
        let (control, questions) = Control::new();
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = oneshot::channel();
        let body = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build_local(tokio::runtime::LocalOptions::default());
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => {
                    let _ = ready.send(Err(StartError::Thread(error)));
                    return;
                }
            };
            let state = state(limits, node, access, virtual_hosts);
            runtime.block_on(serve(state, listens, (questions, stopped), ready));
        };
        let thread = thread::Builder::new()
            .name("bergen-broker".to_owned())
            .spawn(body)
            .map_err(StartError::Thread)?;
        let addresses = started.await.map_err(|_| StartError::Ended)??;
        let mut broker = Broker {
            control,
            addresses,
            login: guest,
            management: None,
            stop: Some(stop),
            thread: Some(thread),
        };
        if let Some(settings) = self.http {
            let addresses = broker.addresses.clone();
            let control = broker.control.clone();
            broker.management = Some(Management::start(settings, addresses, control).await?);
        }
        Ok(broker)
    }
}

type Inbox = (
    tokio::sync::mpsc::UnboundedReceiver<Question>,
    oneshot::Receiver<()>,
);
type Ready = oneshot::Sender<Result<Vec<crate::Address>, StartError>>;

fn state(
    limits: Limits,
    node: Arc<str>,
    access: Access,
    virtual_hosts: Vec<HostSettings>,
) -> State {
    let mut state = State::new(limits, node, access);
    for settings in virtual_hosts {
        state.create_host(settings);
    }
    if state.host("/").is_none() {
        state.create_host(HostSettings::default());
    }
    state
}

async fn serve(state: State, listens: Vec<Listen>, (questions, stopped): Inbox, ready: Ready) {
    let mut listeners = Vec::new();
    for listen in &listens {
        match Listener::bind(listen).await {
            Ok(listener) => listeners.push(listener),
            Err(error) => {
                // Whoever started us may have given up.
                let _ = ready.send(Err(error.into()));
                return;
            }
        }
    }
    let addresses = listeners.iter().map(|listener| listener.address().clone());
    if ready.send(Ok(addresses.collect())).is_err() {
        return;
    }
    run(state, listeners, questions, stopped).await;
}
