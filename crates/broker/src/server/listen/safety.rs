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
mod tests {
    use super::*;
    use crate::server::access::{PasswordHash, User};
    use crate::server::listen::TlsFiles;

    fn check(listen: Listen, access: &Access, insecure: bool) -> Result<(), String> {
        let loopback = Listen::Tcp("127.0.0.1:0".parse().unwrap());
        check_safety(&[loopback, listen], access, insecure).map_err(|error| error.to_string())
    }

    fn tcp(address: &str) -> Listen {
        Listen::Tcp(address.parse().unwrap())
    }

    fn tls(address: &str) -> Listen {
        Listen::Tls(address.parse().unwrap(), TlsFiles::new("cert", "key"))
    }

    #[test]
    fn the_world_is_not_let_in_by_accident() {
        let guest = Access::default();
        let users = Access::new([User::new("nova", PasswordHash::new("s3cret"))]).unwrap();
        for address in [
            "0.0.0.0:0",
            "[::]:0",
            "192.0.2.1:5672",
            "[::ffff:192.0.2.1]:0",
        ] {
            let error = check(tls(address), &guest, false).unwrap_err();
            assert!(
                error.contains("no user") && error.contains("--user"),
                "{error}"
            );
            let error = check(tcp(address), &users, false).unwrap_err();
            assert!(
                error.contains("--tls-cert") && error.contains("--insecure"),
                "{error}"
            );
            assert_eq!(check(tls(address), &users, false), Ok(()));
            assert_eq!(check(tcp(address), &guest, true), Ok(()));
        }
        for listen in [
            tcp("127.0.0.1:0"),
            tcp("127.8.8.8:0"),
            tcp("[::1]:0"),
            tcp("[::ffff:127.0.0.1]:0"),
            Listen::Unix("socket".into()),
        ] {
            assert_eq!(check(listen, &guest, false), Ok(()));
        }
    }
}
