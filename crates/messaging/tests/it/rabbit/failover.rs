//! Several hosts in one URL.

use std::time::Duration;

use bergen_messaging::driver::{CastOptions, Driver, Retry};
use bergen_testbed::{FaultProxy, TestVhost};
use tokio::net::TcpListener;

use super::harness::*;

async fn proxies<const N: usize>(vhost: &TestVhost) -> [FaultProxy; N] {
    let mut proxies = Vec::new();
    for _ in 0..N {
        proxies.push(FaultProxy::to_port(vhost.rabbit().port()).await.unwrap());
    }
    proxies.try_into().ok().unwrap()
}

fn url_of(vhost: &TestVhost, proxies: &[FaultProxy]) -> String {
    let login = format!("{}:{}", vhost.rabbit().user(), vhost.rabbit().password());
    let hosts: Vec<String> = proxies
        .iter()
        .map(|proxy| format!("{login}@127.0.0.1:{}", proxy.port()))
        .collect();
    format!(
        "rabbit://{}/{}?kombu_reconnect_delay=0",
        hosts.join(","),
        vhost.name()
    )
}

/// Which proxies were connected to since the last time.
fn newly_used(proxies: &[FaultProxy], before: &mut Vec<u64>) -> Vec<usize> {
    let now: Vec<u64> = proxies
        .iter()
        .map(|proxy| proxy.accepted() as u64)
        .collect();
    before.resize(now.len(), 0);
    let used = (0..now.len()).filter(|index| now[*index] > before[*index]);
    let used = used.collect();
    *before = now;
    used
}

/// Also when the host that was lost is well again: its neighbours may know more.
#[tokio::test]
async fn a_lost_connection_goes_on_with_the_next_host_and_comes_round() {
    let vhost = TestVhost::new("round-robin").await.unwrap();
    let proxies = proxies::<3>(&vhost).await;
    let client = driver(&url_of(&vhost, &proxies));
    let (target, poke) = (topic("compute"), request("poke", "{}"));
    let mut before = Vec::new();
    let mut order = Vec::new();
    for _ in 0..4 {
        cast(&client, &target, &poke).await;
        let used = newly_used(&proxies, &mut before);
        let [host] = used[..] else {
            panic!("{used:?} after {order:?}")
        };
        order.push(host);
        let losses = client.stats().reconnects;
        proxies[host].cut();
        let reconnected = async {
            while client.stats().reconnects == losses {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), reconnected)
            .await
            .expect("no other host was used");
    }
    assert_eq!(order[3], order[0], "not in turns: {order:?}");
    order.truncate(3);
    order.sort_unstable();
    assert_eq!(order, [0, 1, 2]);
}

/// The first round finds the host that lives, whichever of them that is and however the next one is chosen.
#[tokio::test]
async fn dead_hosts_are_passed_over() {
    let vhost = TestVhost::new("dead-hosts").await.unwrap();
    let proxies = proxies::<3>(&vhost).await;
    proxies[0].refuse(true);
    proxies[2].refuse(true);
    let url = url_of(&vhost, &proxies);
    for _ in 0..3 {
        let client = driver(&url);
        let mut once = CastOptions::default();
        once.retry = Retry::Times(0);
        client
            .cast(&topic("compute"), &request("poke", "{}"), once)
            .await
            .unwrap();
    }
    // At random it may take more than a round.
    let client = driver(&format!("{url}&kombu_failover_strategy=shuffle"));
    cast(&client, &topic("compute"), &request("poke", "{}")).await;
}

#[tokio::test]
async fn addresses_of_version_6_are_reached() {
    let listener = TcpListener::bind("[::1]:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = driver(&format!("rabbit://guest:guest@[::1]:{port}/"));
    let sending = tokio::spawn(async move {
        let mut once = CastOptions::default();
        once.retry = Retry::Times(0);
        let (target, poke) = (topic("compute"), request("poke", "{}"));
        let sent = client.cast(&target, &poke, once);
        sent.await.map_err(|error| error.to_string())
    });
    let accepted = tokio::time::timeout(Duration::from_secs(5), listener.accept());
    let (socket, _) = accepted.await.expect("nobody came").unwrap();
    drop(socket);
    let error = sending.await.unwrap().unwrap_err();
    assert!(error.contains(&format!("::1:{port}")), "{error}");
}
