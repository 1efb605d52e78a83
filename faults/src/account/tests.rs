use std::collections::{BTreeMap, BTreeSet};

use super::{Account, Facts, Loss};
use crate::log::{Event, What};

fn event(process: &str, id: &str, at: f64, what: What) -> Event {
    Event {
        process: process.to_owned(),
        at,
        id: id.to_owned(),
        what,
    }
}

fn made(id: &str, at: f64) -> Event {
    event(&format!("{}-client", &id[..4]), id, at, What::Made)
}

fn ended(id: &str, at: f64, outcome: &str) -> Event {
    event("client", id, at, What::Ended(outcome.to_owned()))
}

fn ran(process: &str, id: &str, at: f64, redelivered: bool) -> Event {
    event(process, id, at, What::Ran { redelivered })
}

/// A fault from 100 to 110 s.
fn facts(loss: Loss) -> Facts {
    let receivers = ["rust-a", "rust-b"].map(str::to_owned);
    Facts {
        begin: 100.0,
        healed: 110.0,
        cleared: 110.0,
        timeout: 15.0,
        receivers: BTreeMap::from([("rust".to_owned(), BTreeSet::from(receivers))]),
        loss,
        killed_clients: BTreeSet::new(),
    }
}

/// The account of `events`, with a call that shows that service resumed.
fn account(mut events: Vec<Event>, facts: &Facts) -> Account {
    let id = "rust/rust/call/r.999";
    events.extend([
        made(id, 110.0),
        ran("rust-a", id, 110.1, false),
        ended(id, 110.2, "ok"),
    ]);
    Account::of(&events, facts)
}

const CALL: &str = "rust/rust/call/r.1";
const CAST: &str = "rust/rust/cast/r.2";
const FANOUT: &str = "rust/rust/fanout/r.3";

#[test]
fn what_is_answered_or_failed_in_time_is_explained() {
    let events = vec![
        made(CALL, 101.0),
        ended(CALL, 116.0, "Timeout"),
        made(CAST, 99.0),
        ran("rust-b", CAST, 99.1, false),
        ended(CAST, 99.2, "ok"),
        made(FANOUT, 120.0),
        ran("rust-a", FANOUT, 120.1, false),
        ran("rust-b", FANOUT, 120.2, false),
        ended(FANOUT, 120.2, "ok"),
    ];
    let account = account(events, &facts(Loss::Never));
    assert_eq!(account.unexplained, Vec::<String>::new());
    let total = account.total();
    assert_eq!((total.made, total.answered, total.failures()), (4, 3, 1));
    assert!((account.resumed["rust → rust"].unwrap() - 0.2).abs() < 1e-6);
}

#[test]
fn a_call_that_never_ends_is_red() {
    let account = account(vec![made(CALL, 101.0)], &facts(Loss::WithTheBroker));
    assert_eq!(account.unexplained, [format!("{CALL} never ended")]);
    assert_eq!(account.total().hung, 1);
}

#[test]
fn a_call_that_outlives_its_deadline_is_red() {
    let events = vec![made(CALL, 101.0), ended(CALL, 119.0, "Timeout")];
    let account = account(events, &facts(Loss::Never));
    assert_eq!(
        account.unexplained,
        [format!("{CALL} ended after 18.0 s of 15")]
    );
}

#[test]
fn a_failure_long_after_the_fault_is_red() {
    let events = vec![made(CALL, 130.0), ended(CALL, 131.0, "Timeout")];
    let account = account(events, &facts(Loss::Never));
    assert_eq!(
        account.unexplained,
        [format!(
            "{CALL} failed with Timeout though nothing was wrong"
        )]
    );
}

#[test]
fn a_method_that_fails_and_a_wrong_answer_are_red() {
    let events = vec![
        made(CALL, 101.0),
        ended(CALL, 102.0, "Remote TypeError"),
        made("rust/rust/call/r.5", 101.0),
        ended("rust/rust/call/r.5", 102.0, "wrong"),
    ];
    assert_eq!(account(events, &facts(Loss::Never)).unexplained.len(), 2);
}

#[test]
fn a_cast_may_be_lost_only_with_what_the_fault_destroyed_and_only_then() {
    let lost = |at| vec![made(CAST, at), ended(CAST, at, "ok")];
    let sentence = [format!("{CAST} was lost; it ran on {{}}")];
    let with = |at, loss| account(lost(at), &facts(loss)).unexplained;
    assert_eq!(with(99.0, Loss::Never), sentence);
    assert_eq!(with(99.0, Loss::WithTheBroker), Vec::<String>::new());
    assert_eq!(with(50.0, Loss::WithTheBroker), sentence);
    assert_eq!(with(130.0, Loss::WithTheBroker), sentence);
    assert_eq!(with(99.0, Loss::FanoutsWithTheExchange), sentence);
}

#[test]
fn a_fanout_has_to_reach_every_server() {
    let events = vec![
        made(FANOUT, 101.0),
        ended(FANOUT, 101.5, "ok"),
        ran("rust-a", FANOUT, 101.2, false),
    ];
    let account = account(events, &facts(Loss::Never));
    assert_eq!(account.unexplained.len(), 1);
    assert_eq!(account.total().lost, 1);
}

#[test]
fn running_twice_in_one_process_of_ours_is_red_and_of_the_peer_where_it_remembers() {
    let twice = |process: &str, between: usize| {
        let mut events = vec![made(CALL, 101.0), ran(process, CALL, 101.1, false)];
        for number in 0..between {
            let id = format!("rust/rust/cast/r.{}", 1000 + number);
            events.push(made(&id, 102.0));
            events.push(ran(process, &id, 102.0, false));
            events.push(ended(&id, 102.0, "ok"));
        }
        events.push(ran(process, CALL, 103.0, true));
        events.push(ended(CALL, 103.0, "ok"));
        let account = account(events, &facts(Loss::Never));
        assert_eq!(account.total().ran_here_twice, 1);
        account.unexplained.len()
    };
    assert_eq!(twice("rust-a", 0), 1);
    assert_eq!(twice("rust-a", 30), 1);
    assert_eq!(twice("python-a", 3), 1);
    assert_eq!(twice("python-a", 30), 0);
}

#[test]
fn running_on_two_servers_needs_a_reason() {
    let run = |at: f64, redelivered| {
        let events = vec![
            made(CALL, at),
            ran("rust-a", CALL, at + 0.1, false),
            ran("rust-b", CALL, at + 0.2, redelivered),
            ended(CALL, at + 0.3, "ok"),
        ];
        let account = account(events, &facts(Loss::Never));
        assert_eq!(account.total().ran_elsewhere_too, 1);
        account.unexplained.len()
    };
    assert_eq!(run(50.0, false), 1, "nothing was wrong");
    assert_eq!(run(50.0, true), 0, "redelivered");
    assert_eq!(run(100.0, false), 0, "published again");
}

#[test]
fn an_answer_without_a_run_is_red() {
    let events = vec![made(CALL, 50.0), ended(CALL, 50.1, "ok")];
    assert_eq!(
        account(events, &facts(Loss::WithTheBroker)).unexplained,
        [format!("{CALL} was answered and never ran")]
    );
}

#[test]
fn what_a_killed_client_left_is_not_hung() {
    let mut facts = facts(Loss::Never);
    facts.killed_clients.insert("rust-client".to_owned());
    let account = account(vec![made(CALL, 101.0)], &facts);
    assert_eq!(account.unexplained, Vec::<String>::new());
    assert_eq!(account.total().gone_with_client, 1);
}

#[test]
fn a_direction_that_does_not_resume_is_red() {
    let events = vec![made(CALL, 101.0), ended(CALL, 105.0, "Timeout")];
    let account = Account::of(&events, &facts(Loss::Never));
    assert_eq!(
        account.unexplained,
        ["rust → rust: no call was answered after the fault"]
    );
}

/// A broker that confirmed what it never put into the stream was excused with the place of the peer.
#[test]
fn a_fanout_that_no_peer_ran_was_not_lost_with_a_place_in_the_stream() {
    let mut facts = facts(Loss::FanoutsToThePeerWithItsPlace);
    let peers = ["python-a", "python-b"].map(str::to_owned);
    let peers = BTreeSet::from(peers);
    facts.receivers.insert("python".to_owned(), peers);
    let (one, none) = ("rust/python/fanout/r.4", "rust/python/fanout/r.5");
    let events = vec![
        made(one, 101.0),
        ended(one, 101.1, "ok"),
        ran("python-a", one, 101.2, false),
        made(none, 102.0),
        ended(none, 102.1, "ok"),
    ];
    let unexplained = account(events, &facts).unexplained;
    assert_eq!(unexplained, [format!("{none} was lost; it ran on {{}}")]);
}

/// The peer waited for ever for a confirm that the broker forgot when a stream's leader moved.
#[test]
fn only_the_peers_fanouts_to_streams_may_wait_for_a_confirm_for_ever() {
    let facts = facts(Loss::FanoutsToThePeerWithItsPlace);
    let theirs = "python/rust/fanout/r.6";
    let judged = account(vec![made(theirs, 101.0)], &facts);
    assert_eq!(judged.unexplained, Vec::<String>::new());
    assert_eq!(judged.total().lost, 1);
    let early = account(vec![made(theirs, 50.0)], &facts);
    assert_eq!(early.unexplained, [format!("{theirs} never ended")]);
    let ours = account(vec![made(FANOUT, 101.0)], &facts);
    assert_eq!(ours.unexplained, [format!("{FANOUT} never ended")]);
}
