//! How the program ends: an exit code that means something, and one sentence that says what to do.

use std::process::ExitCode;

use bergen::driver::{Finding, ListenError, SendError};
use bergen::notify::{ListenerError, NotifyError};
use bergen::rpc::{CallError, PING_METHOD, RemoteError, ServerError};

use crate::output;
use crate::stop::Signal;

#[cfg(test)]
mod tests;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The remote method raised.
    Remote(Box<RemoteError>),
    /// What was typed, or what a file says, can't be used. The text says the way out.
    Usage(String),
    /// No answer in time.
    Timeout {
        /// What is known about it.
        text: String,
        /// Whether the request's queue was there, and nobody took from it.
        nobody_listens: bool,
    },
    /// Nobody takes the message.
    NoServer {
        /// The exchange tried.
        exchange: String,
        /// The routing key tried.
        routing_key: String,
    },
    /// The broker can't be reached.
    Unreachable(String),
    /// The broker does not let us in, or does not allow the operation.
    Refused(String),
    /// The broker did not do its part.
    Broker(String),
    /// No service listens at its control socket.
    NoService(String),
    /// The service could not do it.
    Service(String),
    /// A signal asked to end.
    Stopped(Signal),
    /// Nobody reads our output any more: that is how `bergen … | head` ends, and no failure.
    ReaderGone,
    /// This machine refused something.
    System(String),
}

impl Failed {
    /// The code to exit with.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::ReaderGone => 0,
            Self::Remote(_) | Self::Service(_) => 1,
            Self::Usage(_) => 2,
            Self::Timeout { .. } => 3,
            Self::NoServer { .. } | Self::NoService(_) => 4,
            Self::Unreachable(_) | Self::Refused(_) | Self::Broker(_) => 5,
            Self::System(_) => 70,
            Self::Stopped(Signal::Interrupt) => 130,
            Self::Stopped(Signal::Terminate) => 143,
        }
    }

    /// What happened, in one line.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Remote(error) => format!("{}.{}: {}", error.module, error.class, error.message),
            Self::Usage(text)
            | Self::Timeout { text, .. }
            | Self::Unreachable(text)
            | Self::Broker(text)
            | Self::NoService(text)
            | Self::Service(text)
            | Self::System(text) => text.clone(),
            Self::Refused(cause) => {
                format!("the broker refused: {}", cause.trim_end_matches('.'))
            }
            Self::NoServer {
                exchange,
                routing_key,
            } => format!(
                "no such server: nothing is bound to exchange {exchange:?} with key {routing_key:?}"
            ),
            Self::Stopped(Signal::Interrupt) => "interrupted".to_owned(),
            Self::Stopped(Signal::Terminate) => "terminated".to_owned(),
            Self::ReaderGone => "nobody reads the output".to_owned(),
        }
    }

    /// Says on stderr what happened and what to do; the remote traceback only if `verbose`.
    pub(crate) fn report(&self, verbose: u8) -> ExitCode {
        if !matches!(self, Self::ReaderGone) {
            output::diagnose(&self.text());
        }
        match self {
            Self::Remote(error) if verbose > 0 => show(error),
            _ => {}
        }
        if let Some(advice) = self.advice(verbose) {
            output::diagnose(&advice);
        }
        ExitCode::from(self.code())
    }

    /// What to do now.
    fn advice(&self, verbose: u8) -> Option<String> {
        let advice = match self {
            Self::Remote(error) => return about_remote(error, verbose).map(str::to_owned),
            Self::Timeout {
                nobody_listens: true,
                ..
            } => "Start the server: its queue is there, but nobody takes from it.",
            Self::Timeout { .. } => {
                "Look at the server's log: the method may have run, or still run; --timeout waits longer."
            }
            Self::NoServer { exchange, .. } => {
                let others = ["nova", "neutron", "openstack"].into_iter();
                let others: Vec<_> = others
                    .filter(|other| other != exchange)
                    .map(|other| format!("--exchange {other}"))
                    .collect();
                let others = others.join(" or ");
                return Some(format!(
                    "Start the server, or, if it runs, name its control exchange: try {others}."
                ));
            }
            Self::Unreachable(_) => {
                "Check that the broker runs, and that --url, TRANSPORT_URL or transport_url names it."
            }
            Self::Refused(_) => {
                "Check user, password and virtual host in the URL, and the user's permissions."
            }
            Self::Broker(_) => "Look at the broker's log, and try again.",
            Self::Usage(_)
            | Self::NoService(_)
            | Self::Service(_)
            | Self::Stopped(_)
            | Self::ReaderGone
            | Self::System(_) => return None,
        };
        Some(advice.to_owned())
    }
}

impl From<CallError> for Failed {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Remote(remote) => Self::Remote(remote),
            CallError::Send(error) => error.into(),
            CallError::Expired { .. } => Self::Timeout {
                text: error.to_string(),
                nobody_listens: false,
            },
            _ => Self::Usage(error.to_string()),
        }
    }
}

impl From<SendError> for Failed {
    fn from(error: SendError) -> Self {
        let text = error.to_string();
        match error {
            SendError::Timeout(timeout) if timeout.findings.iter().any(is_broker) => {
                Self::Broker(text)
            }
            SendError::Timeout(timeout) => Self::Timeout {
                text,
                nobody_listens: timeout.findings.iter().any(is_nobody),
            },
            SendError::NoServer {
                exchange,
                routing_key,
            }
            | SendError::Undeliverable {
                exchange,
                routing_key,
            } => Self::NoServer {
                exchange,
                routing_key,
            },
            SendError::Unreachable { hosts, cause } => unreachable(&hosts, &cause),
            SendError::Refused { cause } => Self::Refused(cause),
            SendError::Encode { .. } => Self::Usage(text),
            _ => Self::Broker(text),
        }
    }
}

impl From<ServerError> for Failed {
    fn from(error: ServerError) -> Self {
        let text = error.to_string();
        let ServerError::Listen(listen) = error else {
            return Self::System(text);
        };
        match listen.cause {
            cause @ (ListenError::InvalidTarget(_)
            | ListenError::Unreachable { .. }
            | ListenError::Refused { .. }) => cause.into(),
            _ => Self::Broker(text),
        }
    }
}

impl From<ListenError> for Failed {
    fn from(error: ListenError) -> Self {
        let text = error.to_string();
        match error {
            ListenError::InvalidTarget(error) => Self::Usage(error.to_string()),
            ListenError::Unreachable { hosts, cause } => unreachable(&hosts, &cause),
            ListenError::Refused { cause } => Self::Refused(cause),
            ListenError::Unsupported { .. } => Self::Usage(text),
            _ => Self::Broker(text),
        }
    }
}

impl From<ListenerError> for Failed {
    fn from(error: ListenerError) -> Self {
        match error {
            ListenerError::Listen(error) => error.into(),
            error => Self::Usage(error.to_string()),
        }
    }
}

impl From<NotifyError> for Failed {
    fn from(error: NotifyError) -> Self {
        match error {
            NotifyError::Send(error) => error.into(),
            error => Self::Usage(error.to_string()),
        }
    }
}

fn unreachable(hosts: &str, cause: &str) -> Failed {
    Failed::Unreachable(format!("no broker reached at {hosts}: {cause}"))
}

/// Whether it was the broker that kept a call from ending in time.
fn is_broker(finding: &Finding) -> bool {
    matches!(
        finding,
        Finding::NotConnected { .. } | Finding::NotConfirmed | Finding::Blocked { .. }
    )
}

/// Whether nobody took the request from its queue.
fn is_nobody(finding: &Finding) -> bool {
    matches!(finding, Finding::NoConsumer { .. })
}

/// What to do about a method that failed.
fn about_remote(error: &RemoteError, verbose: u8) -> Option<&'static str> {
    let unanswered_ping = error.class == "NoSuchMethod" && error.message.contains(PING_METHOD);
    match error.class.as_str() {
        _ if unanswered_ping => Some(
            "The server lives, but answers pings only with rpc_ping_enabled = true in its configuration.",
        ),
        "NoSuchMethod" => Some("Check the method's name, and the --namespace that it is in."),
        "UnsupportedVersion" => {
            Some("Ask for a version that the server has, with --version and --namespace.")
        }
        "TypeError" if error.module == "builtins" => {
            Some("Check the method's arguments: key=text gives a string, key:=json any JSON.")
        }
        _ if verbose == 0 => Some("The failure is the server's; -v shows its traceback."),
        _ => None,
    }
}

/// What a remote failure carries.
fn show(error: &RemoteError) {
    for (name, values) in [("args", &error.args), ("kwargs", &error.kwargs)] {
        if values.elements().next().is_some() || values.members().next().is_some() {
            output::detail(&format!("{name}: {}", values.as_str()));
        }
    }
    for line in error.traceback.iter().flat_map(|entry| entry.lines()) {
        output::detail(line);
    }
}
