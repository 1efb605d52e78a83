use super::Bench;

#[test]
fn a_consumer_has_no_more_than_its_prefetch() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    bench.qos(2, false);
    bench.consume("q", "c");
    for body in ["1", "2", "3", "4"] {
        bench.publish("q", body);
    }
    assert_eq!(bench.bodies(), ["1", "2"]);
    bench.ack(2);
    assert_eq!(bench.bodies(), ["3"]);
    bench.requeue(1);
    assert_eq!(bench.bodies(), ["1"]);
    bench.reject(3);
    assert_eq!(bench.bodies(), ["4"]);
}

#[test]
fn a_new_prefetch_is_for_new_consumers() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    bench.qos(1, false);
    bench.consume("q", "a");
    bench.qos(0, false);
    for _ in 0..3 {
        bench.publish("q", "x");
    }
    assert_eq!(bench.bodies().len(), 1);
    bench.consume("q", "b");
    assert_eq!(bench.bodies().len(), 2);
}

#[test]
fn a_global_prefetch_is_for_all_consumers_of_the_channel() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    bench.declare("r", &[]);
    bench.qos(1, true);
    bench.consume("q", "a");
    bench.consume("r", "b");
    for queue in ["q", "r", "q"] {
        bench.publish(queue, queue);
    }
    assert_eq!(bench.bodies(), ["q"]);
    // What is fetched does not count.
    assert_eq!(bench.get("r").unwrap().message.body, "r");
    bench.requeue(2);
    assert_eq!(bench.bodies(), [""; 0]);
    bench.ack(1);
    let next = bench.bodies();
    assert_eq!(next.len(), 1);
    bench.qos(0, true);
    assert_eq!(bench.bodies().len(), 1);
}

#[test]
fn no_ack_consumers_have_no_limit() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    bench.qos(1, false);
    bench.consume_no_ack("q", "c");
    for _ in 0..3 {
        bench.publish("q", "x");
    }
    assert_eq!(bench.bodies().len(), 3);
    assert_eq!(bench.host.message_bytes(), 0);
    let counters = bench.host.queue("q").unwrap().counters;
    assert_eq!((counters.delivered, counters.delivered_no_ack), (0, 3));
}

#[test]
fn a_full_consumer_whose_channel_goes_frees_the_others() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    bench.qos(1, false);
    bench.consume("q", "a");
    let other = bench.another_channel();
    bench.host.qos(other, 1, false, bench.now).unwrap();
    bench.consume_on(other, "q", "b", &[]).unwrap();
    for body in ["1", "2", "3"] {
        bench.publish("q", body);
    }
    bench.delivered();
    bench.host.close_channel(other, bench.now);
    assert_eq!(bench.bodies(), [""; 0]);
    bench.ack(1);
    assert_eq!(bench.bodies(), ["2"]);
}
