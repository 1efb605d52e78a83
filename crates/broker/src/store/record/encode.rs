use std::collections::HashMap;
use std::sync::Arc;

use bergen_amqp::codec::EncodeError;
use bergen_amqp::codec::primitives::{Wire, Writer};
use bytes::{BufMut, BytesMut};

use super::{Binding, Record, StoredMessage, Target, UNNUMBERED, VERSION, kind};
use crate::core::ExchangeKind;
use crate::store::frame::FRAME_HEADER;

/// Gathers records for one frame.
#[derive(Debug)]
pub(in crate::store) struct Encoder {
    /// Room for the frame's header, then the payload.
    buffer: BytesMut,
    names: HashMap<Arc<str>, u16>,
}

impl Encoder {
    pub(in crate::store) fn new() -> Self {
        let mut encoder = Self {
            buffer: BytesMut::new(),
            names: HashMap::new(),
        };
        encoder.clear();
        encoder
    }

    /// Begins the next frame.
    pub(in crate::store) fn clear(&mut self) {
        // A frame that was much larger than usual does not keep its memory.
        if self.buffer.capacity() > 8 << 20 {
            self.buffer = BytesMut::new();
        }
        self.buffer.clear();
        self.buffer.put_bytes(0, FRAME_HEADER);
        self.buffer.put_u8(VERSION);
        self.names.clear();
    }

    /// Whether it holds no record.
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.len() <= FRAME_HEADER + 1
    }

    /// Bytes so far.
    pub(in crate::store) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Header room and payload.
    pub(in crate::store) fn frame(&mut self) -> &mut [u8] {
        &mut self.buffer
    }

    /// What follows the header.
    pub(in crate::store) fn payload(&self) -> &[u8] {
        self.buffer.get(FRAME_HEADER..).unwrap_or_default()
    }

    /// Appends a record; one that fails leaves nothing behind.
    pub(in crate::store) fn push(&mut self, record: &Record<'_>) -> Result<(), EncodeError> {
        let (start, names) = (self.buffer.len(), self.names.len());
        let written = self.write(record).and_then(|()| {
            let length = self.buffer.len() - start - 5;
            u32::try_from(length).map_err(|_| EncodeError::TooLong { length })
        });
        match written {
            Ok(length) => {
                if let Some(place) = self.buffer.get_mut(start + 1..start + 5) {
                    place.copy_from_slice(&length.to_be_bytes());
                }
                Ok(())
            }
            Err(error) => {
                self.buffer.truncate(start);
                self.names.retain(|_, number| usize::from(*number) < names);
                Err(error)
            }
        }
    }

    fn write(&mut self, record: &Record<'_>) -> Result<(), EncodeError> {
        match record {
            Record::HostAdded { host } => {
                self.begin(kind::HOST_ADDED);
                self.name(host)
            }
            Record::HostRemoved { host } => {
                self.begin(kind::HOST_REMOVED);
                self.name(host)
            }
            Record::ExchangeDeclared {
                host,
                name,
                kind,
                auto_delete,
                internal,
                arguments,
            } => {
                self.begin(kind::EXCHANGE_DECLARED);
                self.name(host)?;
                self.name(name)?;
                self.buffer.put_u8(exchange_kind(*kind));
                self.buffer
                    .put_u8(u8::from(*auto_delete) | u8::from(*internal) << 1);
                arguments.write(&mut Writer::new(&mut self.buffer))
            }
            Record::ExchangeDeleted { host, name } => {
                self.begin(kind::EXCHANGE_DELETED);
                self.name(host)?;
                self.name(name)
            }
            Record::QueueDeclared {
                host,
                name,
                auto_delete,
                arguments,
            } => {
                self.begin(kind::QUEUE_DECLARED);
                self.name(host)?;
                self.name(name)?;
                self.buffer.put_u8(u8::from(*auto_delete));
                arguments.write(&mut Writer::new(&mut self.buffer))
            }
            Record::QueueDeleted { host, name } => {
                self.begin(kind::QUEUE_DELETED);
                self.name(host)?;
                self.name(name)
            }
            Record::Bound { host, binding } => {
                self.begin(kind::BOUND);
                self.binding(host, binding)
            }
            Record::Unbound { host, binding } => {
                self.begin(kind::UNBOUND);
                self.binding(host, binding)
            }
            Record::Enqueued { targets, message } => {
                self.begin(kind::ENQUEUED);
                self.enqueued(targets, message)
            }
            Record::Removed {
                host,
                queue,
                positions,
            } => {
                self.begin(kind::REMOVED);
                self.name(host)?;
                self.name(queue)?;
                self.buffer.put_u32(count(positions.len())?);
                for position in positions {
                    self.buffer.put_u64(position.0);
                }
                Ok(())
            }
            Record::Returned {
                host,
                queue,
                position,
                delivery_count,
            } => {
                self.begin(kind::RETURNED);
                self.name(host)?;
                self.name(queue)?;
                self.buffer.put_u64(position.0);
                self.buffer.put_u32(*delivery_count);
                Ok(())
            }
            Record::Truncated {
                host,
                queue,
                before,
            } => {
                self.begin(kind::TRUNCATED);
                self.name(host)?;
                self.name(queue)?;
                self.buffer.put_u64(before.0);
                Ok(())
            }
        }
    }

    /// The kind of a record, and room for its length.
    fn begin(&mut self, kind: u8) {
        self.buffer.put_u8(kind);
        self.buffer.put_u32(0);
    }

    fn binding(&mut self, host: &Arc<str>, binding: &Binding<'_>) -> Result<(), EncodeError> {
        self.name(host)?;
        self.name(&binding.source)?;
        self.name(&binding.destination)?;
        self.buffer.put_u8(u8::from(binding.to_exchange));
        self.name(&binding.routing_key)?;
        binding.arguments.write(&mut Writer::new(&mut self.buffer))
    }

    fn enqueued(
        &mut self,
        targets: &[Target],
        message: &StoredMessage<'_>,
    ) -> Result<(), EncodeError> {
        self.buffer.put_u32(count(targets.len())?);
        for target in targets {
            self.name(&target.host)?;
            self.name(&target.queue)?;
            self.buffer.put_u64(target.position.0);
            self.buffer.put_u64(target.at);
        }
        self.name(&message.exchange)?;
        self.name(&message.routing_key)?;
        let mut writer = Writer::new(&mut self.buffer);
        writer.long_str(message.properties)?;
        writer.long_str(message.body)
    }

    /// The number of a name, with its spelling when it is new to the frame.
    fn name(&mut self, name: &Arc<str>) -> Result<(), EncodeError> {
        if let Some(number) = self.names.get(name) {
            self.buffer.put_u16(*number);
            return Ok(());
        }
        let number = u16::try_from(self.names.len()).unwrap_or(UNNUMBERED);
        self.buffer.put_u16(number);
        Writer::new(&mut self.buffer).short_str(name)?;
        if number != UNNUMBERED {
            self.names.insert(Arc::clone(name), number);
        }
        Ok(())
    }
}

fn exchange_kind(kind: ExchangeKind) -> u8 {
    match kind {
        ExchangeKind::Direct => 1,
        ExchangeKind::Topic => 2,
        ExchangeKind::Fanout => 3,
        ExchangeKind::Headers => 4,
    }
}

fn count(length: usize) -> Result<u32, EncodeError> {
    u32::try_from(length).map_err(|_| EncodeError::TooLong { length })
}
