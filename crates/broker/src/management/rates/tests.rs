use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Key, Rates};

#[test]
fn rates_are_the_growth_between_the_latest_looks() {
    let mut rates = Rates::default();
    let start = Instant::now();
    let queue = Key::Queue("/".into(), "q".into());
    let shown = |rates: &Rates, count| Value::Object(rates.show(&queue, &[("publish", count)]));
    assert_eq!(
        shown(&rates, 3),
        json!({"publish": 3, "publish_details": {"rate": 0.0}})
    );

    rates.note(start, [(queue.clone(), vec![("publish", 10)])]);
    assert_eq!(shown(&rates, 10)["publish_details"]["rate"], 0.0);
    rates.note(
        start + Duration::from_secs(5),
        [(queue.clone(), vec![("publish", 30)])],
    );
    assert_eq!(
        shown(&rates, 31),
        json!({"publish": 31, "publish_details": {"rate": 4.0}})
    );
    rates.note(
        start + Duration::from_secs(10),
        [(queue.clone(), vec![("publish", 20)])],
    );
    assert_eq!(shown(&rates, 20)["publish_details"]["rate"], -2.0);
    rates.note(start + Duration::from_secs(15), []);
    assert_eq!(shown(&rates, 20)["publish_details"]["rate"], 0.0);
    rates.note(
        start + Duration::from_secs(20),
        [(queue.clone(), vec![("publish", 10)])],
    );
    assert_eq!(shown(&rates, 20)["publish_details"]["rate"], 2.0);
}
