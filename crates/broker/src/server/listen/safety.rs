//! What must not be listened on by accident.

use super::{Listen, ListenError};
use crate::server::access::Access;

/// Refuses addresses that other machines can reach, unless there are users who may come from there and TLS keeps what
/// they say to themselves. `insecure` allows it all.
pub fn check_safety(
    listens: &[Listen],
    access: &Access,
    insecure: bool,
) -> Result<(), ListenError> {
    if insecure {
        return Ok(());
    }
    for listen in listens {
        let (address, has_tls) = match listen {
            Listen::Tcp(address) => (*address, false),
            Listen::Tls(address, _) => (*address, true),
            Listen::Unix(_) => continue,
        };
        if address.ip().to_canonical().is_loopback() {
            continue;
        }
        if !access.admits_others() {
            return Err(ListenError::NoUsers { address });
        }
        if !has_tls {
            return Err(ListenError::NoTls { address });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
