use super::*;

#[test]
fn a_queue_is_gone_for_a_minute() {
    let queues = MissingQueues::default();
    let now = Instant::now();
    queues.insert("reply_a", now);
    assert!(queues.contains("reply_a", now + Duration::from_secs(59)));
    assert!(!queues.contains("reply_b", now));
    assert!(!queues.contains("reply_a", now + Duration::from_mins(1)));
}

#[test]
fn hearing_of_it_again_starts_the_minute_anew() {
    let queues = MissingQueues::default();
    let now = Instant::now();
    queues.insert("reply_a", now);
    queues.insert("reply_a", now + Duration::from_secs(30));
    assert!(queues.contains("reply_a", now + Duration::from_secs(80)));
}

#[test]
fn the_memory_is_bounded_and_forgets_the_oldest() {
    let queues = MissingQueues::default();
    let now = Instant::now();
    for number in 0..=MissingQueues::CAPACITY {
        queues.insert(&format!("reply_{number}"), now);
    }
    assert!(!queues.contains("reply_0", now));
    assert!(queues.contains("reply_1", now));
    assert!(queues.contains("reply_200", now));
}
