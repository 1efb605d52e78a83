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
