//! `bergen serve`: the ready line, and the end in order.

use std::time::{Duration, Instant};

use bergen_testbed::TestVhost;

use crate::program::{Service, bergen};

#[tokio::test]
async fn the_ready_line_names_everything_but_the_password() {
    let vhost = TestVhost::new("cli-ready").await.unwrap();
    let service = Service::serve(&vhost, "demo", "one").await;
    for part in [
        "topic demo",
        "server one",
        "exchange openstack",
        "guest:***@",
        vhost.name(),
    ] {
        assert!(service.ready.contains(part), "{}", service.ready);
    }
    // Ready is ready: the first call is answered by it.
    let call = ["call", "demo", "whoami", "--server", "one"];
    bergen(&vhost.url(), &call).await.expect(0);
    service.signal("INT");
    let (status, output) = service.end().await;
    assert_eq!(status.code(), Some(0), "{output}");
}

#[tokio::test]
async fn sigterm_lets_the_call_that_runs_end() {
    let vhost = TestVhost::new("cli-graceful").await.unwrap();
    let (url, mut service) = (vhost.url(), Service::serve(&vhost, "demo", "one").await);
    let call = bergen(&url, &["call", "demo", "sleep", "seconds:=2"]);
    let stop = async {
        service.line_with("method=sleep").await;
        service.signal("TERM");
        service.line_with("stopping").await;
        service.end().await
    };
    let (ended, (status, output)) = tokio::join!(call, stop);
    assert_eq!(ended.expect(0).out, "2.0\n");
    assert_eq!(status.code(), Some(0), "{output}");
}

#[tokio::test]
async fn the_second_signal_ends_it_at_once() {
    let vhost = TestVhost::new("cli-impatient").await.unwrap();
    let mut service = Service::serve(&vhost, "demo", "one").await;
    bergen(&vhost.url(), &["cast", "demo", "sleep", "seconds:=50"])
        .await
        .expect(0);
    service.line_with("method=sleep").await;
    service.signal("TERM");
    service.line_with("stopping").await;
    let asked = Instant::now();
    service.signal("INT");
    let (status, output) = service.end().await;
    assert_eq!(status.code(), Some(130), "{output}");
    assert!(asked.elapsed() < Duration::from_secs(5), "{output}");
}

#[tokio::test]
async fn methods_that_run_at_the_same_time_are_limited() {
    let vhost = TestVhost::new("cli-limit").await.unwrap();
    let url = vhost.url();
    let service = Service::start(&url, &["serve", "--topic", "demo", "--limit", "1"]).await;
    let call = ["call", "demo", "sleep", "seconds:=0.5"];
    let start = Instant::now();
    let (one, two) = tokio::join!(bergen(&url, &call), bergen(&url, &call));
    one.expect(0);
    two.expect(0);
    assert!(
        start.elapsed() >= Duration::from_secs(1),
        "they ran together"
    );
    service.stop().await;
}
