use std::os::unix::net::UnixStream;

use super::Identity;
use crate::LaunchError;

const STRANGER: u32 = 0;

#[test]
fn the_variable_counts_only_with_the_socket_it_speaks_of() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let identity = Identity {
        service: "rpc: state reports".to_owned(),
        index: 3,
    };
    let variable = identity.to_variable(&ours).unwrap();
    let read = |parent, socket: &UnixStream| Identity::from_variable(&variable, parent, socket);
    let supervisor = std::process::id();
    assert_eq!(read(supervisor, &ours), Ok(Some(identity.clone())));
    // By another descriptor, as after an exec, and when the supervisor is gone already.
    let copy = ours.try_clone().unwrap();
    assert_eq!(read(STRANGER, &copy), Ok(Some(identity)));
    // A child of the worker has the variable, another standard input, and another parent.
    assert_eq!(read(STRANGER, &theirs), Ok(None));
}

#[test]
fn a_worker_whose_standard_input_was_changed_does_not_become_a_supervisor() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let identity = Identity {
        service: "rpc".to_owned(),
        index: 0,
    };
    let variable = identity.to_variable(&ours).unwrap();
    let read = Identity::from_variable(&variable, std::process::id(), &theirs);
    assert_eq!(read, Err(LaunchError::ChannelLost));
}

#[test]
fn what_no_supervisor_wrote_makes_no_worker() {
    let (socket, _other) = UnixStream::pair().unwrap();
    for text in [
        "",
        ":",
        ":::",
        "1",
        "a:b:c:d",
        "1:2:3",
        "99999999999999999999999:0:1:x",
    ] {
        assert_eq!(
            Identity::from_variable(text, STRANGER, &socket),
            Ok(None),
            "{text:?}"
        );
    }
}
