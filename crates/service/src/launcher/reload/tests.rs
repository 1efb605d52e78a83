use std::slice;

use tokio::sync::oneshot;

use super::{Passes, answer};
use crate::Role;

#[test]
fn requests_during_a_pass_share_the_next() {
    let mut passes = Passes::default();
    let (reply, mut first) = oneshot::channel();
    assert!(passes.request(Some(reply)), "nothing is at work");
    let (reply, mut second) = oneshot::channel();
    assert!(!passes.request(Some(reply)));
    assert!(!passes.request(None));
    assert!(!passes.request(None));

    let failed = answer(&Role::InProcess, &Err("no file".to_owned()));
    assert!(
        passes.finish(slice::from_ref(&failed)),
        "one pass for the three"
    );
    assert_eq!(first.try_recv(), Ok(vec![failed]));
    assert!(second.try_recv().is_err(), "its pass is at work");
    assert!(passes.is_running());

    assert!(!passes.finish(&[]));
    assert_eq!(second.try_recv(), Ok(Vec::new()));
    assert!(!passes.is_running());
}
