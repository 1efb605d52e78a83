//! What a connection may do: RabbitMQ's table of operations and permissions.

use std::sync::Arc;

use bergen_amqp::codec::{FieldTable, FieldValue};

use super::User;
use super::permissions::{Access, Permissions};
use crate::core::{Refusal, Scope};

#[cfg(test)]
mod tests;

/// What the user of a connection may do in its virtual host, as it was when the connection was opened.
///
/// To be asked before the command is carried out: what is not allowed is refused with 403 whether it exists or not.
/// Passive declares need no permission. Names are those of the wire with what stands for something else resolved: an
/// empty queue name, which means the last declared one, is replaced before.
#[derive(Debug, Clone)]
pub struct Rights {
    user: Arc<str>,
    virtual_host: Arc<str>,
    permissions: Arc<Permissions>,
    /// Whether messages may carry another's name.
    impersonator: bool,
}

/// The kinds of things that have names, as refusals call them.
const QUEUE: &str = "queue";
const EXCHANGE: &str = "exchange";

impl Rights {
    pub(super) fn new(user: &User, virtual_host: &str, permissions: &Arc<Permissions>) -> Self {
        Self {
            user: Arc::clone(user.shared_name()),
            virtual_host: virtual_host.into(),
            permissions: Arc::clone(permissions),
            impersonator: user.has_tag("impersonator"),
        }
    }

    /// Whose they are.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Where they hold.
    pub fn virtual_host(&self) -> &str {
        &self.virtual_host
    }

    /// `exchange.declare`: configure; for a new one with an alternate exchange also read it and write to that.
    pub fn declare_exchange(
        &self,
        name: &str,
        arguments: &FieldTable<'_>,
        exists: bool,
    ) -> Result<(), Refusal> {
        // The core refuses it, in other words.
        if name.is_empty() {
            return Ok(());
        }
        self.check(Access::Configure, EXCHANGE, name)?;
        match text(arguments, "alternate-exchange") {
            Some(alternate) if !exists => {
                self.check(Access::Read, EXCHANGE, name)?;
                self.check(Access::Write, EXCHANGE, alternate)
            }
            _ => Ok(()),
        }
    }

    /// `exchange.delete`: configure.
    pub fn delete_exchange(&self, name: &str) -> Result<(), Refusal> {
        // Of those that are part of every virtual host the core says that they stay.
        if name.is_empty() || name.starts_with("amq.") {
            return Ok(());
        }
        self.check(Access::Configure, EXCHANGE, name)
    }

    /// `queue.bind` and `queue.unbind`: write to the queue, read the exchange.
    pub fn bind_queue(&self, queue: &str, exchange: &str) -> Result<(), Refusal> {
        self.check(Access::Write, QUEUE, queue)?;
        self.read_source(exchange)
    }

    /// `exchange.bind` and `exchange.unbind`: write to the destination, read the source.
    pub fn bind_exchange(&self, destination: &str, source: &str) -> Result<(), Refusal> {
        self.check(Access::Write, EXCHANGE, destination)?;
        self.read_source(source)
    }

    /// `queue.declare`: configure; for a new one with a dead-letter exchange also read it and write to that. An empty
    /// name is one that will be made up: `amq.gen-…`.
    pub fn declare_queue(
        &self,
        name: &str,
        arguments: &FieldTable<'_>,
        exists: bool,
    ) -> Result<(), Refusal> {
        // The core refuses it, in other words.
        if name.starts_with("amq.") {
            return Ok(());
        }
        let name = if name.is_empty() { "amq.gen-" } else { name };
        self.check(Access::Configure, QUEUE, name)?;
        match text(arguments, "x-dead-letter-exchange") {
            Some(dead_letter) if !exists => {
                self.check(Access::Read, QUEUE, name)?;
                self.check(Access::Write, EXCHANGE, dead_letter)
            }
            _ => Ok(()),
        }
    }

    /// `queue.delete`: configure.
    pub fn delete_queue(&self, name: &str) -> Result<(), Refusal> {
        self.check(Access::Configure, QUEUE, name)
    }

    /// `queue.purge`: read.
    pub fn purge_queue(&self, name: &str) -> Result<(), Refusal> {
        self.check(Access::Read, QUEUE, name)
    }

    /// `basic.consume` and `basic.get`: read.
    pub fn read_queue(&self, name: &str) -> Result<(), Refusal> {
        self.check(Access::Read, QUEUE, name)
    }

    /// `basic.publish`: write to the exchange.
    pub fn publish(&self, exchange: &str) -> Result<(), Refusal> {
        self.check(Access::Write, EXCHANGE, exchange)
    }

    /// The property `user_id` of a published message: one's own name or none, unless the user has the tag
    /// `impersonator`.
    pub fn user_id(&self, user_id: Option<&str>) -> Result<(), Refusal> {
        match user_id {
            Some(other) if other != &*self.user && !self.impersonator => Err(Refusal {
                code: 406,
                text: format!(
                    "PRECONDITION_FAILED - user_id property set to '{other}' but authenticated user was '{}'",
                    self.user
                ),
                scope: Scope::Channel,
            }),
            _ => Ok(()),
        }
    }

    fn read_source(&self, exchange: &str) -> Result<(), Refusal> {
        // The core refuses to bind the default exchange, in other words.
        if exchange.is_empty() {
            return Ok(());
        }
        self.check(Access::Read, EXCHANGE, exchange)
    }

    fn check(&self, access: Access, kind: &str, name: &str) -> Result<(), Refusal> {
        let name = if kind == EXCHANGE && name.is_empty() {
            "amq.default"
        } else {
            name
        };
        if self.permissions.allows(access, name) {
            return Ok(());
        }
        Err(Refusal {
            code: 403,
            text: format!(
                "ACCESS_REFUSED - access to {kind} '{name}' in vhost '{}' refused for user '{}'",
                self.virtual_host, self.user
            ),
            scope: Scope::Channel,
        })
    }
}

/// An argument that names something; of what is no text the core says that it is wrong.
fn text<'a>(arguments: &'a FieldTable<'_>, name: &str) -> Option<&'a str> {
    match arguments.get(name)? {
        FieldValue::LongString(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}
