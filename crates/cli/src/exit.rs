//! How the program ends: an exit code that means something, and one sentence that says what to do.

use std::process::ExitCode;

use bergen::driver::Finding;
use bergen::driver::ListenError;
use bergen::driver::SendError;
use bergen::rpc::CallError;
use bergen::rpc::RemoteError;
use bergen::rpc::ServerError;

use crate::output;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The remote method raised.
    Remote(Box<RemoteError>),
    /// What was typed, or what a file says, can't be used.
    Usage(String),
    /// No answer in time.
    Timeout(String),
    /// Nobody takes the message.
    NoServer(String),
    /// The broker can't be reached, or does not let us in.
    Broker(String),
    /// The user interrupted.
    Interrupted,
    /// This machine refused something.
    System(String),
}

impl Failed {
    /// The code to exit with.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Remote(_) => 1,
            Self::Usage(_) => 2,
            Self::Timeout(_) => 3,
            Self::NoServer(_) => 4,
            Self::Broker(_) => 5,
            Self::System(_) => 70,
            Self::Interrupted => 130,
        }
    }

    /// Says on stderr what happened; the remote traceback only if `verbose`.
    pub(crate) fn report(&self, verbose: u8) -> ExitCode {
        match self {
            Self::Remote(error) => report_remote(error, verbose),
            Self::Usage(text)
            | Self::Timeout(text)
            | Self::NoServer(text)
            | Self::Broker(text)
            | Self::System(text) => output::diagnose(text),
            Self::Interrupted => output::diagnose("interrupted"),
        }
        ExitCode::from(self.code())
    }
}

impl From<CallError> for Failed {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Remote(remote) => Self::Remote(remote),
            CallError::Send(error) => error.into(),
            CallError::Expired { .. } => Self::Timeout(error.to_string()),
            _ => Self::Usage(error.to_string()),
        }
    }
}

impl From<SendError> for Failed {
    fn from(error: SendError) -> Self {
        let text = error.to_string();
        match error {
            SendError::Timeout(timeout) if timeout.findings.iter().any(is_broker) => Self::Broker(text),
            SendError::Timeout(_) => Self::Timeout(text),
            SendError::NoServer { .. } | SendError::Undeliverable { .. } => {
                Self::NoServer(format!("{text} (try --exchange nova or --exchange neutron)"))
            }
            SendError::Encode { .. } => Self::Usage(text),
            _ => Self::Broker(text),
        }
    }
}

impl From<ServerError> for Failed {
    fn from(error: ServerError) -> Self {
        let text = error.to_string();
        match error {
            ServerError::Listen(listen) => match listen.cause {
                ListenError::Unreachable { .. } | ListenError::Refused { .. } => Self::Broker(text),
                _ => Self::System(text),
            },
            _ => Self::System(text),
        }
    }
}

/// Whether it was the broker that kept a call from ending in time.
fn is_broker(finding: &Finding) -> bool {
    matches!(finding, Finding::NotConnected { .. } | Finding::NotConfirmed)
}

fn report_remote(error: &RemoteError, verbose: u8) {
    output::diagnose(&format!("{}.{}: {}", error.module, error.class, error.message));
    if verbose > 0 {
        for entry in &error.traceback {
            for line in entry.lines() {
                output::remote_line(line);
            }
        }
    } else if !error.traceback.is_empty() {
        output::diagnose("-v shows the remote traceback");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_code() {
        let no_server = SendError::NoServer {
            exchange: "openstack".to_owned(),
            routing_key: "compute".to_owned(),
        };
        let failed = Failed::from(no_server);
        assert_eq!(failed.code(), 4);
        let Failed::NoServer(text) = failed else { panic!("{failed:?}") };
        for part in ["openstack", "compute", "--exchange nova"] {
            assert!(text.contains(part), "{text}");
        }
        let refused = SendError::Refused { cause: "ACCESS_REFUSED".to_owned() };
        assert_eq!(Failed::from(refused).code(), 5);
        assert_eq!(Failed::from(SendError::Closed).code(), 5);
    }
}
