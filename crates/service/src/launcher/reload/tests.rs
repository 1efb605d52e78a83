use tokio::sync::oneshot;

use super::Passes;

#[test]
fn requests_during_a_pass_share_the_next() {
    let mut passes = Passes::default();
    let (reply, mut first) = oneshot::channel();
    assert!(passes.request(Some(reply)), "nothing is at work");
    let (reply, mut second) = oneshot::channel();
    assert!(!passes.request(Some(reply)));
    assert!(!passes.request(None));
    assert!(!passes.request(None));

    assert!(passes.finish(), "one pass for the three");
    assert!(first.try_recv().is_ok());
    assert!(second.try_recv().is_err(), "its pass is at work");
    assert!(passes.is_running());

    assert!(!passes.finish());
    assert!(second.try_recv().is_ok());
    assert!(!passes.is_running());
}
