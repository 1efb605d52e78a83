//! A worker, as its supervisor sees it.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::LaunchError;
use crate::launcher::handle::WorkerAnswer;
use crate::launcher::reload::Outcome;
use crate::systemd;
use crate::worker::channel::{self, FromWorker, Incoming, Request, ToWorker};
use crate::worker::{Identity, VARIABLE};

/// What happens to workers.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// The service in the worker of this place has started.
    Started { place: usize, pid: u32 },
    /// The worker of this place has ended.
    Ended { place: usize, end: End },
    /// The supervisor has read the configuration again.
    Reread(Outcome),
    /// The workers have taken over the configuration, or not.
    Applied(Vec<WorkerAnswer>),
}

/// How a worker ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pid: u32,
    status: ExitStatus,
}

impl End {
    /// Whether this is how a worker ends that was told to: with status 0, or by SIGTERM before it could handle that.
    pub(crate) fn is_good(self) -> bool {
        self.status.success() || self.status.signal() == Some(Signal::TERM.as_raw())
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pid = self.pid;
        match (self.status.code(), self.status.signal()) {
            (Some(code), _) => write!(f, "Child {pid} exited with status {code}"),
            (None, Some(signal)) => write!(f, "Child {pid} killed by signal {signal}"),
            (None, None) => write!(f, "Child {pid} ended: {}", self.status),
        }
    }
}

/// Makes workers.
#[derive(Debug)]
pub(crate) struct Spawner {
    program: PathBuf,
    /// What the program calls itself.
    name: String,
    arguments: Vec<OsString>,
    events: mpsc::UnboundedSender<Event>,
}

impl Spawner {
    pub(crate) fn new(events: mpsc::UnboundedSender<Event>) -> Result<Self, LaunchError> {
        // Looked up once: if the program's file is replaced, the workers to come run the new one.
        let program = std::env::current_exe().map_err(LaunchError::system(
            "the program's own file can not be found",
        ))?;
        let mut arguments = std::env::args_os();
        let called = arguments.next().unwrap_or_default();
        let name = Path::new(&called).file_name().unwrap_or_default();
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            program,
            arguments: arguments.collect(),
            events,
        })
    }

    pub(crate) fn events(&self) -> mpsc::UnboundedSender<Event> {
        self.events.clone()
    }

    /// Starts this program once more, as the worker `identity`.
    pub(crate) fn spawn(&self, place: usize, identity: &Identity) -> io::Result<Child> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut command = Command::new(&self.program);
        command
            .arg0(format!(
                "{}: {} worker({})",
                self.name, identity.service, identity.index
            ))
            .args(&self.arguments)
            .env(VARIABLE, identity.to_variable(&theirs)?)
            .stdin(Stdio::from(OwnedFd::from(theirs)));
        for variable in systemd::VARIABLES {
            command.env_remove(variable);
        }
        let (incoming, outgoing) = channel::open(ours)?;
        let process = tokio::process::Command::from(command).spawn()?;
        let pid = process.id().unwrap_or_default();
        let (sender, orders) = mpsc::unbounded_channel();
        let tender = Tender {
            place,
            pid,
            process,
            outgoing,
            orders,
            events: self.events.clone(),
            asked: HashMap::new(),
            next_id: 0,
        };
        tokio::spawn(tender.run(incoming));
        Ok(Child {
            pid,
            orders: sender,
        })
    }
}

/// A grip on a worker. What is ordered of one that has ended is lost.
#[derive(Debug)]
pub(crate) struct Child {
    pid: u32,
    /// Without a bound: whoever orders waits for what comes of it, so there are few.
    orders: mpsc::UnboundedSender<Order>,
}

impl Child {
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// SIGTERM
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGINT
    pub(crate) fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// SIGKILL
    pub(crate) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// The answer; `None` if the worker ends before.
    pub(crate) fn ask(&self, request: Request) -> impl Future<Output = Option<Value>> + use<> {
        let (reply, answer) = oneshot::channel();
        let _ = self.orders.send(Order::Ask(request, reply));
        async { answer.await.ok() }
    }

    fn signal(&self, signal: Signal) {
        let _ = self.orders.send(Order::Signal(signal));
    }
}

#[derive(Debug)]
enum Order {
    Signal(Signal),
    Ask(Request, oneshot::Sender<Value>),
}

/// Looks after one worker until it has ended. It alone reaps it, so that no signal meets a stranger with its pid.
#[derive(Debug)]
struct Tender {
    place: usize,
    pid: u32,
    process: tokio::process::Child,
    outgoing: mpsc::Sender<ToWorker>,
    orders: mpsc::UnboundedReceiver<Order>,
    events: mpsc::UnboundedSender<Event>,
    asked: HashMap<u64, oneshot::Sender<Value>>,
    next_id: u64,
}

impl Tender {
    async fn run(mut self, mut incoming: Incoming) {
        let mut open = true;
        let status = loop {
            tokio::select! {
                status = self.process.wait() => break status,
                Some(order) = self.orders.recv() => self.obey(order),
                message = incoming.next(), if open => match message {
                    Some(FromWorker::Started) => self.tell(Event::Started {
                        place: self.place,
                        pid: self.pid,
                    }),
                    Some(FromWorker::Answer { id, answer }) => {
                        if let Some(reply) = self.asked.remove(&id) {
                            let _ = reply.send(answer);
                        }
                    }
                    None => open = false,
                },
            }
        };
        let status = status.unwrap_or_else(|error| {
            tracing::error!(%error, pid = self.pid, "the end of a worker is not known");
            ExitStatus::default()
        });
        self.tell(Event::Ended {
            place: self.place,
            end: End {
                pid: self.pid,
                status,
            },
        });
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Signal(signal) => {
                let pid = self.process.id().and_then(|pid| i32::try_from(pid).ok());
                if let Some(pid) = pid.and_then(Pid::from_raw) {
                    let _ = kill_process(pid, signal);
                }
            }
            Order::Ask(request, reply) => {
                // Answers that nobody waits for any more.
                self.asked.retain(|_, reply| !reply.is_closed());
                let id = self.next_id;
                self.next_id += 1;
                // A worker that lets the queue fill up has no answer.
                if self.outgoing.try_send(ToWorker { id, request }).is_ok() {
                    self.asked.insert(id, reply);
                }
            }
        }
    }

    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }
}
