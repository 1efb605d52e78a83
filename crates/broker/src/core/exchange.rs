//! One exchange.

use std::sync::Arc;

use bergen_amqp::codec::{FieldTable, FieldValue};

use super::{DeclareExchange, ExchangeKind, Refusal, arguments, bindings::Bindings};

const ALTERNATE_EXCHANGE: &str = "alternate-exchange";

/// An exchange and its bindings.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) name: Arc<str>,
    pub(super) kind: ExchangeKind,
    pub(super) durable: bool,
    pub(super) auto_delete: bool,
    pub(super) internal: bool,
    pub(super) arguments: FieldTable<'static>,
    /// Where messages go that nothing here takes.
    pub(super) alternate: Option<Arc<str>>,
    pub(super) bindings: Bindings,
}

/// What an exchange is, for those who look at it from outside.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ExchangeInfo<'a> {
    /// Its name; empty for the default exchange.
    pub name: &'a Arc<str>,
    /// Its type.
    pub kind: ExchangeKind,
    /// Whether it outlives the broker.
    pub durable: bool,
    /// Whether it goes with its last binding.
    pub auto_delete: bool,
    /// Whether clients may not publish to it.
    pub internal: bool,
    /// As declared.
    pub arguments: &'a FieldTable<'static>,
}

/// A binding, for those who look at it from outside.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct BindingInfo<'a> {
    /// The exchange that messages come from.
    pub source: &'a Arc<str>,
    /// Where they go.
    pub destination: &'a Arc<str>,
    /// Whether that is an exchange.
    pub to_exchange: bool,
    /// The binding key.
    pub routing_key: &'a Arc<str>,
    /// As given.
    pub arguments: &'a FieldTable<'static>,
}

impl ExchangeKind {
    /// The type of this name: `direct`, `topic`, `fanout` or `headers`.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "direct" => Self::Direct,
            "topic" => Self::Topic,
            "fanout" => Self::Fanout,
            "headers" => Self::Headers,
            _ => return None,
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Topic => "topic",
            Self::Fanout => "fanout",
            Self::Headers => "headers",
        }
    }
}

impl Exchange {
    pub(super) fn new(
        host: &str,
        kind: ExchangeKind,
        declare: &DeclareExchange<'_>,
    ) -> Result<Self, Refusal> {
        let alternate = match declare.arguments.get(ALTERNATE_EXCHANGE) {
            None => None,
            Some(FieldValue::LongString(name)) => Some(String::from_utf8_lossy(name).into()),
            Some(other) => {
                return Err(Refusal::precondition_failed(format_args!(
                    "invalid type '{}' for arg '{ALTERNATE_EXCHANGE}' in exchange '{}' in vhost '{host}'",
                    arguments::type_name(other),
                    declare.name
                )));
            }
        };
        Ok(Self {
            name: declare.name.into(),
            kind,
            durable: declare.durable,
            auto_delete: declare.auto_delete,
            internal: declare.internal,
            arguments: declare.arguments.clone().into_owned(),
            alternate,
            bindings: Bindings::new(kind),
        })
    }

    /// Refuses a declaration of the same name that means another exchange.
    pub(super) fn check_equivalent(
        &self,
        host: &str,
        kind: ExchangeKind,
        declare: &DeclareExchange<'_>,
    ) -> Result<(), Refusal> {
        let entity = format!("exchange '{}' in vhost '{host}'", self.name);
        let check = |name: &str,
                     received: &dyn std::fmt::Display,
                     current: &dyn std::fmt::Display,
                     same: bool| {
            if same {
                return Ok(());
            }
            Err(Refusal::precondition_failed(format_args!(
                "inequivalent arg '{name}' for {entity}: received '{received}' but current is '{current}'"
            )))
        };
        check("type", &kind.name(), &self.kind.name(), kind == self.kind)?;
        for (name, received, current) in [
            ("durable", declare.durable, self.durable),
            ("auto_delete", declare.auto_delete, self.auto_delete),
            ("internal", declare.internal, self.internal),
        ] {
            check(name, &received, &current, received == current)?;
        }
        arguments::check_same(
            &entity,
            &[ALTERNATE_EXCHANGE],
            &self.arguments,
            declare.arguments,
        )
    }

    pub(super) fn info(&self) -> ExchangeInfo<'_> {
        ExchangeInfo {
            name: &self.name,
            kind: self.kind,
            durable: self.durable,
            auto_delete: self.auto_delete,
            internal: self.internal,
            arguments: &self.arguments,
        }
    }
}
