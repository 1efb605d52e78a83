//! The name in a client's certificate.

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

#[cfg(test)]
mod tests;

/// The common name of a certificate's subject, if it has exactly one: RabbitMQ's `ssl_cert_login_from = common_name`.
pub(super) fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    one_common_name(certificate.subject())
}

/// DER's tags of what a name consists of.
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
/// `2.5.4.3`
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];

/// Looks through a name: sets of pairs of an identifier and a text.
fn one_common_name(subject: &[u8]) -> Option<String> {
    let mut found = None;
    let mut rest = subject;
    while !rest.is_empty() {
        let (set, behind) = element(rest, SET)?;
        let mut pairs = set;
        while !pairs.is_empty() {
            let (pair, behind) = element(pairs, SEQUENCE)?;
            let (kind, value) = element(pair, OBJECT_IDENTIFIER)?;
            if kind == COMMON_NAME {
                let name = text(value)?;
                if found.replace(name).is_some() {
                    return None;
                }
            }
            pairs = behind;
        }
        rest = behind;
    }
    found.filter(|name| !name.is_empty())
}

fn text(value: &[u8]) -> Option<String> {
    let bytes = [UTF8_STRING, PRINTABLE_STRING, IA5_STRING]
        .into_iter()
        .find_map(|tag| element(value, tag));
    let (bytes, _) = bytes?;
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

/// The content of an element of DER, and what follows it. Names are short: lengths above 64 KiB are not taken.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first != tag {
        return None;
    }
    let (length, rest) = match rest {
        [length @ 0..=0x7f, rest @ ..] | [0x81, length, rest @ ..] => (usize::from(*length), rest),
        [0x82, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}
