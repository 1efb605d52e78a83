//! Putting messages together from their frames.

use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};

use super::{PublishTag, RequestId, Violation};
use crate::codec::{BasicProperties, ContentHeader, frame::FrameStart};

/// Bodies shorter than this are copied out of the read buffer; longer ones that came in one frame
/// share memory with it. Below it, pinning the buffer costs more than the copy.
const SHARE_FROM: usize = 512;

/// The same for what is published, which may lie in a queue for long: the rest of the buffer, pinned as long, must not
/// be much more than what is counted.
const SHARE_PUBLISHED_FROM: usize = 16 * 1024;

/// A message that is coming in.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) head: Head,
    header: Option<Header>,
    body: Body,
}

/// The method in front of a content.
#[derive(Debug)]
pub(super) enum Head {
    Delivery(Origin),
    Get {
        origin: Origin,
        request: Option<RequestId>,
        message_count: u32,
    },
    Return {
        reply_code: u16,
        reply_text: String,
        exchange: Arc<str>,
        routing_key: Arc<str>,
    },
    Publish(Publication),
}

/// What a delivery says about itself.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) consumer_tag: Arc<str>,
    pub(super) delivery_tag: u64,
    pub(super) redelivered: bool,
    pub(super) exchange: Arc<str>,
    pub(super) routing_key: Arc<str>,
    /// It needs no settling.
    pub(super) no_ack: bool,
    /// Nobody wants it any more; it goes back to its queue.
    pub(super) unwanted: bool,
}

/// What a client's publish says.
#[derive(Debug)]
pub(super) struct Publication {
    pub(super) exchange: Arc<str>,
    pub(super) routing_key: Arc<str>,
    pub(super) mandatory: bool,
    pub(super) immediate: bool,
    pub(super) tag: Option<PublishTag>,
}

#[derive(Debug)]
struct Header {
    properties: BasicProperties<'static>,
    size: u64,
    missing: u64,
}

#[derive(Debug)]
enum Body {
    /// Nothing, or all of it in one piece.
    Whole(Bytes),
    Parts(BytesMut),
    /// It is too large and not kept.
    Discarded,
}

/// A message that has all its frames.
#[derive(Debug)]
pub(super) struct Complete {
    pub(super) head: Head,
    pub(super) properties: BasicProperties<'static>,
    /// `None` if it was too large to be kept.
    pub(super) body: Option<Bytes>,
    /// Declared size in bytes.
    pub(super) size: u64,
}

impl Content {
    pub(super) fn new(head: Head) -> Self {
        Self {
            head,
            header: None,
            body: Body::Whole(Bytes::new()),
        }
    }

    /// Takes the header. A body longer than `limit` will be counted but not kept.
    pub(super) fn header(
        &mut self,
        header: ContentHeader<'_>,
        limit: u64,
    ) -> Result<(), Violation> {
        if self.header.is_some() {
            return Err(Violation::ContentInterrupted {
                received: "content header",
            });
        }
        let size = header.body_size;
        if size > limit {
            if matches!(self.head, Head::Publish(_)) {
                return Err(Violation::ContentTooLarge { size, limit });
            }
            self.body = Body::Discarded;
        }
        let properties = header.properties.into_owned();
        self.header = Some(Header {
            properties,
            size,
            missing: size,
        });
        Ok(())
    }

    /// Takes a body frame out of `input`, where it is whole.
    pub(super) fn body(
        &mut self,
        frame: FrameStart,
        input: &mut BytesMut,
    ) -> Result<(), Violation> {
        let share_from = self.share_from();
        let Some(header) = &mut self.header else {
            return Err(Violation::ContentOutOfOrder {
                received: "content body",
            });
        };
        let length = frame.payload_len;
        let missing = u64::try_from(length)
            .ok()
            .and_then(|length| header.missing.checked_sub(length))
            .ok_or(Violation::BodyTooLong {
                declared: header.size,
            })?;
        let first = header.missing == header.size;
        header.missing = missing;
        if first && missing == 0 && length >= share_from && self.is_kept() {
            let mut piece = input.split_to(frame.frame_len()).freeze();
            piece.advance(FrameStart::SIZE);
            piece.truncate(length);
            self.body = Body::Whole(piece);
            return Ok(());
        }
        let payload = input
            .get(FrameStart::SIZE..FrameStart::SIZE + length)
            .unwrap_or_default();
        match &mut self.body {
            Body::Discarded => {}
            Body::Parts(parts) => parts.extend_from_slice(payload),
            body @ Body::Whole(_) if missing == 0 => {
                *body = Body::Whole(Bytes::copy_from_slice(payload));
            }
            body @ Body::Whole(_) => *body = Body::Parts(BytesMut::from(payload)),
        }
        input.advance(frame.frame_len());
        Ok(())
    }

    /// Nobody waits any more for the message that answers this request.
    pub(super) fn abandon(&mut self, abandoned: RequestId) {
        if let Head::Get {
            origin, request, ..
        } = &mut self.head
            && *request == Some(abandoned)
        {
            *request = None;
            origin.unwanted = true;
        }
    }

    /// The request that this message answers, if somebody waits for it.
    pub(super) fn request(&self) -> Option<RequestId> {
        match &self.head {
            Head::Get { request, .. } => *request,
            _ => None,
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.header
            .as_ref()
            .is_some_and(|header| header.missing == 0)
    }

    /// What it became; call when [`is_complete`](Self::is_complete).
    pub(super) fn finish(self) -> Complete {
        let (properties, size) = self
            .header
            .map(|header| (header.properties, header.size))
            .unwrap_or_default();
        let body = match self.body {
            Body::Whole(body) => Some(body),
            Body::Parts(parts) => Some(parts.freeze()),
            Body::Discarded => None,
        };
        Complete {
            head: self.head,
            properties,
            body,
            size,
        }
    }

    /// Bytes that are there of a body that is not complete.
    pub(super) fn gathered(&self) -> usize {
        match &self.body {
            Body::Whole(body) => body.len(),
            Body::Parts(parts) => parts.len(),
            Body::Discarded => 0,
        }
    }

    fn share_from(&self) -> usize {
        match self.head {
            Head::Publish(_) => SHARE_PUBLISHED_FROM,
            _ => SHARE_FROM,
        }
    }

    fn is_kept(&self) -> bool {
        !matches!(self.body, Body::Discarded)
    }
}
