//! `bergen broker`: an AMQP broker in this process.

mod hash_password;
mod options;
mod password;
mod start;
mod status;
mod users;

use std::time::Duration;

use bergen_broker::Broker;
use clap::{Args, Subcommand};

use crate::exit::Failed;
use crate::output;
use crate::stop::{Signals, ignore_hangup};
use options::BrokerOptions;

/// `bergen broker`.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  bergen broker
  bergen broker --listen 127.0.0.1:0 --json
  bergen broker --data /var/lib/bergen --http
  bergen broker --listen 0.0.0.0 --tls-cert cert.pem --tls-key key.pem --users-file users
  BERGEN_PASSWORD_NOVA=… bergen broker --user nova --vhost /nova

Without --user and --users-file there is one user, guest with the password guest, for programs on this
machine only. Passwords come from files and the environment, so that no list of processes shows them.

A users file has lines such as
  user nova HASH administrator
  permissions nova / .* .* .*
with the hash of `bergen broker hash-password`, or RabbitMQ's password_hash; permissions are configure,
write and read as in rabbitmqctl set_permissions.

Prints where it listens, then one line when it is ready. SIGTERM and Ctrl-C end it with exit code 0
when it has said goodbye to its clients; the second one at once."
)]
pub(crate) struct BrokerCommand {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    options: BrokerOptions,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Read a password from stdin, and print its line for a users file
    HashPassword(hash_password::HashPassword),
}

/// How long clients may take to say goodbye, and the data to reach the disk.
const GOODBYE: Duration = Duration::from_secs(10);

impl BrokerCommand {
    /// Whether it runs until it is told to end.
    pub(crate) fn serves(&self) -> bool {
        self.action.is_none()
    }

    pub(crate) async fn run(self) -> Result<(), Failed> {
        match self.action {
            Some(Action::HashPassword(hash)) => hash.run(),
            None => run(&self.options).await,
        }
    }
}

async fn run(options: &BrokerOptions) -> Result<(), Failed> {
    // Before the line that says ready: from then on we are to stop in order.
    let mut signals = Signals::watch()?;
    ignore_hangup()?;
    let broker = signals.unless(start::start(options)).await?;
    if options.json {
        output::announce(&start::json(options, &broker));
    } else {
        for line in start::lines(options, &broker) {
            output::announce(&line);
        }
    }
    tokio::select! {
        _ = signals.next() => {}
        () = broker.control().stopped() => {
            return Err(Failed::System("the broker has ended by itself: it failed".to_owned()));
        }
        never = status::show(&broker) => match never {},
    }
    output::diagnose("stopping: saying goodbye to clients");
    signals.unless(stop(broker)).await
}

async fn stop(broker: Broker) -> Result<(), Failed> {
    tokio::time::timeout(GOODBYE, broker.stop())
        .await
        .map_err(|_| Failed::System(format!("did not stop within {} s", GOODBYE.as_secs())))
}
