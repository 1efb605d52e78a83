//! What is wrong from the start: a typed error, and how soon.

use std::time::{Duration, Instant};

use bergen::prelude::*;
use bergen::rpc::CallError;
use bergen_testbed::{Certificates, RabbitNode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::FaultsError;
use crate::account::{Account, Tally};
use crate::worker::outcome;

/// A broker with TLS to be refused by.
#[derive(Debug)]
pub struct Gate {
    node: RabbitNode,
    certificates: Certificates,
}

/// A way to be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The password is wrong.
    WrongPassword,
    /// There is no such virtual host.
    WrongVhost,
    /// The certificate is of an authority that is not trusted.
    WrongAuthority,
    /// The certificate is for another host.
    WrongName,
    /// Plain AMQP to a port that speaks TLS.
    PlainToTls,
}

/// Calls of one row, and how long each may take.
const CALLS: u32 = 3;
const TIMEOUT: Duration = Duration::from_secs(6);

/// What a refused peer may take at most where waiting does not mend anything. The machine may be busy.
const AT_ONCE: Duration = Duration::from_secs(5);

impl Gate {
    /// Starts the broker. Its certificate is for `localhost`.
    pub async fn start() -> Result<Self, FaultsError> {
        let certificates = Certificates::new()?;
        certificates.issue("server", "localhost")?;
        let path = |file| certificates.path(file);
        let builder = RabbitNode::builder().tls(
            &path("ca.pem"),
            &path("server.pem"),
            &path("server.key"),
            false,
        );
        Ok(Self {
            node: builder.start().await?,
            certificates,
        })
    }

    fn url(&self, refusal: Refusal) -> String {
        let (plain, tls) = (self.node.port(), self.node.tls_port().unwrap_or(0));
        let ca = |file| self.certificates.path(file).display().to_string();
        match refusal {
            Refusal::WrongPassword => format!("rabbit://guest:wrong@127.0.0.1:{plain}/"),
            Refusal::WrongVhost => format!("rabbit://guest:guest@127.0.0.1:{plain}/missing"),
            Refusal::WrongAuthority => {
                let ca = ca("other-ca.pem");
                format!("rabbit://guest:guest@localhost:{tls}/?ssl=true&ssl_ca_file={ca}")
            }
            Refusal::WrongName => {
                let ca = ca("ca.pem");
                format!("rabbit://guest:guest@127.0.0.1:{tls}/?ssl=true&ssl_ca_file={ca}")
            }
            Refusal::PlainToTls => format!("rabbit://guest:guest@127.0.0.1:{tls}/"),
        }
    }
}

impl Refusal {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::WrongPassword,
        Self::WrongVhost,
        Self::WrongAuthority,
        Self::WrongName,
        Self::PlainToTls,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::WrongPassword => "wrong-password",
            Self::WrongVhost => "wrong-vhost",
            Self::WrongAuthority => "wrong-authority",
            Self::WrongName => "wrong-name",
            Self::PlainToTls => "plain-to-tls",
        }
    }

    /// What happens, in a few words.
    pub fn about(self) -> &'static str {
        match self {
            Self::WrongPassword => "the password is wrong",
            Self::WrongVhost => "the virtual host does not exist",
            Self::WrongAuthority => {
                "the broker's certificate is of an authority that is not trusted"
            }
            Self::WrongName => "the broker's certificate is for another host",
            Self::PlainToTls => "plain AMQP to a port that speaks TLS",
        }
    }

    /// Whether the broker, or its certificate, says no: waiting does not mend that, so that calls fail at once.
    fn is_final(self) -> bool {
        matches!(self, Self::WrongPassword | Self::WrongVhost)
    }

    /// Calls, a few times at once; says what the callers were told, and when.
    pub async fn run(self, gate: &Gate) -> Result<(Account, String), FaultsError> {
        let url: String = gate.url(self);
        let url = url.parse().map_err(FaultsError::worker)?;
        let options = TransportOptions::default().url(url);
        let transport = RpcTransport::new(options).map_err(FaultsError::worker)?;
        let client = RpcClient::builder(&transport, ClientTarget::new("nobody"))
            .timeout(TIMEOUT)
            .build();
        let mut calls = JoinSet::new();
        for _ in 0..CALLS {
            let call = client.call::<Value>(&Context::default(), "work", &json!({}));
            calls.spawn(async move {
                let start = Instant::now();
                let ended = tokio::time::timeout(TIMEOUT + Duration::from_secs(2), call).await;
                (ended, start.elapsed())
            });
        }
        let mut tally = Tally::default();
        let mut account = Account::default();
        let mut slowest = Duration::ZERO;
        let mut words = String::new();
        for (ended, took) in calls.join_all().await {
            tally.made += 1;
            slowest = slowest.max(took);
            match ended {
                Err(_) => {
                    tally.hung += 1;
                    account.unexplained.push("a call never ended".to_owned());
                }
                Ok(Ok(_)) => account.unexplained.push("a call was answered".to_owned()),
                Ok(Err(error)) => {
                    *tally.failed.entry(outcome(&error)).or_default() += 1;
                    account.unexplained.extend(self.judge(&error, took));
                    words = error.to_string();
                }
            }
        }
        account
            .tallies
            .insert("rust → nobody, call".to_owned(), tally);
        transport.close(Duration::from_secs(2)).await;
        let note = format!("after {:.2} s at most: {words}", slowest.as_secs_f64());
        Ok((account, note))
    }

    fn judge(self, error: &CallError, took: Duration) -> Option<String> {
        let kind = outcome(error);
        if self.is_final() && (kind != "Refused" || took > AT_ONCE) {
            return Some(format!(
                "{kind} after {took:.1?} instead of Refused at once: {error}"
            ));
        }
        // A caller who reads only the message has to see what is wrong.
        let names_it = match self {
            Self::WrongPassword | Self::WrongVhost => true,
            Self::WrongAuthority | Self::WrongName => error.to_string().contains("certificate"),
            Self::PlainToTls => error.to_string().contains("TLS"),
        };
        (!names_it).then(|| format!("the message does not say what is wrong: {error}"))
    }
}
