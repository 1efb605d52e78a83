//! Routing keys that a message carries in its headers `CC` and `BCC` (RabbitMQ's sender-selected distribution).

use std::borrow::Cow;

use bergen_amqp::codec::{BasicProperties, FieldTable, FieldValue};

use super::{Message, Refusal, arguments::type_name};

const CC: &str = "CC";
const BCC: &str = "BCC";

/// The further keys of a message with these properties. What is no text is passed over.
pub(super) fn further_keys<'m>(
    properties: &'m BasicProperties<'_>,
) -> impl Iterator<Item = Cow<'m, str>> {
    properties
        .headers
        .iter()
        .flat_map(|headers| [headers.get(CC), headers.get(BCC)])
        .flatten()
        .filter_map(FieldValue::as_array)
        .flatten()
        .filter_map(FieldValue::as_bytes)
        .map(String::from_utf8_lossy)
}

/// Refuses headers of these names that are no lists.
pub(super) fn check(properties: &BasicProperties<'_>) -> Result<(), Refusal> {
    let Some(headers) = &properties.headers else {
        return Ok(());
    };
    for name in [CC, BCC] {
        if let Some(value) = headers.get(name)
            && value.as_array().is_none()
        {
            return Err(Refusal::precondition_failed(format_args!(
                "invalid message: {{unacceptable_type_in_header,\"{name}\",{}}}",
                type_name(value)
            )));
        }
    }
    Ok(())
}

impl<B: Clone> Message<B> {
    /// The message as queues keep it and publishers get it back, if that is not as it was published: nobody is to see
    /// the header `BCC`.
    pub fn without_bcc(&self) -> Option<Self> {
        let headers = self.properties.headers.as_ref()?;
        headers.contains_key(BCC).then(|| {
            let kept = headers.iter().filter(|(name, _)| *name != BCC);
            let mut message = self.clone();
            message.properties.headers = Some(
                kept.map(|(name, value)| (name.to_owned(), value.clone()))
                    .collect::<FieldTable<'static>>(),
            );
            message
        })
    }
}

#[cfg(test)]
mod tests;
