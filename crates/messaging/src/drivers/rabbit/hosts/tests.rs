use super::*;

fn hosts(seed: u64, failover: Failover) -> Hosts<u8> {
    Hosts::new(vec![1, 2, 3, 4], failover, fastrand::Rng::with_seed(seed))
}

#[test]
fn a_round_visits_each_host_once_and_rounds_repeat() {
    let mut hosts = hosts(1, Failover::RoundRobin);
    let round = |hosts: &mut Hosts<u8>| -> Vec<u8> {
        (0..4).map(|_| *hosts.next_host().unwrap()).collect()
    };
    let first = round(&mut hosts);
    let mut sorted = first.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [1, 2, 3, 4]);
    assert_eq!(round(&mut hosts), first);
}

#[test]
fn clients_do_not_all_begin_with_the_same_host() {
    let firsts: std::collections::HashSet<u8> = (0..50)
        .map(|seed| *hosts(seed, Failover::RoundRobin).next_host().unwrap())
        .collect();
    assert_eq!(firsts.len(), 4);
}

#[test]
fn shuffle_picks_any_host_each_time() {
    let mut hosts = hosts(5, Failover::Shuffle);
    let picks: Vec<u8> = (0..40).map(|_| *hosts.next_host().unwrap()).collect();
    assert_ne!(picks[..4], picks[4..8]);
    assert!([1, 2, 3, 4].iter().all(|host| picks.contains(host)));
}

#[test]
fn no_hosts_is_no_panic() {
    let mut none: Hosts<u8> =
        Hosts::new(Vec::new(), Failover::Shuffle, fastrand::Rng::with_seed(1));
    assert_eq!(none.next_host(), None);
    assert_eq!(none.round(), 0);
}
