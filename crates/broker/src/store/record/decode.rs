use std::sync::Arc;

use bergen_amqp::codec::primitives::{Reader, Wire};
use bergen_amqp::codec::{DecodeError, FieldTable};

use super::{Binding, Record, StoredMessage, Target, UNNUMBERED, VERSION, kind};
use crate::core::{ExchangeKind, Position};

/// Why bytes are no records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::store) enum RecordError {
    #[error("{0}")]
    Codec(#[from] DecodeError),
    #[error("it has version {0}, this broker reads {VERSION}")]
    Version(u8),
    #[error("there is no record of kind {0}")]
    Kind(u8),
    #[error("name {0} was not spelled before")]
    Name(u16),
    #[error("there is no exchange type {0}")]
    ExchangeKind(u8),
}

/// Reads a payload record by record. Any bytes do: what is no record is an error, after which it ends.
#[derive(Debug)]
pub(in crate::store) struct Decoder<'a> {
    reader: Reader<'a>,
    names: Vec<Arc<str>>,
}

impl<'a> Decoder<'a> {
    pub(in crate::store) fn new(payload: &'a [u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(payload);
        match reader.u8()? {
            VERSION => Ok(Self {
                reader,
                names: Vec::new(),
            }),
            other => Err(RecordError::Version(other)),
        }
    }

    /// The next record and its size in bytes.
    pub(in crate::store) fn next(&mut self) -> Option<Result<(Record<'a>, usize), RecordError>> {
        if self.reader.is_empty() {
            return None;
        }
        let record = self.record();
        if record.is_err() {
            self.reader = Reader::new(&[]);
        }
        Some(record)
    }

    fn record(&mut self) -> Result<(Record<'a>, usize), RecordError> {
        let kind = self.reader.u8()?;
        let fields = self.reader.long_str()?;
        let mut fields_reader = Reader::new(fields);
        let record = Fields {
            reader: &mut fields_reader,
            names: &mut self.names,
        }
        .record(kind)?;
        fields_reader.finish()?;
        Ok((record, fields.len() + 5))
    }
}

struct Fields<'a, 'r> {
    reader: &'r mut Reader<'a>,
    names: &'r mut Vec<Arc<str>>,
}

impl<'a> Fields<'a, '_> {
    fn record(&mut self, kind: u8) -> Result<Record<'a>, RecordError> {
        Ok(match kind {
            kind::HOST_ADDED => Record::HostAdded { host: self.name()? },
            kind::HOST_REMOVED => Record::HostRemoved { host: self.name()? },
            kind::EXCHANGE_DECLARED => {
                let (host, name) = (self.name()?, self.name()?);
                let kind = exchange_kind(self.reader.u8()?)?;
                let flags = self.reader.u8()?;
                Record::ExchangeDeclared {
                    host,
                    name,
                    kind,
                    auto_delete: flags & 1 != 0,
                    internal: flags & 2 != 0,
                    arguments: FieldTable::read(self.reader)?,
                }
            }
            kind::EXCHANGE_DELETED => Record::ExchangeDeleted {
                host: self.name()?,
                name: self.name()?,
            },
            kind::QUEUE_DECLARED => Record::QueueDeclared {
                host: self.name()?,
                name: self.name()?,
                auto_delete: self.reader.u8()? & 1 != 0,
                arguments: FieldTable::read(self.reader)?,
            },
            kind::QUEUE_DELETED => Record::QueueDeleted {
                host: self.name()?,
                name: self.name()?,
            },
            kind::BOUND => Record::Bound {
                host: self.name()?,
                binding: self.binding()?,
            },
            kind::UNBOUND => Record::Unbound {
                host: self.name()?,
                binding: self.binding()?,
            },
            kind::ENQUEUED => Record::Enqueued {
                targets: self.targets()?,
                message: self.message()?,
            },
            kind::REMOVED => Record::Removed {
                host: self.name()?,
                queue: self.name()?,
                positions: self.positions()?,
            },
            kind::RETURNED => Record::Returned {
                host: self.name()?,
                queue: self.name()?,
                position: self.position()?,
                delivery_count: self.reader.u32()?,
            },
            kind::TRUNCATED => Record::Truncated {
                host: self.name()?,
                queue: self.name()?,
                before: self.position()?,
            },
            other => return Err(RecordError::Kind(other)),
        })
    }

    fn binding(&mut self) -> Result<Binding<'a>, RecordError> {
        Ok(Binding {
            source: self.name()?,
            destination: self.name()?,
            to_exchange: self.reader.u8()? & 1 != 0,
            routing_key: self.name()?,
            arguments: FieldTable::read(self.reader)?,
        })
    }

    fn message(&mut self) -> Result<StoredMessage<'a>, RecordError> {
        Ok(StoredMessage {
            exchange: self.name()?,
            routing_key: self.name()?,
            properties: self.reader.long_str()?,
            body: self.reader.long_str()?,
        })
    }

    // No memory is set aside from these counts: what is not there ends the loop with an error.
    fn targets(&mut self) -> Result<Vec<Target>, RecordError> {
        let count = self.reader.u32()?;
        let mut targets = Vec::new();
        for _ in 0..count {
            targets.push(Target {
                host: self.name()?,
                queue: self.name()?,
                position: self.position()?,
                at: self.reader.u64()?,
            });
        }
        Ok(targets)
    }

    fn positions(&mut self) -> Result<Vec<Position>, RecordError> {
        let count = self.reader.u32()?;
        let mut positions = Vec::new();
        for _ in 0..count {
            positions.push(self.position()?);
        }
        Ok(positions)
    }

    fn position(&mut self) -> Result<Position, RecordError> {
        Ok(Position(self.reader.u64()?))
    }

    fn name(&mut self) -> Result<Arc<str>, RecordError> {
        let number = self.reader.u16()?;
        if let Some(name) = self.names.get(usize::from(number)) {
            return Ok(Arc::clone(name));
        }
        if number != UNNUMBERED && usize::from(number) != self.names.len() {
            return Err(RecordError::Name(number));
        }
        let name: Arc<str> = self.reader.short_str()?.into();
        if number != UNNUMBERED {
            self.names.push(Arc::clone(&name));
        }
        Ok(name)
    }
}

fn exchange_kind(number: u8) -> Result<ExchangeKind, RecordError> {
    Ok(match number {
        1 => ExchangeKind::Direct,
        2 => ExchangeKind::Topic,
        3 => ExchangeKind::Fanout,
        4 => ExchangeKind::Headers,
        other => return Err(RecordError::ExchangeKind(other)),
    })
}
