use std::os::unix::net::UnixStream;

use super::Identity;

#[test]
fn the_variable_counts_only_with_the_socket_it_speaks_of() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let identity = Identity {
        service: "rpc: state reports".to_owned(),
        index: 3,
    };
    let variable = identity.to_variable(&ours).unwrap();
    assert_eq!(
        Identity::from_variable(&variable, &ours),
        Some(identity.clone())
    );
    // The same file by another descriptor, as after an exec.
    let copy = ours.try_clone().unwrap();
    assert_eq!(Identity::from_variable(&variable, &copy), Some(identity));
    // A child of the worker has the variable, and another standard input.
    assert_eq!(Identity::from_variable(&variable, &theirs), None);
}

#[test]
fn what_no_supervisor_wrote_makes_no_worker() {
    let (socket, _other) = UnixStream::pair().unwrap();
    for text in [
        "",
        ":",
        "::",
        "1",
        "a:b:c",
        "1:2",
        "99999999999999999999999:0:x",
    ] {
        assert_eq!(Identity::from_variable(text, &socket), None, "{text:?}");
    }
}
